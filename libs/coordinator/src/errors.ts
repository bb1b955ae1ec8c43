/**
 * What a client hears when the log below a coordinator refuses a write: coordinators' clients know other errors than
 * producers do. Source: Kafka's CoordinatorOperationExceptionHelper.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'

export function coordinatorError(error: ErrorCode): ErrorCode {
  switch (error) {
    case KafkaError.UNKNOWN_TOPIC_OR_PARTITION:
    case KafkaError.NOT_ENOUGH_REPLICAS:
    case KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case KafkaError.REQUEST_TIMED_OUT:
      return KafkaError.COORDINATOR_NOT_AVAILABLE
    case KafkaError.NOT_LEADER_OR_FOLLOWER:
    case KafkaError.FENCED_LEADER_EPOCH:
    case KafkaError.UNKNOWN_LEADER_EPOCH:
    case KafkaError.KAFKA_STORAGE_ERROR:
      return KafkaError.NOT_COORDINATOR
    case KafkaError.NETWORK_EXCEPTION:
      // From a verification round trip: makes the client retry without looking for the coordinator again.
      return KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    case KafkaError.MESSAGE_TOO_LARGE:
    case KafkaError.RECORD_LIST_TOO_LARGE:
    case KafkaError.INVALID_FETCH_SIZE:
      return KafkaError.UNKNOWN_SERVER_ERROR
    default:
      return error
  }
}
