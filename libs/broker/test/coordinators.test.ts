/** Requests for coordinators: who is asked, who is not, and what each version is told. */
import { describe, expect, test } from 'vitest'
import type { Message } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../src/topic-names.ts'
import { World } from './world.ts'

type Said = Record<string, never> & Message

/** Shards 0 and 2 of 3 are here, 1 is on broker 2. Group ids 'a', 'b', 'c' hash to 97, 98, 99: shards 1, 2, 0. */
function newWorld(): World {
  const world = new World()
  const ours = (p: number): { leader: number } => ({ leader: p === 1 ? 2 : 1 })
  world.cluster.add(OFFSETS_TOPIC, 3, ours)
  world.cluster.add(TRANSACTION_TOPIC, 3, ours)
  world.cluster.add('orders', 2)
  return world
}

const commit = (partitionIndex: number) => ({
  partitionIndex,
  committedOffset: 5,
  committedLeaderEpoch: 1,
  committedMetadata: '',
})

describe('who is asked', () => {
  test('the shard of the group, with the client as member lists show it', () => {
    const world = newWorld()
    world.on('groups:2', () => ({ errorCode: KafkaError.REBALANCE_IN_PROGRESS }))
    expect(world.ask(12, 4, { groupId: 'b', generationId: 3, memberId: 'm' }).errorCode).toBe(
      KafkaError.REBALANCE_IN_PROGRESS,
    )
    expect(world.said).toMatchObject([
      {
        actor: 'groups:2',
        message: { kind: 'heartbeat', version: 4, client: { clientId: 'test', clientHost: '/127.0.0.1' } },
      },
    ])
  })

  test.each([
    ['a group of another broker', 'a', KafkaError.NOT_COORDINATOR],
    ['a group without a name', '', KafkaError.INVALID_GROUP_ID],
    ['a shard that is not there yet', 'c', KafkaError.NOT_COORDINATOR],
  ])('%s', (_name, groupId, error) => {
    expect(newWorld().ask(12, 4, { groupId, generationId: 3, memberId: 'm' }).errorCode).toBe(error)
  })

  test('a shard that crashed', () => {
    const world = newWorld()
    world.on('groups', () => ({ kind: 'failed', reason: 'actor-crashed' }))
    expect(world.ask(12, 4, { groupId: 'b' }).errorCode).toBe(KafkaError.COORDINATOR_NOT_AVAILABLE)
  })

  test('before there is any offsets topic', () => {
    expect(new World().ask(11, 5, { groupId: 'b', memberId: '' }).errorCode).toBe(KafkaError.NOT_COORDINATOR)
  })
})

test('what a member says of itself is copied: the frame goes back to its pool', () => {
  const world = newWorld()
  let kept: Uint8Array | null = null
  world.on('groups:2', (message) => {
    const { body } = message as Said as unknown as { body: { protocols: { metadata: Uint8Array }[] } }
    kept = body.protocols[0].metadata
    return undefined
  })
  world.open(1)
  const metadata = Uint8Array.from([1, 2, 3])
  world.request(1, 11, 5, { groupId: 'b', protocolType: 'consumer', protocols: [{ name: 'range', metadata }] })
  expect(kept).toEqual(Uint8Array.from([1, 2, 3]))
})

test('LeaveGroup before v3 is of one member, whose error is the answer', () => {
  const world = newWorld()
  world.on('groups:2', () => ({ errorCode: 0, members: [{ memberId: 'm', errorCode: KafkaError.UNKNOWN_MEMBER_ID }] }))
  expect(world.ask(13, 2, { groupId: 'b', memberId: 'm' }).errorCode).toBe(KafkaError.UNKNOWN_MEMBER_ID)
  expect((world.said[0].message as Said)['body']).toMatchObject({ members: [{ memberId: 'm', groupInstanceId: null }] })
  expect(world.ask(13, 3, { groupId: 'b', members: [{ memberId: 'm' }] })).toMatchObject({
    errorCode: 0,
    members: [{ memberId: 'm', errorCode: KafkaError.UNKNOWN_MEMBER_ID }],
  })
})

