/** Offsets of groups, and groups as an administrator sees them. */
import { scenario, versionsOf, type AskOptions, type Message, type Scenario } from '../harness/session.ts'
import { alone } from './group-steps.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'

export const groupOffsets: Scenario[] = [
  scenario('OffsetCommit and OffsetFetch', async (s) => {
    const id = await s.topic('oc', { partitions: 3 })
    for (const version of versionsOf('OffsetCommit')) {
      const groupId = `oc-${version}`
      const named = (name: string, topicId: string): object => (version >= 10 ? { topicId } : { name })
      const commit = (
        label: string,
        rest: object = {},
        partition: object = {},
        topic = named('oc', id),
      ): Promise<Message> =>
        s.ask(label, 'OffsetCommit', version, {
          groupId,
          generationIdOrMemberEpoch: -1,
          memberId: '',
          topics: [{ ...topic, partitions: [{ partitionIndex: 0, committedOffset: 5, ...partition }] }],
          ...rest,
        })
      await commit('from nobody')
      await commit(
        'with metadata',
        {},
        { partitionIndex: 1, committedMetadata: 'text', ...(version >= 6 ? { committedLeaderEpoch: 0 } : {}) },
      )
      await commit('null metadata', {}, { partitionIndex: 2, committedMetadata: null })
      await commit('metadata too long', {}, { committedMetadata: 'x'.repeat(4097) })
      await commit('unknown partition', {}, { partitionIndex: 7 })
      await commit('unknown topic', {}, {}, named('oc-unknown', unknownId))
      await commit('negative offset', {}, { committedOffset: -1 })
      await commit('a generation in an empty group', { generationIdOrMemberEpoch: 3 })
      await commit('a member in an empty group', { generationIdOrMemberEpoch: 1, memberId: 'who' })
      await commit('empty group id', { groupId: '' })
      if (version >= 7)
        await commit('an instance in an empty group', {
          generationIdOrMemberEpoch: 1,
          memberId: 'who',
          groupInstanceId: 'one',
        })
      await commit('a generation in a new group', {
        groupId: `oc-new-${version}`,
        generationIdOrMemberEpoch: 3,
        memberId: 'who',
      })
      await s.ask('nothing', 'OffsetCommit', version, {
        groupId,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        topics: [],
      })
    }
    const member = await alone(s, 'oc-live')
    const live = (label: string, rest: object): Promise<Message> =>
      s.ask(label, 'OffsetCommit', 8, {
        groupId: 'oc-live',
        generationIdOrMemberEpoch: member.generationId,
        memberId: member.memberId,
        topics: [{ name: 'oc', partitions: [{ partitionIndex: 0, committedOffset: 8 }] }],
        ...rest,
      })
    await live('a member commits', {})
    await live('of an old generation', { generationIdOrMemberEpoch: 0 })
    await live('of a future generation', { generationIdOrMemberEpoch: 9 })
    await live('of another member', { memberId: 'who' })
    await live('from outside a group with members', { generationIdOrMemberEpoch: -1, memberId: '' })
    await s.ask('from a transaction outside', 'TxnOffsetCommit', 3, {
      transactionalId: 'oc-txn',
      groupId: 'oc-live',
      producerId: 999_999_999,
      producerEpoch: 0,
      memberId: 'who',
      generationId: 1,
      topics: [{ name: 'oc', partitions: [{ partitionIndex: 0, committedOffset: 8 }] }],
    })
    for (const version of versionsOf('OffsetFetch')) {
      const fetch = async (
        label: string,
        groupId: string,
        topics: { name: string; id: string; partitionIndexes: number[] }[] | null,
        rest: object = {},
      ): Promise<void> => {
        const listed =
          topics?.map(({ name, id: topicId, partitionIndexes }) => ({
            ...(version >= 10 ? { topicId } : { name }),
            partitionIndexes,
          })) ?? null
        await s.ask(
          label,
          'OffsetFetch',
          version,
          version >= 8 ? { groups: [{ groupId, topics: listed, ...rest }] } : { groupId, topics: listed },
        )
      }
      const topic = (partitionIndexes: number[]): { name: string; id: string; partitionIndexes: number[] } => ({
        name: 'oc',
        id,
        partitionIndexes,
      })
      await fetch('offsets', 'oc-8', [topic([0, 1, 2, 9])])
      if (version >= 2) await fetch('all offsets', 'oc-8', null)
      if (version >= 2) await fetch('all offsets of an unknown group', 'oc-unknown', null)
      await fetch('of an unknown group', 'oc-unknown', [topic([0])])
      await fetch('of an unknown topic', 'oc-8', [{ name: 'oc-unknown', id: unknownId, partitionIndexes: [0] }])
      await fetch('of an empty group id', '', [topic([0])])
      await fetch('of nothing', 'oc-8', [])
      if (version >= 8) {
        await s.ask('of two groups', 'OffsetFetch', version, {
          groups: [
            { groupId: 'oc-8', topics: null },
            { groupId: 'oc-9', topics: null },
            { groupId: 'oc-unknown', topics: null },
          ],
          requireStable: true,
        })
        await s.ask('of no group', 'OffsetFetch', version, { groups: [] })
      }
      if (version >= 9) {
        await fetch('with a member of nobody', 'oc-live', [topic([0])], { memberId: 'who', memberEpoch: 1 })
        await fetch('with its member', 'oc-live', [topic([0])], {
          memberId: member.memberId,
          memberEpoch: member.generationId,
        })
        await fetch('with an old epoch', 'oc-live', [topic([0])], { memberId: member.memberId, memberEpoch: 0 })
      }
    }
  }),
  scenario('groups: described, listed and deleted', async (s) => {
    await s.topic('gl', { partitions: 2 })
    const commit = (groupId: string): Promise<Message> =>
      s.do('OffsetCommit', 8, {
        groupId,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        topics: [
          {
            name: 'gl',
            partitions: [
              { partitionIndex: 0, committedOffset: 1 },
              { partitionIndex: 1, committedOffset: 2 },
            ],
          },
        ],
      })
    await commit('gl-simple')
    const member = await alone(s, 'gl-live')
    await s.do('OffsetCommit', 8, {
      groupId: 'gl-live',
      generationIdOrMemberEpoch: member.generationId,
      memberId: member.memberId,
      topics: [{ name: 'gl', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }],
    })
    const ours: AskOptions = {
      view: (answer) => ({
        ...answer,
        groups: answer.groups.filter((group: { groupId: string }) => group.groupId.startsWith('gl-')),
      }),
    }
    for (const version of versionsOf('DescribeGroups')) {
      await s.ask('described', 'DescribeGroups', version, {
        groups: ['gl-simple', 'gl-unknown', 'gl-live'],
        ...(version >= 3 ? { includeAuthorizedOperations: true } : {}),
      })
      await s.ask('an empty id', 'DescribeGroups', version, { groups: [''] })
      await s.ask('none', 'DescribeGroups', version, { groups: [] })
      await s.ask('twice the same', 'DescribeGroups', version, { groups: ['gl-simple', 'gl-simple'] })
    }
    for (const version of versionsOf('ListGroups')) {
      await s.ask('all', 'ListGroups', version, {}, ours)
      if (version >= 4)
        for (const state of ['Stable', 'Empty', 'stable', 'Dead', 'PreparingRebalance', 'Nonsense', ''])
          await s.ask(`state ${state}`, 'ListGroups', version, { statesFilter: [state] }, ours)
      if (version >= 4) await s.ask('two states', 'ListGroups', version, { statesFilter: ['Stable', 'Empty'] }, ours)
      if (version >= 5)
        for (const type of ['classic', 'Classic', 'consumer', 'share', 'streams', 'nonsense', ''])
          await s.ask(`type ${type}`, 'ListGroups', version, { typesFilter: [type] }, ours)
      if (version >= 5)
        await s.ask(
          'state and type',
          'ListGroups',
          version,
          { statesFilter: ['Stable'], typesFilter: ['classic', 'consumer'] },
          ours,
        )
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
      await s.ask('deleted', 'DeleteGroups', version, {
        groupsNames: [`gl-delete-${version}`, 'gl-unknown', 'gl-live'],
      })
      await s.ask('deleted again', 'DeleteGroups', version, { groupsNames: [`gl-delete-${version}`] })
      await s.ask('its offsets are gone', 'OffsetFetch', 8, {
        groups: [{ groupId: `gl-delete-${version}`, topics: null }],
      })
      await s.ask('an empty id deleted', 'DeleteGroups', version, { groupsNames: [''] })
      await s.ask('none deleted', 'DeleteGroups', version, { groupsNames: [] })
    }
    await s.ask('leaves', 'LeaveGroup', 5, { groupId: 'gl-live', members: [{ memberId: member.memberId }] })
    await remove('of a group that is empty now', 'gl-live')
    await s.ask('deleted when empty', 'DeleteGroups', 2, { groupsNames: ['gl-live'] })
    await s.do('DeleteTopics', 6, { topics: [{ name: 'gl' }], timeoutMs: 10_000 })
    await s.ask(
      'offsets of a deleted topic',
      'OffsetFetch',
      8,
      { groups: [{ groupId: 'gl-simple', topics: null }] },
      { until: (answer) => answer.groups[0].topics.length === 0 },
    )
  }),
]
