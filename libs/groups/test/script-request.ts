/** The request that a line of a script stands for; the fields are those that `GroupOracle.java` reads. */
import { zeroUuid } from '@troupe/wire/io'

const encoder = new TextEncoder()

export function scriptRequest(f: readonly string[], id: (name: string) => string): object {
  const base = { client: { clientId: f[3], clientHost: '/127.0.0.1' }, version: 5 }
  const member = { groupId: 'g', memberId: id(f[3] ?? ''), groupInstanceId: f[4] === '-' ? null : f[4] }
  const topics = [
    {
      name: 't',
      topicId: zeroUuid,
      partitions: [
        {
          partitionIndex: Number(f[7]),
          committedOffset: Number(f[8]),
          committedLeaderEpoch: -1,
          committedMetadata: '',
        },
      ],
    },
  ]
  switch (f[0]) {
    case 'join':
      return {
        ...base,
        kind: 'joinGroup',
        version: Number(f[6]),
        body: {
          groupId: 'g',
          memberId: id(f[4]),
          groupInstanceId: f[5] === '-' ? null : f[5],
          protocolType: 'x',
          reason: null,
          protocols: f[7].split(',').map((name) => ({ name, metadata: encoder.encode(f[8]) })),
          sessionTimeoutMs: Number(f[9]),
          rebalanceTimeoutMs: Number(f[10]),
        },
      }
    case 'sync':
      return {
        ...base,
        kind: 'syncGroup',
        body: {
          ...member,
          generationId: Number(f[5]),
          protocolType: null,
          protocolName: null,
          assignments: f[6]
            .split(',')
            .filter(Boolean)
            .map((each) => {
              const [name, assignment] = each.split(':')
              return { memberId: id(name), assignment: encoder.encode(assignment) }
            }),
        },
      }
    case 'heartbeat':
      return { ...base, kind: 'heartbeat', body: { ...member, generationId: Number(f[5]) } }
    case 'leave':
      return {
        ...base,
        kind: 'leaveGroup',
        body: { groupId: 'g', memberId: '', members: [{ ...member, reason: null }] },
      }
    case 'commit':
      return {
        ...base,
        kind: 'offsetCommit',
        version: Number(f[6]),
        body: { ...member, generationIdOrMemberEpoch: Number(f[5]), retentionTimeMs: -1, topics },
      }
    case 'txn':
      return {
        ...base,
        kind: 'txnOffsetCommit',
        guard: 1,
        body: {
          ...member,
          transactionalId: 'tx',
          generationId: Number(f[5]),
          producerId: Number(f[9]),
          producerEpoch: 0,
          topics,
        },
      }
    case 'end':
      return {
        kind: 'writeTxnMarker',
        producerId: Number(f[2]),
        producerEpoch: 0,
        coordinatorEpoch: 0,
        commit: f[3] === 'commit',
        transactionVersion: 2,
      }
    case 'delete':
      return { ...base, kind: 'deleteGroups', body: { groupsNames: ['g'] } }
    default:
      return {
        ...base,
        kind: 'offsetDelete',
        body: { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] },
      }
  }
}
