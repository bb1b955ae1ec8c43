/**
 * The records of `__consumer_offsets`, as Kafka 4.3 writes them. Source: GroupCoordinatorRecordHelpers.
 *
 * GroupMetadataValue is written at version 3, OffsetCommitValue at 4, or at 1 when it carries its own expiry.
 */
import type { CoordinatorRecord } from '@troupe/coordinator'
import type { GroupMetadataValue, OffsetCommitValue } from '@troupe/wire/generated/coordinator-records'
import { zeroUuid } from '@troupe/wire/io'
import { metadataOf, NO_BYTES, type Group } from './group.ts'

const GROUP_METADATA_VERSION = 3
const OFFSET_COMMIT_VERSION = 4
/** The only version with an expiry of its own (OffsetCommit v2–4 with a retention time). */
const OFFSET_COMMIT_EXPIRING_VERSION = 1

export interface CommittedOffset {
  readonly offset: number
  /** −1: unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** −1: by the group's retention. */
  readonly expireTimestampMs: number
  /** zeroUuid: unknown. */
  readonly topicId: string
}

const groupKey = (group: string): CoordinatorRecord['key'] => ({ type: 'GroupMetadataKey', value: { group } })

const offsetKey = (group: string, topic: string, partition: number): CoordinatorRecord['key'] => ({
  type: 'OffsetCommitKey',
  value: { group, topic, partition },
})

/** The group's generation with these assignments. */
export function groupMetadata(group: Group, assignments: ReadonlyMap<string, Uint8Array>): CoordinatorRecord {
  const value: GroupMetadataValue = {
    protocolType: group.protocolType ?? '',
    generation: group.generation,
    protocol: group.protocol,
    leader: group.leader,
    currentStateTimestamp: group.stateTimestampMs,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataOf(member, group.protocol),
      assignment: assignments.get(member.memberId) ?? NO_BYTES,
    })),
  }
  return { key: groupKey(group.groupId), value: { type: 'GroupMetadataValue', version: GROUP_METADATA_VERSION, value } }
}

/** The generation in which nobody is left. */
export function emptyGroupMetadata(group: Group, generation: number, now: number): CoordinatorRecord {
  const value: GroupMetadataValue = {
    protocolType: group.protocolType ?? '',
    generation,
    protocol: null,
    leader: null,
    currentStateTimestamp: now,
    members: [],
  }
  return { key: groupKey(group.groupId), value: { type: 'GroupMetadataValue', version: GROUP_METADATA_VERSION, value } }
}

export function groupTombstone(groupId: string): CoordinatorRecord {
  return { key: groupKey(groupId), value: null }
}

export function offsetCommit(
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): CoordinatorRecord {
  const expires = committed.expireTimestampMs !== -1
  const value: OffsetCommitValue = {
    offset: committed.offset,
    leaderEpoch: expires ? -1 : committed.leaderEpoch,
    metadata: committed.metadata,
    commitTimestamp: committed.commitTimestampMs,
    expireTimestamp: committed.expireTimestampMs,
    topicId: expires ? zeroUuid : committed.topicId,
  }
  const version = expires ? OFFSET_COMMIT_EXPIRING_VERSION : OFFSET_COMMIT_VERSION
  return { key: offsetKey(group, topic, partition), value: { type: 'OffsetCommitValue', version, value } }
}

export function offsetTombstone(group: string, topic: string, partition: number): CoordinatorRecord {
  return { key: offsetKey(group, topic, partition), value: null }
}
