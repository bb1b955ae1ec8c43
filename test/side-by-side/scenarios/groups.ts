/** The classic group protocol: members, generations, rebalances, static members. */
import { utf8 } from '../harness/batches.ts'
import { scenario, versionsOf, type Scenario } from '../harness/session.ts'
import { alone, join, joining, protocols } from './group-steps.ts'

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
      await s.ask('sync', 'SyncGroup', sync, {
        groupId,
        generationId,
        memberId,
        ...named,
        assignments: [{ memberId, assignment: utf8('mine') }],
      })
      await s.ask('sync again', 'SyncGroup', sync, { groupId, generationId, memberId, ...named, assignments: [] })
      await s.ask('heartbeat', 'Heartbeat', heartbeat, { groupId, generationId, memberId })
      await s.ask('heartbeat of an old generation', 'Heartbeat', heartbeat, {
        groupId,
        generationId: generationId - 1,
        memberId,
      })
      await s.ask('heartbeat of an unknown member', 'Heartbeat', heartbeat, { groupId, generationId, memberId: 'who' })
      await s.ask('heartbeat to an unknown group', 'Heartbeat', heartbeat, {
        groupId: 'gv-unknown',
        generationId,
        memberId,
      })
      await s.ask('heartbeat to an empty group id', 'Heartbeat', heartbeat, { groupId: '', generationId, memberId })
      await s.ask('sync of an old generation', 'SyncGroup', sync, {
        groupId,
        generationId: generationId - 1,
        memberId,
        ...named,
        assignments: [],
      })
      await s.ask('sync of an unknown member', 'SyncGroup', sync, {
        groupId,
        generationId,
        memberId: 'who',
        ...named,
        assignments: [],
      })
      await s.ask('sync in an unknown group', 'SyncGroup', sync, {
        groupId: 'gv-unknown',
        generationId,
        memberId,
        ...named,
        assignments: [],
      })
      if (sync >= 5) {
        await s.ask('sync with another protocol', 'SyncGroup', 5, {
          groupId,
          generationId,
          memberId,
          protocolType: 'consumer',
          protocolName: 'sticky',
          assignments: [],
        })
        await s.ask('sync with another protocol type', 'SyncGroup', 5, {
          groupId,
          generationId,
          memberId,
          protocolType: 'connect',
          protocolName: 'range',
          assignments: [],
        })
        await s.ask('sync without protocols', 'SyncGroup', 5, {
          groupId,
          generationId,
          memberId,
          protocolType: null,
          protocolName: null,
          assignments: [],
        })
      }
      await s.ask('describe', 'DescribeGroups', sync, { groups: [groupId] })
      await s.ask('rejoins with the same', 'JoinGroup', version, joining(groupId, memberId, version))
      await s.ask('joins as an unknown member', 'JoinGroup', version, joining(groupId, 'who', version))
      await s.ask(
        'joins with a session too short',
        'JoinGroup',
        version,
        joining(groupId, '', version, { sessionTimeoutMs: 10 }),
      )
      await s.ask(
        'joins with a session too long',
        'JoinGroup',
        version,
        joining(groupId, '', version, { sessionTimeoutMs: 1_800_001 }),
      )
      await s.ask('joins without protocols', 'JoinGroup', version, joining(groupId, '', version, { protocols: [] }))
      await s.ask(
        'joins with another protocol type',
        'JoinGroup',
        version,
        joining(groupId, '', version, { protocolType: 'connect' }),
      )
      await s.ask(
        'joins without a protocol type',
        'JoinGroup',
        version,
        joining(groupId, '', version, { protocolType: '' }),
      )
      await s.ask(
        'joins with protocols nobody knows',
        'JoinGroup',
        version,
        joining(groupId, '', version, { protocols: protocols('other') }),
      )
      await s.ask('joins an empty group id', 'JoinGroup', version, joining('', '', version))
      const leaver = (id: string): object =>
        leave >= 3 ? { members: [{ memberId: id, ...(leave >= 5 ? { reason: 'done' } : {}) }] } : { memberId: id }
      await s.ask('an unknown member leaves', 'LeaveGroup', leave, { groupId, ...leaver('who') })
      await s.ask('leaves an unknown group', 'LeaveGroup', leave, { groupId: 'gv-unknown', ...leaver(memberId) })
      await s.ask('leaves', 'LeaveGroup', leave, { groupId, ...leaver(memberId) })
      await s.ask('leaves again', 'LeaveGroup', leave, { groupId, ...leaver(memberId) })
      await s.ask('heartbeat after leaving', 'Heartbeat', heartbeat, { groupId, generationId, memberId })
      await s.ask(
        'describe when empty',
        'DescribeGroups',
        sync,
        { groups: [groupId] },
        { until: (answer) => answer.groups[0].groupState === 'Empty' },
      )
    }
  }),
  scenario('groups: a rebalance of two', async (s) => {
    const groupId = 'g2'
    const first = await alone(s, groupId)
    const second = join(
      s,
      'second joins',
      groupId,
      9,
      { protocols: protocols('roundrobin', 'range', 'last') },
      { on: 'second', timeoutMs: 10_000 },
    )
    await s.ask(
      'first is told to rejoin',
      'Heartbeat',
      4,
      { groupId, ...first },
      { until: (answer) => answer.errorCode !== 0 },
    )
    await s.ask('describe while preparing', 'DescribeGroups', 5, { groups: [groupId] })
    await s.ask('sync while preparing', 'SyncGroup', 5, {
      groupId,
      ...first,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    })
    await s.ask('commit while preparing', 'OffsetCommit', 8, {
      groupId,
      generationIdOrMemberEpoch: first.generationId,
      memberId: first.memberId,
      topics: [],
    })
    const rejoined = await s.ask('first rejoins', 'JoinGroup', 9, joining(groupId, first.memberId, 9), {
      timeoutMs: 10_000,
    })
    const joined = await second
    const { generationId } = rejoined
    s.note('both are of one generation, and one leads', [
      joined.generationId === generationId,
      rejoined.leader === joined.leader,
      rejoined.leader === first.memberId,
    ])
    const named = { protocolType: 'consumer', protocolName: rejoined.protocolName }
    await s.ask('heartbeat while completing', 'Heartbeat', 4, { groupId, generationId, memberId: first.memberId })
    await s.ask('heartbeat of the old generation', 'Heartbeat', 4, { groupId, ...first })
    await s.ask('commit while completing', 'OffsetCommit', 8, {
      groupId,
      generationIdOrMemberEpoch: generationId,
      memberId: first.memberId,
      topics: [],
    })
    const follower = s.ask(
      'follower syncs',
      'SyncGroup',
      5,
      { groupId, generationId, memberId: joined.memberId, ...named, assignments: [] },
      { on: 'second', timeoutMs: 10_000 },
    )
    await s.ask('leader syncs', 'SyncGroup', 5, {
      groupId,
      generationId,
      memberId: first.memberId,
      ...named,
      assignments: [
        { memberId: first.memberId, assignment: utf8('one') },
        { memberId: joined.memberId, assignment: utf8('two') },
      ],
    })
    await follower
    await s.ask('describe when stable', 'DescribeGroups', 5, { groups: [groupId], includeAuthorizedOperations: true })
    await s.ask('deletion of a group with members', 'DeleteGroups', 2, { groupsNames: [groupId] })
    await s.ask(
      'follower rejoins with the same',
      'JoinGroup',
      9,
      joining(groupId, joined.memberId, 9, { protocols: protocols('roundrobin', 'range', 'last') }),
      { on: 'second' },
    )
    await s.ask('both leave at once', 'LeaveGroup', 5, {
      groupId,
      members: [{ memberId: first.memberId }, { memberId: joined.memberId }, { memberId: 'who' }],
    })
    await s.ask(
      'describe when empty',
      'DescribeGroups',
      5,
      { groups: [groupId] },
      { until: (answer) => answer.groups[0].groupState === 'Empty' },
    )
  }),
  scenario('groups: a leader that rejoins, a member that leaves', async (s) => {
    const groupId = 'g3'
    const first = await alone(s, groupId)
    await s.ask('the leader rejoins: a new generation', 'JoinGroup', 9, joining(groupId, first.memberId, 9))
    await s.ask(
      'with other protocols',
      'JoinGroup',
      9,
      joining(groupId, first.memberId, 9, { protocols: protocols('sticky') }),
    )
    const short = await join(s, 'a member with a short session', 'g4', 9, {
      sessionTimeoutMs: 200,
      rebalanceTimeoutMs: 200,
    })
    await s.ask(
      'its group when it was forgotten',
      'DescribeGroups',
      5,
      { groups: ['g4'] },
      { until: (answer) => answer.groups[0].groupState === 'Empty' },
    )
    await s.ask('its heartbeat afterwards', 'Heartbeat', 4, {
      groupId: 'g4',
      generationId: short.generationId,
      memberId: short.memberId,
    })
  }),
  scenario('groups: static members', async (s) => {
    const groupId = 'gs'
    const one = { groupInstanceId: 'one' }
    for (const version of versionsOf('JoinGroup', { from: 5 })) {
      const joined = await s.ask(
        'static member joins',
        'JoinGroup',
        version,
        joining(`${groupId}-${version}`, '', version, one),
      )
      await s.ask('and leaves by instance id', 'LeaveGroup', 3, {
        groupId: `${groupId}-${version}`,
        members: [{ memberId: '', groupInstanceId: 'one' }],
      })
      await s.ask(
        'joins with its id of before',
        'JoinGroup',
        version,
        joining(`${groupId}-${version}`, joined.memberId, version, one),
      )
    }
    const joined = await s.ask('static member joins', 'JoinGroup', 9, joining(groupId, '', 9, one))
    const { memberId, generationId } = joined
    const named = { protocolType: 'consumer', protocolName: 'range' }
    await s.ask('syncs', 'SyncGroup', 5, {
      groupId,
      generationId,
      memberId,
      ...one,
      ...named,
      assignments: [{ memberId, assignment: utf8('all') }],
    })
    await s.ask('described', 'DescribeGroups', 5, { groups: [groupId] })
    const replaced = await s.ask('returns without its id', 'JoinGroup', 9, joining(groupId, '', 9, one))
    await s.ask('returns with its id, old member id', 'JoinGroup', 9, joining(groupId, memberId, 9, one))
    await s.ask('its old self beats', 'Heartbeat', 4, { groupId, generationId, memberId, ...one })
    await s.ask('its old self syncs', 'SyncGroup', 5, {
      groupId,
      generationId,
      memberId,
      ...one,
      ...named,
      assignments: [],
    })
    await s.ask('its old self commits', 'OffsetCommit', 8, {
      groupId,
      generationIdOrMemberEpoch: generationId,
      memberId,
      ...one,
      topics: [],
    })
    await s.ask('its old self leaves', 'LeaveGroup', 5, { groupId, members: [{ memberId, ...one }] })
    await s.ask('the new self syncs', 'SyncGroup', 5, {
      groupId,
      generationId: replaced.generationId,
      memberId: replaced.memberId,
      ...one,
      ...named,
      assignments: [],
    })
    await s.ask('an unknown instance beats', 'Heartbeat', 4, {
      groupId,
      generationId: replaced.generationId,
      memberId: replaced.memberId,
      groupInstanceId: 'two',
    })
    await s.ask('an unknown instance leaves', 'LeaveGroup', 5, {
      groupId,
      members: [{ memberId: '', groupInstanceId: 'two' }],
    })
    await s.ask('an instance with a foreign member id leaves', 'LeaveGroup', 5, {
      groupId,
      members: [{ memberId: 'who', ...one }],
    })
    await s.ask(
      'returns with other protocols',
      'JoinGroup',
      9,
      joining(groupId, '', 9, { ...one, protocols: protocols('sticky') }),
    )
    await s.ask('leaves by its instance id', 'LeaveGroup', 5, { groupId, members: [{ memberId: '', ...one }] })
    await s.ask('empty afterwards', 'DescribeGroups', 5, { groups: [groupId] })
  }),
]
