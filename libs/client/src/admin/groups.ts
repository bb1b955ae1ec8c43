/** Groups: list, describe, delete, members to be removed. Asked of each group's coordinator. */
import { KafkaError } from '@troupe/wire/errors'
import type {
  ConsumerGroupDescribeResponse,
  ConsumerGroupDescribeResponse_DescribedGroup,
} from '@troupe/wire/generated/69-consumer-group-describe'
import type { DeleteGroupsResponse } from '@troupe/wire/generated/42-delete-groups'
import type { DescribeGroupsResponse } from '@troupe/wire/generated/15-describe-groups'
import type { LeaveGroupResponse } from '@troupe/wire/generated/13-leave-group'
import type { ListGroupsResponse } from '@troupe/wire/generated/16-list-groups'
import { WireError } from '@troupe/wire/io'
import { decodeAssignment, PROTOCOL_TYPE } from '../consumer/protocol.ts'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import { answer, authorizedOperations, everyKey, passesAtCoordinator } from './answers.ts'
import { defineOperation, type Route } from './operation.ts'

export function toGroup(groupId: string): Route {
  return { coordinator: 'group', of: groupId }
}

export interface GroupListing {
  readonly groupId: string
  /** '' of a group that only holds offsets. */
  readonly protocolType: string
  readonly state: string
  /** Classic, Consumer, Share, Streams. */
  readonly type: string
}

export interface ListGroupsArgs {
  readonly states?: readonly string[]
  readonly types?: readonly string[]
}

export const listGroups = defineOperation({
  api: 16,
  items: (_args: ListGroupsArgs) => 'each broker' as const,
  keyOf: String,
  route: (broker: number) => broker,
  request: (_items, { states = [], types = [] }) => ({ body: { statesFilter: states, typesFilter: types } }),
  read: ({ errorCode, groups }: ListGroupsResponse, items) => {
    const value = groups.map(({ groupId, protocolType, groupState, groupType }): GroupListing => ({
      groupId,
      protocolType,
      state: groupState,
      type: groupType,
    }))
    return items.map((broker) => answer(String(broker), value, errorCode))
  },
  repeat: (error) =>
    error === KafkaError.COORDINATOR_LOAD_IN_PROGRESS || error === KafkaError.COORDINATOR_NOT_AVAILABLE,
})

export interface GroupDescription {
  readonly groupId: string
  readonly type: 'Classic' | 'Consumer'
  readonly state: string
  readonly protocolType: string
  /** The assignor that is in force, '' for none. */
  readonly assignor: string
  readonly members: readonly GroupMember[]
  /** The broker that coordinates it. */
  readonly coordinator: number
  /** Names of AclOperation; null: not asked for. */
  readonly authorizedOperations: readonly string[] | null
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly assignment: readonly TopicPartition[]
}

export interface DescribeGroupsArgs {
  readonly groups: readonly string[]
  readonly includeAuthorizedOperations?: boolean
}

/** Of the classic protocol; any group where the other one is not known. */
export const describeClassicGroups = defineOperation({
  api: 15,
  items: ({ groups }: DescribeGroupsArgs) => groups,
  keyOf: (groupId) => groupId,
  route: toGroup,
  request: (groups, { includeAuthorizedOperations = false }) => ({ body: { groups, includeAuthorizedOperations } }),
  read: ({ groups }: DescribeGroupsResponse, _items, _args, { broker }) =>
    groups.map((group) => {
      const value: GroupDescription = {
        groupId: group.groupId,
        type: 'Classic',
        state: group.groupState,
        protocolType: group.protocolType,
        assignor: group.protocolData,
        members: group.members.map((member) => ({
          memberId: member.memberId,
          groupInstanceId: member.groupInstanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          assignment: group.protocolType === PROTOCOL_TYPE ? assignmentIn(member.memberAssignment) : [],
        })),
        coordinator: broker,
        authorizedOperations: authorizedOperations(group.authorizedOperations),
      }
      return answer(group.groupId, value, group.errorCode, group.errorMessage)
    }),
  repeat: passesAtCoordinator,
})

/** Members may put into it what they like; what is no assignment is none. */
function assignmentIn(bytes: Uint8Array): readonly TopicPartition[] {
  if (bytes.length === 0) return []
  try {
    return decodeAssignment(bytes).partitions
  } catch (error) {
    if (error instanceof WireError) return []
    throw error
  }
}

/** Of KIP-848's protocol. */
export const describeConsumerProtocolGroups = defineOperation({
  api: 69,
  items: ({ groups }: DescribeGroupsArgs) => groups,
  keyOf: (groupId) => groupId,
  route: toGroup,
  request: (groupIds, { includeAuthorizedOperations = false }) => ({ body: { groupIds, includeAuthorizedOperations } }),
  read: ({ groups }: ConsumerGroupDescribeResponse, _items, _args, { broker }) =>
    groups.map((group) => answer(group.groupId, describedGroup(group, broker), group.errorCode, group.errorMessage)),
  repeat: passesAtCoordinator,
})

function describedGroup(group: ConsumerGroupDescribeResponse_DescribedGroup, broker: number): GroupDescription {
  return {
    groupId: group.groupId,
    type: 'Consumer',
    state: group.groupState,
    protocolType: PROTOCOL_TYPE,
    assignor: group.assignorName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      assignment: member.assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
        partitions.map((partition) => ({ topic: topicName, partition })),
      ),
    })),
    coordinator: broker,
    authorizedOperations: authorizedOperations(group.authorizedOperations),
  }
}

export const deleteGroups = defineOperation({
  api: 42,
  items: ({ groups }: { readonly groups: readonly string[] }) => groups,
  keyOf: (groupId) => groupId,
  route: toGroup,
  request: (groupsNames) => ({ body: { groupsNames } }),
  read: ({ results }: DeleteGroupsResponse) =>
    results.map(({ groupId, errorCode }) => answer(groupId, undefined, errorCode)),
  repeat: passesAtCoordinator,
})

/** A static member by its `group.instance.id`, or any by its id. */
export type MemberToRemove = { readonly groupInstanceId: string } | { readonly memberId: string }

function keyOfMember(member: MemberToRemove): string {
  return 'groupInstanceId' in member ? member.groupInstanceId : member.memberId
}

/** From here on a request takes a list of members. */
const LEAVE_BY_LIST = 3

export const removeMembers = defineOperation({
  api: 13,
  items: (args: { readonly groupId: string; readonly members: readonly MemberToRemove[]; readonly reason?: string }) =>
    args.members,
  keyOf: keyOfMember,
  route: (_member, { groupId }) => toGroup(groupId),
  request: (items, { groupId, reason }) => ({
    body: {
      groupId,
      members: items.map((member) => ({
        memberId: 'memberId' in member ? member.memberId : '',
        groupInstanceId: 'groupInstanceId' in member ? member.groupInstanceId : null,
        reason: reason ?? 'removed by the admin',
      })),
    },
    minVersion: LEAVE_BY_LIST,
  }),
  read({ errorCode, members }: LeaveGroupResponse, items) {
    if (errorCode !== KafkaError.NONE) return everyKey(items.map(keyOfMember), errorCode)
    return members.map((member) => answer(member.groupInstanceId ?? member.memberId, undefined, member.errorCode))
  },
  repeat: passesAtCoordinator,
})
