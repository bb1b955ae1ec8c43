/** How a client reads Kafka's errors, beyond "retriable". Source: the classes of org.apache.kafka.common.errors. */
import { KafkaError } from '@troupe/wire/errors'

const invalidMetadata: ReadonlySet<number> = new Set([
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaError.LEADER_NOT_AVAILABLE,
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.REPLICA_NOT_AVAILABLE,
  KafkaError.NETWORK_EXCEPTION,
  KafkaError.KAFKA_STORAGE_ERROR,
  KafkaError.LISTENER_NOT_FOUND,
  KafkaError.FENCED_LEADER_EPOCH,
  KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
  KafkaError.ELIGIBLE_LEADERS_NOT_AVAILABLE,
  KafkaError.ELECTION_NOT_NEEDED,
  KafkaError.UNKNOWN_TOPIC_ID,
  KafkaError.INCONSISTENT_TOPIC_ID,
])

/** The client's picture of the cluster is out of date (InvalidMetadataException). */
export function isInvalidMetadata(code: number): boolean {
  return invalidMetadata.has(code)
}

/** Errors after which nobody can say whether the records are, or will be, in the log. */
const indefinite: ReadonlySet<number> = new Set([
  KafkaError.UNKNOWN_SERVER_ERROR,
  KafkaError.REQUEST_TIMED_OUT,
  KafkaError.NETWORK_EXCEPTION,
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  KafkaError.KAFKA_STORAGE_ERROR,
  KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaError.UNKNOWN_TOPIC_ID,
])

export function isIndefinite(code: number): boolean {
  return indefinite.has(code)
}