describe('OffsetCommit', () => {
  test('partitions that nobody knows are answered here, the others by the coordinator', () => {
    const world = newWorld()
    world.on('groups:2', () => ({ topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] }))
    const topics = [
      { name: 'orders', partitions: [commit(0), commit(7)] },
      { name: 'none', partitions: [commit(0)] },
    ]
    const answer = world.ask(8, 8, { groupId: 'b', topics })
    const errors = answer.topics.map((topic: never) => [
      topic['name'],
      (topic['partitions'] as never[]).map((p) => [p['partitionIndex'], p['errorCode']]),
    ])
    expect(errors).toEqual([
      [
        'orders',
        [
          [7, 3],
          [0, 0],
        ],
      ],
      ['none', [[0, 3]]],
    ])
    expect((world.said[0].message as Said)['body']['topics']).toEqual([
      expect.objectContaining({ name: 'orders', partitions: [expect.objectContaining({ partitionIndex: 0 })] }),
    ])
  })

  test('topic ids: the coordinator hears names, the client its ids', () => {
    const world = newWorld()
    const { id } = world.cluster.topic('orders')!
    world.on('groups:2', () => ({ topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] }))
    const answer = world.ask(8, 10, { groupId: 'b', topics: [{ topicId: id, partitions: [commit(0)] }] })
    expect(answer.topics).toEqual([expect.objectContaining({ topicId: id })])
    expect((world.said[0].message as Said)['body']['topics'][0]['name']).toBe('orders')
  })
})

