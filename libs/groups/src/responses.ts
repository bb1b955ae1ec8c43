/** Answers of the membership APIs that more than one handler gives. */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { JoinGroupResponseInput, SyncGroupResponseInput } from '@troupe/wire/messages'
import { isLeader, metadataOf, NO_BYTES, type Group, type Member } from './group.ts'

/** Before v7 the protocol name can't be null. */
const noProtocol = (version: number): string | null => (version >= 7 ? null : '')

export function joinError(memberId: string, errorCode: ErrorCode, version: number): JoinGroupResponseInput {
  return {
    errorCode,
    generationId: -1,
    memberId,
    protocolType: null,
    protocolName: noProtocol(version),
    leader: '',
    members: [],
  }
}

/** The current generation, as this member sees it: the leader computes the assignment and gets the list of members. */
export function joinResponse(group: Group, member: Member, version: number): JoinGroupResponseInput {
  return {
    errorCode: KafkaError.NONE,
    generationId: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocol ?? noProtocol(version),
    leader: group.leader ?? '',
    skipAssignment: false,
    memberId: member.memberId,
    members: isLeader(group, member.memberId) ? joinedMembers(group) : [],
  }
}

export function joinedMembers(group: Group): NonNullable<JoinGroupResponseInput['members']> {
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataOf(member, group.protocol),
  }))
}

export function syncError(errorCode: ErrorCode): SyncGroupResponseInput {
  return { errorCode, protocolType: null, protocolName: null, assignment: NO_BYTES }
}

export function syncResponse(group: Group, assignment: Uint8Array): SyncGroupResponseInput {
  return { errorCode: KafkaError.NONE, protocolType: group.protocolType, protocolName: group.protocol, assignment }
}
