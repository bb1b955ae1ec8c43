/** The classic group protocol: members, generations, offsets, administration. */
import { KafkaError } from '@troupe/wire/errors'
import { Writer } from '@troupe/wire/io'
import { utf8 } from '../harness/batches.ts'
import { scenario, versionsOf, type AskOptions, type Message, type Scenario, type Session } from '../harness/session.ts'

/** Subscriptions as consumers write them, version 0: the coordinator reads the topics out of them. */
function subscription(topics: readonly string[], userData: string): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.int32(topics.length)
  for (const topic of topics) writer.string(topic)
  writer.bytesField(utf8(userData))
  return writer.bytes().slice()
}

const protocols = (...names: string[]): object[] => names.map((name) => ({ name, metadata: subscription(['gl'], `${name} of ${names.length}`) }))
const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'

function joining(groupId: string, memberId: string, version: number, rest: object = {}): Message {
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 30_000 } : {}),
    memberId,
    protocolType: 'consumer',
    protocols: protocols('range', 'roundrobin'),
    ...rest,
  }
}

/** Joins, taking the member id it is told to take; returns the last answer. */
async function join(s: Session, label: string, groupId: string, version: number, rest: object = {}, options: AskOptions = {}): Promise<Message> {
  const first = await s.ask(label, 'JoinGroup', version, joining(groupId, '', version, rest), options)
  return first.errorCode === KafkaError.MEMBER_ID_REQUIRED ? s.ask(`${label} with its id`, 'JoinGroup', version, joining(groupId, first.memberId, version, rest), options) : first
}

async function alone(s: Session, groupId: string, version = 9): Promise<{ memberId: string; generationId: number }> {
  const { memberId, generationId } = await join(s, 'joins alone', groupId, version)
  await s.ask('syncs alone', 'SyncGroup', 5, { groupId, generationId, memberId, protocolType: 'consumer', protocolName: 'range', assignments: [{ memberId, assignment: utf8('all') }] })
  return { memberId, generationId }
}

