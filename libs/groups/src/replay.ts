/**
 * The only code that changes durable state: what a record of `__consumer_offsets` means, live and at load alike.
 *
 * Live, a `GroupMetadata` record finds the very members it was made of and gives them their assignment; at load it
 * brings the members. Record types of protocols we do not coordinate are left alone.
 */
import type { CoordinatorRecord } from '@troupe/coordinator'
import type {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from '@troupe/wire/generated/coordinator-records'
import { zeroUuid } from '@troupe/wire/io'
import { computeSubscribedTopics, groupEdges, newGroup, type Group, type Member } from './group.ts'
import { dropOffset, endTransaction, storeOffset } from './offsets.ts'
import type { GroupState } from './state.ts'

export function replay(
  state: GroupState,
  { key, value }: CoordinatorRecord,
  producer: { readonly producerId: number } | null,
): void {
  switch (key.type) {
    case 'OffsetCommitKey':
    case 'LegacyOffsetCommitKey':
      return replayOffset(state, key.value as OffsetCommitKey, value?.value as OffsetCommitValue | undefined, producer)
    case 'GroupMetadataKey':
      return replayGroup(state, key.value as GroupMetadataKey, value?.value as GroupMetadataValue | undefined)
  }
}

export function replayEndTxn(state: GroupState, producerId: number, _producerEpoch: number, commit: boolean): void {
  endTransaction(state.offsets, producerId, commit)
}

function replayOffset(
  { groups, offsets }: GroupState,
  { group, topic, partition }: OffsetCommitKey,
  value: OffsetCommitValue | LegacyOffsetCommitValue | undefined,
  producer: { readonly producerId: number } | null,
): void {
  if (value === undefined) return dropOffset(offsets, group, topic, partition)
  // Whoever commits without joining makes a group that only stores offsets.
  if (!groups.has(group)) groups.set(group, newGroup(group, -1))
  const committed = {
    offset: value.offset,
    leaderEpoch: 'leaderEpoch' in value ? value.leaderEpoch : -1,
    metadata: value.metadata,
    commitTimestampMs: value.commitTimestamp,
    expireTimestampMs: 'expireTimestamp' in value ? value.expireTimestamp : -1,
    topicId: 'topicId' in value ? value.topicId : zeroUuid,
  }
  storeOffset(offsets, group, topic, partition, committed, producer === null ? null : producer.producerId)
}

function replayGroup(
  { groups }: GroupState,
  { group: groupId }: GroupMetadataKey,
  value: GroupMetadataValue | undefined,
): void {
  let group = groups.get(groupId)
  if (value === undefined) {
    if (group !== undefined) group.phase = groupEdges(group.phase, 'Dead')
    groups.delete(groupId)
    return
  }
  if (group === undefined) groups.set(groupId, (group = newGroup(groupId, -1)))
  group.persisted = { ...value, members: value.members.map(copyMember) }
  if (value.members.length === 0) becomeEmpty(group)
  else becomeStable(group)
}

function copyMember(member: GroupMetadataValue['members'][number]): GroupMetadataValue['members'][number] {
  return { ...member, subscription: member.subscription.slice(), assignment: member.assignment.slice() }
}

function becomeEmpty(group: Group): void {
  const { generation, protocolType, currentStateTimestamp } = group.persisted!
  group.phase = groupEdges(group.phase, 'Empty')
  group.initialRebalance = false
  group.stateTimestampMs = currentStateTimestamp
  group.generation = generation
  group.protocolType = protocolType === '' ? null : protocolType
  group.protocol = null
  group.leader = null
  group.members.clear()
  group.staticMembers.clear()
  group.pendingSync.clear()
  group.subscribedTopics = computeSubscribedTopics(group)
}

function becomeStable(group: Group): void {
  const { generation, protocolType, protocol, leader, currentStateTimestamp, members } = group.persisted!
  group.phase = groupEdges(group.phase, 'Stable')
  group.stateTimestampMs = currentStateTimestamp
  group.generation = generation
  group.protocolType = protocolType === '' ? null : protocolType
  group.protocol = protocol
  group.leader = leader
  const known = new Map(group.members)
  group.members.clear()
  group.staticMembers.clear()
  for (const record of members) {
    const member = known.get(record.memberId) ?? memberOf(record, protocol)
    member.assignment = record.assignment
    group.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) group.staticMembers.set(member.groupInstanceId, member.memberId)
  }
  group.subscribedTopics = computeSubscribedTopics(group)
}

function memberOf(record: GroupMetadataValue['members'][number], protocol: string | null): Member {
  return {
    memberId: record.memberId,
    groupInstanceId: record.groupInstanceId,
    clientId: record.clientId,
    clientHost: record.clientHost,
    rebalanceTimeoutMs: record.rebalanceTimeout === -1 ? record.sessionTimeout : record.rebalanceTimeout,
    sessionTimeoutMs: record.sessionTimeout,
    protocols: protocol === null ? [] : [{ name: protocol, metadata: record.subscription }],
    assignment: record.assignment,
    isNew: false,
    join: null,
    sync: null,
    deadlineMs: 0,
    timerAtMs: 0,
  }
}
