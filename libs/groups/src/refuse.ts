/** What a request hears that meets a coordinator which can't decide: not loaded, loading, or without its log. */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { GroupRequest } from './messages.ts'
import { offsetCommitError } from './offset-commit.ts'
import { joinError, syncError } from './responses.ts'
import { txnOffsetCommitError } from './txn-offset-commit.ts'

export function refuse(request: GroupRequest, error: ErrorCode): unknown {
  switch (request.kind) {
    case 'joinGroup':
      return joinError(request.body.memberId, error, request.version)
    case 'syncGroup':
      return syncError(error)
    // Members keep their sessions while the coordinator loads: they all start anew afterwards.
    case 'heartbeat':
      return { errorCode: error === KafkaError.COORDINATOR_LOAD_IN_PROGRESS ? KafkaError.NONE : error }
    case 'offsetCommit':
      return offsetCommitError(request.body, error)
    case 'txnOffsetCommit':
      return txnOffsetCommitError(request.body, error)
    case 'offsetFetch':
      return { groupId: request.body.groupId, errorCode: fetchError(error), topics: [] }
    case 'describeGroups':
      return { groups: request.body.groups.map((groupId) => ({ groupId, errorCode: error })) }
    case 'deleteGroups':
      return { results: request.body.groupsNames.map((groupId) => ({ groupId, errorCode: error })) }
    default:
      return { errorCode: error }
  }
}

/** Consumers before 3.9 know no COORDINATOR_NOT_AVAILABLE here. */
function fetchError(error: ErrorCode): ErrorCode {
  return error === KafkaError.COORDINATOR_NOT_AVAILABLE ? KafkaError.NOT_COORDINATOR : error
}
