/**
 * DescribeGroups, v0–6, and ListGroups, v0–5 (v4: filter by state; v5: filter by type, KIP-848). Both only read.
 *
 * A group that is not here is described as Dead, from v6 on with GROUP_ID_NOT_FOUND (KIP-1043).
 * Source: Kafka's GroupMetadataManager.describeGroups, listGroups; ClassicGroupMember.describe.
 */
import { KafkaError } from '@troupe/wire/errors'
import type {
  DescribeGroupsResponse_DescribedGroupInput as DescribedGroup,
  ListGroupsResponseInput,
} from '@troupe/wire/messages'
import { answered, type Draft } from './draft.ts'
import { metadataOf, NO_BYTES, type Group } from './group.ts'
import type { DescribeGroups, ListGroups } from './messages.ts'
import type { GroupState } from './state.ts'

const KNOWS_GROUP_ID_NOT_FOUND = 6

export function describeGroups({ groups }: GroupState, { body, version }: DescribeGroups): Draft {
  return answered({
    groups: body.groups.map((groupId) => {
      const group = groups.get(groupId)
      return group === undefined ? notFound(groupId, version) : describe(group)
    }),
  })
}

function notFound(groupId: string, version: number): DescribedGroup {
  const dead: DescribedGroup = {
    errorCode: KafkaError.NONE,
    groupId,
    groupState: 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
  }
  if (version < KNOWS_GROUP_ID_NOT_FOUND) return dead
  return { ...dead, errorCode: KafkaError.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` }
}

/** While a rebalance is under way there is no protocol, so no metadata of one; assignments are the last ones given. */
function describe(group: Group): DescribedGroup {
  const stable = group.phase === 'Stable'
  return {
    errorCode: KafkaError.NONE,
    groupId: group.groupId,
    groupState: group.phase,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? (group.protocol ?? '') : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? metadataOf(member, group.protocol) : NO_BYTES,
      memberAssignment: member.assignment,
    })),
  }
}

const TYPE = 'classic'

export function listGroups({ groups }: GroupState, { body }: ListGroups): Draft {
  const states = new Set(body.statesFilter.map((state) => state.trim().toLowerCase()))
  const types = new Set(body.typesFilter.map((type) => type.trim().toLowerCase()))
  const response: ListGroupsResponseInput = {
    errorCode: KafkaError.NONE,
    groups:
      types.size > 0 && !types.has(TYPE)
        ? []
        : [...groups.values()]
            .filter(({ phase }) => states.size === 0 || states.has(phase.toLowerCase()))
            .map(({ groupId, protocolType, phase }) => ({
              groupId,
              protocolType: protocolType ?? '',
              groupState: phase,
              groupType: TYPE,
            })),
  }
  return answered(response)
}