describe('OffsetFetch', () => {
  const partition = (errorCode = 0) => ({
    partitionIndex: 0,
    committedOffset: 5,
    committedLeaderEpoch: 1,
    metadata: '',
    errorCode,
  })

  test('several groups, each of its own coordinator', () => {
    const world = newWorld()
    world.on('groups:2', () => ({
      groupId: 'b',
      errorCode: 0,
      topics: [{ name: 'orders', partitions: [partition()] }],
    }))
    const topics = [{ name: 'orders', partitionIndexes: [0] }]
    const { groups } = world.ask(9, 8, {
      groups: [
        { groupId: 'a', topics },
        { groupId: 'b', topics },
      ],
    })
    expect(groups).toMatchObject([
      { groupId: 'a', errorCode: KafkaError.NOT_COORDINATOR, topics: [] },
      { groupId: 'b', errorCode: 0, topics: [{ partitions: [{ committedOffset: 5 }] }] },
    ])
  })

  test('a refusal: in every partition in v1, on top from v2 on', () => {
    const request = { groupId: 'a', topics: [{ name: 'orders', partitionIndexes: [0, 1] }] }
    const [{ partitions }] = newWorld().ask(9, 1, request).topics
    expect(partitions.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([16, 16])
    expect(newWorld().ask(9, 2, request)).toMatchObject({ errorCode: KafkaError.NOT_COORDINATOR, topics: [] })
  })

  test('v10: unknown ids apart, ids of what was found', () => {
    const world = newWorld()
    const { id } = world.cluster.topic('orders')!
    world.on('groups:2', () => ({
      groupId: 'b',
      errorCode: 0,
      topics: [{ name: 'orders', partitions: [partition()] }],
    }))
    const other = `${'x'.repeat(21)}A`
    const topics = [
      { topicId: id, partitionIndexes: [0] },
      { topicId: other, partitionIndexes: [3] },
    ]
    const { groups } = world.ask(9, 10, { groups: [{ groupId: 'b', topics }] })
    expect(groups[0].topics).toMatchObject([
      { topicId: id, partitions: [{ committedOffset: 5 }] },
      { topicId: other, partitions: [{ partitionIndex: 3, errorCode: KafkaError.UNKNOWN_TOPIC_ID }] },
    ])
  })
})

describe('fan-out', () => {
  test('ListGroups asks every shard here, and only those', () => {
    const world = newWorld()
    world.on('groups', () => ({ errorCode: 0, groups: [{ groupId: 'g', protocolType: 'consumer' }] }))
    expect(world.ask(16, 3, {}).groups.length).toBe(2)
    expect(world.said.map(({ actor }) => actor)).toEqual(['groups:0', 'groups:2'])
  })

  test('one that loads makes it COORDINATOR_LOAD_IN_PROGRESS, one that went is left out', () => {
    const world = newWorld()
    world.on('groups:0', () => ({ errorCode: KafkaError.NOT_COORDINATOR, groups: [] }))
    world.on('groups:2', () => ({ errorCode: 0, groups: [{ groupId: 'g', protocolType: 'consumer' }] }))
    expect(world.ask(16, 3, {})).toMatchObject({ errorCode: 0, groups: [{ groupId: 'g' }] })
    world.on('groups:0', () => ({ errorCode: KafkaError.COORDINATOR_LOAD_IN_PROGRESS }))
    expect(world.ask(16, 3, {})).toMatchObject({ errorCode: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, groups: [] })
  })

  test('DescribeGroups and DeleteGroups keep the order of the request', () => {
    const world = newWorld()
    world.on('groups', (message) => {
      const { kind, body } = message as Said as unknown as {
        kind: string
        body: { groups?: string[]; groupsNames?: string[] }
      }
      if (kind === 'deleteGroups') return { results: body.groupsNames!.map((groupId) => ({ groupId, errorCode: 0 })) }
      return { groups: body.groups!.map((groupId) => ({ groupId, errorCode: 0, groupState: 'Stable' })) }
    })
    const described = world.ask(15, 5, { groups: ['c', 'a', 'b'] }).groups
    expect(described.map((group: never) => [group['groupId'], group['errorCode']])).toEqual([
      ['c', 0],
      ['a', 16],
      ['b', 0],
    ])
    const deleted = world.ask(42, 2, { groupsNames: ['b', '', 'a', 'c'] }).results
    expect(deleted.map((group: never) => [group['groupId'], group['errorCode']])).toEqual([
      ['b', 0],
      ['', 0],
      ['a', 16],
      ['c', 0],
    ])
  })
})

describe('transactions', () => {
  test('an idempotent producer gets its id from this broker', () => {
    const world = newWorld()
    world.on('producer-ids', () => ({ error: 0, producerId: 7000 }))
    expect(world.ask(22, 4, { transactionalId: null })).toMatchObject({
      errorCode: 0,
      producerId: 7000,
      producerEpoch: 0,
    })
  })

  test.each([
    ['an epoch without an id', { transactionalId: 'b', producerId: -1, producerEpoch: 3 }, KafkaError.INVALID_REQUEST],
    ['an empty transactional.id', { transactionalId: '' }, KafkaError.INVALID_REQUEST],
    ['another coordinator', { transactionalId: 'a' }, KafkaError.NOT_COORDINATOR],
  ])('InitProducerId: %s', (_name, request, error) => {
    expect(newWorld().ask(22, 4, request)).toMatchObject({ errorCode: error, producerId: -1, producerEpoch: -1 })
  })

  test('fencing is PRODUCER_FENCED only to those who know it (KIP-588)', () => {
    const world = newWorld()
    world.on('transactions', ({ kind }) =>
      kind === 'addPartitions'
        ? { error: KafkaError.PRODUCER_FENCED, partitionErrors: [] }
        : { errorCode: KafkaError.PRODUCER_FENCED },
    )
    const of = (key: number, version: number): number =>
      world.ask(key, version, { transactionalId: 'b', producerId: 1, producerEpoch: 1, groupId: 'b' }).errorCode
    expect([of(22, 3), of(22, 4), of(25, 1), of(25, 2), of(26, 1), of(26, 2)]).toEqual([47, 90, 47, 90, 47, 90])
    const add = (version: number): number =>
      world.ask(24, version, {
        v3AndBelowTransactionalId: 'b',
        v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
      }).resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
    expect([add(1), add(2)]).toEqual([47, 90])
  })

  test('AddPartitionsToTxn: one unknown partition, and nothing is attempted', () => {
    const world = newWorld()
    const v3AndBelowTopics = [{ name: 'orders', partitions: [0, 9] }]
    const [{ resultsByPartition }] = world.ask(24, 3, {
      v3AndBelowTransactionalId: 'b',
      v3AndBelowTopics,
    }).resultsByTopicV3AndBelow
    expect(
      resultsByPartition.map(({ partitionErrorCode }: { partitionErrorCode: number }) => partitionErrorCode),
    ).toEqual([KafkaError.OPERATION_NOT_ATTEMPTED, KafkaError.UNKNOWN_TOPIC_OR_PARTITION])
    expect(world.said).toEqual([])
  })

  test("TxnOffsetCommit verifies on the group's partition, then commits under the guard", () => {
    const world = newWorld()
    world.on('replica', () => ({ error: 0, guard: 77 }))
    world.on('groups:2', () => ({ topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] }))
    const topics = [{ name: 'orders', partitions: [commit(0)] }]
    world.ask(28, 5, { transactionalId: 'b', groupId: 'b', producerId: 4, producerEpoch: 2, topics })
    const offsets = world.cluster.topic(OFFSETS_TOPIC)!
    expect(world.said).toMatchObject([
      {
        actor: `replica:${offsets.id}:2`,
        message: {
          kind: 'verifyTransaction',
          producerId: 4,
          producerEpoch: 2,
          transaction: {
            transactionalId: 'b',
            coordinator: { broker: 1, actor: 'transactions:2' },
            addPartition: true,
          },
        },
      },
      { actor: 'groups:2', message: { kind: 'txnOffsetCommit', guard: 77 } },
    ])
  })

  test.each([
    [KafkaError.NOT_LEADER_OR_FOLLOWER, 3, KafkaError.NOT_COORDINATOR],
    [KafkaError.NOT_ENOUGH_REPLICAS, 3, KafkaError.COORDINATOR_NOT_AVAILABLE],
    [KafkaError.NETWORK_EXCEPTION, 3, KafkaError.COORDINATOR_LOAD_IN_PROGRESS],
    [KafkaError.NETWORK_EXCEPTION, 1, KafkaError.COORDINATOR_NOT_AVAILABLE],
    [KafkaError.INVALID_TXN_STATE, 3, KafkaError.INVALID_TXN_STATE],
  ])('TxnOffsetCommit: a verification that ends in %i is, in v%i, %i', (error, version, told) => {
    const world = newWorld()
    world.on('replica', () => ({ error, guard: 0 }))
    const topics = [{ name: 'orders', partitions: [commit(0)] }]
    expect(
      world.ask(28, version, { transactionalId: 'b', groupId: 'b', topics }).topics[0].partitions[0].errorCode,
    ).toBe(told)
  })

  test('WriteTxnMarkers: partitions of the offsets topic go through their coordinator', () => {
    const world = newWorld()
    world.on('replica', () => ({ error: 0 }))
    world.on('groups', () => ({ error: 0 }))
    const topics = [
      { name: 'orders', partitionIndexes: [1] },
      { name: OFFSETS_TOPIC, partitionIndexes: [2, 1] },
    ]
    const { markers } = world.ask(27, 1, {
      markers: [{ producerId: 4, producerEpoch: 2, transactionResult: false, topics }],
    })
    const errors = markers[0].topics.map(({ partitions }: { partitions: { errorCode: number }[] }) =>
      partitions.map(({ errorCode }) => errorCode),
    )
    expect(errors).toEqual([[0], [0, KafkaError.NOT_LEADER_OR_FOLLOWER]])
    expect(world.said.map(({ actor }) => actor)).toEqual([`replica:${world.cluster.topic('orders')!.id}:1`, 'groups:2'])
    expect(world.said[0].message).toMatchObject({ kind: 'writeTxnMarker', commit: false, producerId: 4 })
  })
})
