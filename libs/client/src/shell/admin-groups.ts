/** Questions about groups that take more than one request. */
import { KafkaError as errors } from '@troupe/wire/errors'
import type { GroupDescription, GroupListing, MemberToRemove } from '../admin/groups.ts'
import type { AdminItem } from '../messages.ts'
import type { AdminCalls, AdminOptions } from './admin-calls.ts'
import { kafkaError } from './errors.ts'

/** What the other protocol's description is asked for then: as DescribeConsumerGroupsHandler. */
const notOfThisProtocol: ReadonlySet<number> = new Set([errors.UNSUPPORTED_VERSION, errors.GROUP_ID_NOT_FOUND])

export interface DescribeGroupsOptions extends AdminOptions {
  readonly includeAuthorizedOperations?: boolean
}

/** First as a group of KIP-848's protocol; one that is none, or a broker that has none, as a classic one. */
export async function describeConsumerGroups(
  calls: AdminCalls,
  groups: readonly string[],
  { includeAuthorizedOperations = false, ...options }: DescribeGroupsOptions,
): Promise<readonly AdminItem<GroupDescription>[]> {
  const first = await calls.items('describeConsumerProtocolGroups', { groups, includeAuthorizedOperations }, options)
  const classic = first.filter(({ error }) => notOfThisProtocol.has(error)).map(({ key }) => key)
  if (classic.length === 0) return first
  const second = await calls.items('describeClassicGroups', { groups: classic, includeAuthorizedOperations }, options)
  const found = new Map(second.map((item) => [item.key, item]))
  return first.map((item) => found.get(item.key) ?? item)
}

export interface ListGroupsOptions extends AdminOptions {
  readonly states?: readonly string[]
  readonly types?: readonly string[]
  /** `consumer`, `connect`, …; '' for groups that only hold offsets. */
  readonly protocolTypes?: readonly string[]
}

/** A coordinator knows its own groups only: those of all brokers together. */
export async function listGroups(
  calls: AdminCalls,
  { states, types, protocolTypes, ...options }: ListGroupsOptions,
): Promise<GroupListing[]> {
  const asked = { ...(states ? { states } : {}), ...(types ? { types } : {}) }
  const groups = (await allOf(calls.items('listGroups', asked, options))).flat()
  return groups.filter(({ protocolType }) => protocolTypes?.includes(protocolType) ?? true)
}

/** The value of each item; the first error of one. */
export async function allOf<Value>(asked: Promise<readonly AdminItem<Value>[]>): Promise<Value[]> {
  return (await asked).map(({ key, error, detail, value }) => {
    if (error !== errors.NONE) throw kafkaError(error, `broker ${key}: ${detail}`)
    return value as Value
  })
}

export interface RemoveMembersOptions extends AdminOptions {
  /** Default: all that it has now. */
  readonly members?: readonly MemberToRemove[]
  /** KIP-800. */
  readonly reason?: string
}

export async function removeMembers(
  calls: AdminCalls,
  groupId: string,
  { members, reason, ...options }: RemoveMembersOptions,
): Promise<readonly AdminItem<undefined>[]> {
  const removed = members ?? (await membersOf(calls, groupId, options))
  const why = reason === undefined ? {} : { reason }
  return calls.items('removeMembers', { groupId, members: removed, ...why }, options)
}

/** Everybody who is in the group now, static members by their `group.instance.id`. */
async function membersOf(calls: AdminCalls, groupId: string, options: AdminOptions): Promise<MemberToRemove[]> {
  const [group] = await describeConsumerGroups(calls, [groupId], options)
  if (group!.error !== errors.NONE) throw kafkaError(group!.error, group!.detail)
  return group!.value!.members.map(({ memberId, groupInstanceId }) =>
    groupInstanceId === null ? { memberId } : { groupInstanceId },
  )
}