export const groups: Scenario[] = [
  scenario('groups: one member, at every version', async (s) => {
    for (const version of versionsOf('JoinGroup')) {
      const groupId = `gv-${version}`
      const sync = Math.min(version, 5)
      const heartbeat = Math.min(version, 4)
      const leave = Math.min(version, 5)
      const joined = await join(s, 'joins', groupId, version, version >= 8 ? { reason: 'because' } : {})
      const { memberId, generationId } = joined
      const named = sync >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
      await s.ask('heartbeat before the sync', 'Heartbeat', heartbeat, { groupId, generationId, memberId })
      await s.ask('describe before the sync', 'DescribeGroups', sync, { groups: [groupId] })
      await s.ask('sync', 'SyncGroup', sync, { groupId, generationId, memberId, ...named, assignments: [{ memberId, assignment: utf8('mine') }] })
      await s.ask('sync again', 'SyncGroup', sync, { groupId, generationId, memberId, ...named, assignments: [] })
      await s.ask('heartbeat', 'Heartbeat', heartbeat, { groupId, generationId, memberId })
      await s.ask('heartbeat of an old generation', 'Heartbeat', heartbeat, { groupId, generationId: generationId - 1, memberId })
      await s.ask('heartbeat of an unknown member', 'Heartbeat', heartbeat, { groupId, generationId, memberId: 'who' })
      await s.ask('heartbeat to an unknown group', 'Heartbeat', heartbeat, { groupId: 'gv-unknown', generationId, memberId })
      await s.ask('heartbeat to an empty group id', 'Heartbeat', heartbeat, { groupId: '', generationId, memberId })
      await s.ask('sync of an old generation', 'SyncGroup', sync, { groupId, generationId: generationId - 1, memberId, ...named, assignments: [] })
      await s.ask('sync of an unknown member', 'SyncGroup', sync, { groupId, generationId, memberId: 'who', ...named, assignments: [] })
      await s.ask('sync in an unknown group', 'SyncGroup', sync, { groupId: 'gv-unknown', generationId, memberId, ...named, assignments: [] })
      if (sync >= 5) {
        await s.ask('sync with another protocol', 'SyncGroup', 5, { groupId, generationId, memberId, protocolType: 'consumer', protocolName: 'sticky', assignments: [] })
        await s.ask('sync with another protocol type', 'SyncGroup', 5, { groupId, generationId, memberId, protocolType: 'connect', protocolName: 'range', assignments: [] })
        await s.ask('sync without protocols', 'SyncGroup', 5, { groupId, generationId, memberId, protocolType: null, protocolName: null, assignments: [] })
      }
      await s.ask('describe', 'DescribeGroups', sync, { groups: [groupId] })
      await s.ask('rejoins with the same', 'JoinGroup', version, joining(groupId, memberId, version))
      await s.ask('joins as an unknown member', 'JoinGroup', version, joining(groupId, 'who', version))
      await s.ask('joins with a session too short', 'JoinGroup', version, joining(groupId, '', version, { sessionTimeoutMs: 10 }))
      await s.ask('joins with a session too long', 'JoinGroup', version, joining(groupId, '', version, { sessionTimeoutMs: 1_800_001 }))
      await s.ask('joins without protocols', 'JoinGroup', version, joining(groupId, '', version, { protocols: [] }))
      await s.ask('joins with another protocol type', 'JoinGroup', version, joining(groupId, '', version, { protocolType: 'connect' }))
      await s.ask('joins without a protocol type', 'JoinGroup', version, joining(groupId, '', version, { protocolType: '' }))
      await s.ask('joins with protocols nobody knows', 'JoinGroup', version, joining(groupId, '', version, { protocols: protocols('other') }))
      await s.ask('joins an empty group id', 'JoinGroup', version, joining('', '', version))
      const leaver = (id: string): object => (leave >= 3 ? { members: [{ memberId: id, ...(leave >= 5 ? { reason: 'done' } : {}) }] } : { memberId: id })
      await s.ask('an unknown member leaves', 'LeaveGroup', leave, { groupId, ...leaver('who') })
      await s.ask('leaves an unknown group', 'LeaveGroup', leave, { groupId: 'gv-unknown', ...leaver(memberId) })
      await s.ask('leaves', 'LeaveGroup', leave, { groupId, ...leaver(memberId) })
      await s.ask('leaves again', 'LeaveGroup', leave, { groupId, ...leaver(memberId) })
      await s.ask('heartbeat after leaving', 'Heartbeat', heartbeat, { groupId, generationId, memberId })
      await s.ask('describe when empty', 'DescribeGroups', sync, { groups: [groupId] }, { until: (answer) => answer.groups[0].groupState === 'Empty' })
    }
  }),
  scenario('groups: a rebalance of two', async (s) => {
    const groupId = 'g2'
    const first = await alone(s, groupId)
    const second = join(s, 'second joins', groupId, 9, { protocols: protocols('roundrobin', 'range', 'last') }, { on: 'second', timeoutMs: 10_000 })
    await s.ask('first is told to rejoin', 'Heartbeat', 4, { groupId, ...first }, { until: (answer) => answer.errorCode !== 0 })
    await s.ask('describe while preparing', 'DescribeGroups', 5, { groups: [groupId] })
    await s.ask('sync while preparing', 'SyncGroup', 5, { groupId, ...first, protocolType: 'consumer', protocolName: 'range', assignments: [] })
    await s.ask('commit while preparing', 'OffsetCommit', 8, { groupId, generationIdOrMemberEpoch: first.generationId, memberId: first.memberId, topics: [] })
    const rejoined = await s.ask('first rejoins', 'JoinGroup', 9, joining(groupId, first.memberId, 9), { timeoutMs: 10_000 })
    const joined = await second
    const { generationId } = rejoined
    s.note('both are of one generation, and one leads', [joined.generationId === generationId, rejoined.leader === joined.leader, rejoined.leader === first.memberId])
    const named = { protocolType: 'consumer', protocolName: rejoined.protocolName }
    await s.ask('heartbeat while completing', 'Heartbeat', 4, { groupId, generationId, memberId: first.memberId })
    await s.ask('heartbeat of the old generation', 'Heartbeat', 4, { groupId, ...first })
    await s.ask('commit while completing', 'OffsetCommit', 8, { groupId, generationIdOrMemberEpoch: generationId, memberId: first.memberId, topics: [] })
    const follower = s.ask('follower syncs', 'SyncGroup', 5, { groupId, generationId, memberId: joined.memberId, ...named, assignments: [] }, { on: 'second', timeoutMs: 10_000 })
    await s.ask('leader syncs', 'SyncGroup', 5, { groupId, generationId, memberId: first.memberId, ...named, assignments: [{ memberId: first.memberId, assignment: utf8('one') }, { memberId: joined.memberId, assignment: utf8('two') }] })
    await follower
    await s.ask('describe when stable', 'DescribeGroups', 5, { groups: [groupId], includeAuthorizedOperations: true })
    await s.ask('deletion of a group with members', 'DeleteGroups', 2, { groupsNames: [groupId] })
    await s.ask('follower rejoins with the same', 'JoinGroup', 9, joining(groupId, joined.memberId, 9, { protocols: protocols('roundrobin', 'range', 'last') }), { on: 'second' })
    await s.ask('both leave at once', 'LeaveGroup', 5, { groupId, members: [{ memberId: first.memberId }, { memberId: joined.memberId }, { memberId: 'who' }] })
    await s.ask('describe when empty', 'DescribeGroups', 5, { groups: [groupId] }, { until: (answer) => answer.groups[0].groupState === 'Empty' })
  }),
  scenario('groups: a leader that rejoins, a member that leaves', async (s) => {
    const groupId = 'g3'
    const first = await alone(s, groupId)
    await s.ask('the leader rejoins: a new generation', 'JoinGroup', 9, joining(groupId, first.memberId, 9))
    await s.ask('with other protocols', 'JoinGroup', 9, joining(groupId, first.memberId, 9, { protocols: protocols('sticky') }))
    const short = await join(s, 'a member with a short session', 'g4', 9, { sessionTimeoutMs: 200, rebalanceTimeoutMs: 200 })
    await s.ask('its group when it was forgotten', 'DescribeGroups', 5, { groups: ['g4'] }, { until: (answer) => answer.groups[0].groupState === 'Empty' })
    await s.ask('its heartbeat afterwards', 'Heartbeat', 4, { groupId: 'g4', generationId: short.generationId, memberId: short.memberId })
  }),
  scenario('groups: static members', async (s) => {
    const groupId = 'gs'
    const one = { groupInstanceId: 'one' }
    for (const version of versionsOf('JoinGroup', { from: 5 })) {
      const joined = await s.ask('static member joins', 'JoinGroup', version, joining(`${groupId}-${version}`, '', version, one))
      await s.ask('and leaves by instance id', 'LeaveGroup', 3, { groupId: `${groupId}-${version}`, members: [{ memberId: '', groupInstanceId: 'one' }] })
      await s.ask('joins with its id of before', 'JoinGroup', version, joining(`${groupId}-${version}`, joined.memberId, version, one))
    }
    const joined = await s.ask('static member joins', 'JoinGroup', 9, joining(groupId, '', 9, one))
    const { memberId, generationId } = joined
    const named = { protocolType: 'consumer', protocolName: 'range' }
    await s.ask('syncs', 'SyncGroup', 5, { groupId, generationId, memberId, ...one, ...named, assignments: [{ memberId, assignment: utf8('all') }] })
    await s.ask('described', 'DescribeGroups', 5, { groups: [groupId] })
    const replaced = await s.ask('returns without its id', 'JoinGroup', 9, joining(groupId, '', 9, one))
    await s.ask('returns with its id, old member id', 'JoinGroup', 9, joining(groupId, memberId, 9, one))
    await s.ask('its old self beats', 'Heartbeat', 4, { groupId, generationId, memberId, ...one })
    await s.ask('its old self syncs', 'SyncGroup', 5, { groupId, generationId, memberId, ...one, ...named, assignments: [] })
    await s.ask('its old self commits', 'OffsetCommit', 8, { groupId, generationIdOrMemberEpoch: generationId, memberId, ...one, topics: [] })
    await s.ask('its old self leaves', 'LeaveGroup', 5, { groupId, members: [{ memberId, ...one }] })
    await s.ask('the new self syncs', 'SyncGroup', 5, { groupId, generationId: replaced.generationId, memberId: replaced.memberId, ...one, ...named, assignments: [] })
    await s.ask('an unknown instance beats', 'Heartbeat', 4, { groupId, generationId: replaced.generationId, memberId: replaced.memberId, groupInstanceId: 'two' })
    await s.ask('an unknown instance leaves', 'LeaveGroup', 5, { groupId, members: [{ memberId: '', groupInstanceId: 'two' }] })
    await s.ask('an instance with a foreign member id leaves', 'LeaveGroup', 5, { groupId, members: [{ memberId: 'who', ...one }] })
    await s.ask('returns with other protocols', 'JoinGroup', 9, joining(groupId, '', 9, { ...one, protocols: protocols('sticky') }))
    await s.ask('leaves by its instance id', 'LeaveGroup', 5, { groupId, members: [{ memberId: '', ...one }] })
    await s.ask('empty afterwards', 'DescribeGroups', 5, { groups: [groupId] })
  }),
  scenario('OffsetCommit and OffsetFetch', async (s) => {
    const id = await s.topic('oc', { partitions: 3 })
    for (const version of versionsOf('OffsetCommit')) {
      const groupId = `oc-${version}`
      const named = (name: string, topicId: string): object => (version >= 10 ? { topicId } : { name })
      const commit = (label: string, rest: object = {}, partition: object = {}, topic = named('oc', id)): Promise<Message> =>
        s.ask(label, 'OffsetCommit', version, { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 5, ...partition }] }], ...rest })
      await commit('from nobody')
      await commit('with metadata', {}, { partitionIndex: 1, committedMetadata: 'text', ...(version >= 6 ? { committedLeaderEpoch: 0 } : {}) })
      await commit('null metadata', {}, { partitionIndex: 2, committedMetadata: null })
      await commit('metadata too long', {}, { committedMetadata: 'x'.repeat(4097) })
      await commit('unknown partition', {}, { partitionIndex: 7 })
      await commit('unknown topic', {}, {}, named('oc-unknown', unknownId))
      await commit('negative offset', {}, { committedOffset: -1 })
      await commit('a generation in an empty group', { generationIdOrMemberEpoch: 3 })
      await commit('a member in an empty group', { generationIdOrMemberEpoch: 1, memberId: 'who' })
      await commit('empty group id', { groupId: '' })
      if (version >= 7) await commit('an instance in an empty group', { generationIdOrMemberEpoch: 1, memberId: 'who', groupInstanceId: 'one' })
      await commit('a generation in a new group', { groupId: `oc-new-${version}`, generationIdOrMemberEpoch: 3, memberId: 'who' })
      await s.ask('nothing', 'OffsetCommit', version, { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [] })
    }
    const member = await alone(s, 'oc-live')
    const live = (label: string, rest: object): Promise<Message> =>
      s.ask(label, 'OffsetCommit', 8, { groupId: 'oc-live', generationIdOrMemberEpoch: member.generationId, memberId: member.memberId, topics: [{ name: 'oc', partitions: [{ partitionIndex: 0, committedOffset: 8 }] }], ...rest })
    await live('a member commits', {})
    await live('of an old generation', { generationIdOrMemberEpoch: 0 })
    await live('of a future generation', { generationIdOrMemberEpoch: 9 })
    await live('of another member', { memberId: 'who' })
    await live('from outside a group with members', { generationIdOrMemberEpoch: -1, memberId: '' })
    await s.ask('from a transaction outside', 'TxnOffsetCommit', 3, { transactionalId: 'oc-txn', groupId: 'oc-live', producerId: 999_999_999, producerEpoch: 0, memberId: 'who', generationId: 1, topics: [{ name: 'oc', partitions: [{ partitionIndex: 0, committedOffset: 8 }] }] })
    for (const version of versionsOf('OffsetFetch')) {
      const fetch = async (label: string, groupId: string, topics: { name: string; id: string; partitionIndexes: number[] }[] | null, rest: object = {}): Promise<void> => {
        const listed = topics?.map(({ name, id: topicId, partitionIndexes }) => ({ ...(version >= 10 ? { topicId } : { name }), partitionIndexes })) ?? null
        await s.ask(label, 'OffsetFetch', version, version >= 8 ? { groups: [{ groupId, topics: listed, ...rest }] } : { groupId, topics: listed })
      }
      const topic = (partitionIndexes: number[]): { name: string; id: string; partitionIndexes: number[] } => ({ name: 'oc', id, partitionIndexes })
      await fetch('offsets', 'oc-8', [topic([0, 1, 2, 9])])
      if (version >= 2) await fetch('all offsets', 'oc-8', null)
      if (version >= 2) await fetch('all offsets of an unknown group', 'oc-unknown', null)
      await fetch('of an unknown group', 'oc-unknown', [topic([0])])
      await fetch('of an unknown topic', 'oc-8', [{ name: 'oc-unknown', id: unknownId, partitionIndexes: [0] }])
      await fetch('of an empty group id', '', [topic([0])])
      await fetch('of nothing', 'oc-8', [])
      if (version >= 8) {
        await s.ask('of two groups', 'OffsetFetch', version, { groups: [{ groupId: 'oc-8', topics: null }, { groupId: 'oc-9', topics: null }, { groupId: 'oc-unknown', topics: null }], requireStable: true })
        await s.ask('of no group', 'OffsetFetch', version, { groups: [] })
      }
      if (version >= 9) {
        await fetch('with a member of nobody', 'oc-live', [topic([0])], { memberId: 'who', memberEpoch: 1 })
        await fetch('with its member', 'oc-live', [topic([0])], { memberId: member.memberId, memberEpoch: member.generationId })
        await fetch('with an old epoch', 'oc-live', [topic([0])], { memberId: member.memberId, memberEpoch: 0 })
      }
    }
  }),
  scenario('groups: described, listed and deleted', async (s) => {
    await s.topic('gl', { partitions: 2 })
    const commit = (groupId: string): Promise<Message> => s.do('OffsetCommit', 8, { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics: [{ name: 'gl', partitions: [{ partitionIndex: 0, committedOffset: 1 }, { partitionIndex: 1, committedOffset: 2 }] }] })
    await commit('gl-simple')
    const member = await alone(s, 'gl-live')
    await s.do('OffsetCommit', 8, { groupId: 'gl-live', generationIdOrMemberEpoch: member.generationId, memberId: member.memberId, topics: [{ name: 'gl', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }] })
    const ours: AskOptions = { view: (answer) => ({ ...answer, groups: answer.groups.filter((group: { groupId: string }) => group.groupId.startsWith('gl-')) }) }
    for (const version of versionsOf('DescribeGroups')) {
      await s.ask('described', 'DescribeGroups', version, { groups: ['gl-simple', 'gl-unknown', 'gl-live'], ...(version >= 3 ? { includeAuthorizedOperations: true } : {}) })
      await s.ask('an empty id', 'DescribeGroups', version, { groups: [''] })
      await s.ask('none', 'DescribeGroups', version, { groups: [] })
      await s.ask('twice the same', 'DescribeGroups', version, { groups: ['gl-simple', 'gl-simple'] })
    }
    for (const version of versionsOf('ListGroups')) {
      await s.ask('all', 'ListGroups', version, {}, ours)
      if (version >= 4) for (const state of ['Stable', 'Empty', 'stable', 'Dead', 'PreparingRebalance', 'Nonsense', '']) await s.ask(`state ${state}`, 'ListGroups', version, { statesFilter: [state] }, ours)
      if (version >= 4) await s.ask('two states', 'ListGroups', version, { statesFilter: ['Stable', 'Empty'] }, ours)
      if (version >= 5) for (const type of ['classic', 'Classic', 'consumer', 'share', 'streams', 'nonsense', '']) await s.ask(`type ${type}`, 'ListGroups', version, { typesFilter: [type] }, ours)
      if (version >= 5) await s.ask('state and type', 'ListGroups', version, { statesFilter: ['Stable'], typesFilter: ['classic', 'consumer'] }, ours)
    }
    const remove = (label: string, groupId: string, name = 'gl', partitionIndex = 0): Promise<Message> =>
      s.ask(label, 'OffsetDelete', 0, { groupId, topics: [{ name, partitions: [{ partitionIndex }] }] })
    await remove('an offset', 'gl-simple')
    await remove('the same again', 'gl-simple')
    await remove('of an unknown partition', 'gl-simple', 'gl', 9)
    await remove('of an unknown topic', 'gl-simple', 'gl-unknown')
    await remove('of an unknown group', 'gl-unknown')
    await remove('of a subscribed topic', 'gl-live')
    await remove('of another topic of a group with members', 'gl-live', 'gl-other')
    await remove('of an empty group id', '')
    await s.ask('nothing', 'OffsetDelete', 0, { groupId: 'gl-simple', topics: [] })
    await s.ask('what is left', 'OffsetFetch', 8, { groups: [{ groupId: 'gl-simple', topics: null }] })
    for (const version of versionsOf('DeleteGroups')) {
      await commit(`gl-delete-${version}`)
      await s.ask('deleted', 'DeleteGroups', version, { groupsNames: [`gl-delete-${version}`, 'gl-unknown', 'gl-live'] })
      await s.ask('deleted again', 'DeleteGroups', version, { groupsNames: [`gl-delete-${version}`] })
      await s.ask('its offsets are gone', 'OffsetFetch', 8, { groups: [{ groupId: `gl-delete-${version}`, topics: null }] })
      await s.ask('an empty id deleted', 'DeleteGroups', version, { groupsNames: [''] })
      await s.ask('none deleted', 'DeleteGroups', version, { groupsNames: [] })
    }
    await s.ask('leaves', 'LeaveGroup', 5, { groupId: 'gl-live', members: [{ memberId: member.memberId }] })
    await remove('of a group that is empty now', 'gl-live')
    await s.ask('deleted when empty', 'DeleteGroups', 2, { groupsNames: ['gl-live'] })
    await s.do('DeleteTopics', 6, { topics: [{ name: 'gl' }], timeoutMs: 10_000 })
    await s.ask('offsets of a deleted topic', 'OffsetFetch', 8, { groups: [{ groupId: 'gl-simple', topics: null }] }, { until: (answer) => answer.groups[0].topics.length === 0 })
  }),
]
