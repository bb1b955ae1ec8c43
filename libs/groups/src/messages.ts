/**
 * Everything that is said to a group coordinator (one actor per `__consumer_offsets` partition).
 *
 * Bodies are decoded wire messages narrowed to groups of this shard; the answer is that API's response input.
 *
 * | message                    | from                           | answered with                                 |
 * | -------------------------- | ------------------------------ | --------------------------------------------- |
 * | joinGroup                  | front                          | JoinGroupResponse, when the rebalance is over |
 * | syncGroup                  | front                          | SyncGroupResponse, with the assignment        |
 * | heartbeat                  | front                          | HeartbeatResponse                             |
 * | leaveGroup                 | front                          | LeaveGroupResponse                            |
 * | offsetCommit               | front                          | OffsetCommitResponse                          |
 * | offsetFetch                | front                          | one group of OffsetFetchResponse              |
 * | offsetDelete               | front                          | OffsetDeleteResponse                          |
 * | describeGroups, listGroups | front                          | DescribeGroupsResponse, ListGroupsResponse    |
 * | deleteGroups               | front                          | DeleteGroupsResponse                          |
 * | txnOffsetCommit            | front, after verifyTransaction | TxnOffsetCommitResponse                       |
 * | topicsDeleted              | the `broker` actor             | –                                             |
 * | sessionExpired             | itself                         | –                                             |
 * | joinDelayOver              | itself                         | –                                             |
 * | rebalanceTimedOut          | itself                         | –                                             |
 * | pendingSyncExpired         | itself                         | –                                             |
 * | expireOffsets              | itself                         | –                                             |
 */
import type { Message, ReplyToken } from '@troupe/actor'
import type {
  DeleteGroupsRequest,
  DescribeGroupsRequest,
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupRequest,
  ListGroupsRequest,
  OffsetCommitRequest,
  OffsetDeleteRequest,
  OffsetFetchRequest_OffsetFetchRequestGroup,
  SyncGroupRequest,
  TxnOffsetCommitRequest,
} from '@troupe/wire/messages'

/** Who asks, as member lists show it. */
export interface GroupClient {
  readonly clientId: string
  readonly clientHost: string
}

interface GroupRequestOf<Kind extends string, Body> extends Message {
  readonly kind: Kind
  readonly replyTo: ReplyToken
  readonly body: Body
  readonly version: number
  readonly client: GroupClient
}

export type JoinGroup = GroupRequestOf<'joinGroup', JoinGroupRequest>
export type SyncGroup = GroupRequestOf<'syncGroup', SyncGroupRequest>
export type Heartbeat = GroupRequestOf<'heartbeat', HeartbeatRequest>
export type LeaveGroup = GroupRequestOf<'leaveGroup', LeaveGroupRequest>
export type OffsetCommit = GroupRequestOf<'offsetCommit', OffsetCommitRequest>
/** The answer is one group of OffsetFetchResponse (OffsetFetchResponse_OffsetFetchResponseGroupInput). */
export type OffsetFetch = GroupRequestOf<'offsetFetch', OffsetFetchRequest_OffsetFetchRequestGroup> & {
  readonly requireStable: boolean
}
export type OffsetDelete = GroupRequestOf<'offsetDelete', OffsetDeleteRequest>
export type DescribeGroups = GroupRequestOf<'describeGroups', DescribeGroupsRequest>
export type ListGroups = GroupRequestOf<'listGroups', ListGroupsRequest>
export type DeleteGroups = GroupRequestOf<'deleteGroups', DeleteGroupsRequest>
/** `guard` is from the replica's `verifyTransaction`, which the front asks first. */
export type TxnOffsetCommit = GroupRequestOf<'txnOffsetCommit', TxnOffsetCommitRequest> & { readonly guard: number }

/** From the `broker` actor: topics are gone, forget their offsets. */
export interface TopicsDeleted extends Message {
  readonly kind: 'topicsDeleted'
  readonly topics: readonly string[]
}

/** Own timer: nothing was heard of a member. */
export interface SessionExpired extends Message {
  readonly kind: 'sessionExpired'
  readonly groupId: string
  readonly memberId: string
}

/** Own timer: the first members of a group waited for more (group.initial.rebalance.delay.ms). */
export interface JoinDelayOver extends Message {
  readonly kind: 'joinDelayOver'
  readonly groupId: string
  readonly delayMs: number
  /** What may still be waited if more members keep coming. */
  readonly remainingMs: number
}

/** Own timer: members that have not rejoined are left behind. */
export interface RebalanceTimedOut extends Message {
  readonly kind: 'rebalanceTimedOut'
  readonly groupId: string
}

/** Own timer: members that never asked for their assignment are removed. */
export interface PendingSyncExpired extends Message {
  readonly kind: 'pendingSyncExpired'
  readonly groupId: string
  readonly generation: number
}

/** Own timer, every offsets.retention.check.interval.ms. */
export interface ExpireOffsets extends Message {
  readonly kind: 'expireOffsets'
}

export type GroupTimer = SessionExpired | JoinDelayOver | RebalanceTimedOut | PendingSyncExpired | ExpireOffsets

export type GroupRequest =
  | JoinGroup
  | SyncGroup
  | Heartbeat
  | LeaveGroup
  | OffsetCommit
  | OffsetFetch
  | OffsetDelete
  | DescribeGroups
  | ListGroups
  | DeleteGroups
  | TxnOffsetCommit
  | TopicsDeleted
  | GroupTimer
