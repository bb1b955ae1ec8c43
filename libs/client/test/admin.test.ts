/** The admin actor: where items go, repetition of what may pass, errors per item, pages, time. */
import { beforeEach, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { adminActor, type AdminState } from '../src/admin.ts'
import { networkActor } from '../src/network.ts'
import { Stage, type Body, type Received } from './stage.ts'

let stage: Stage

beforeEach(() => {
  stage = new Stage()
  stage.random = () => 0x8000_0000
  stage.brokers.add('orders', [1, 2])
  stage.host('network', networkActor, { properties: { 'bootstrap.servers': ['b1:9091'] } })
  stage.host('admin', adminActor, { properties: {} })
  // Which brokers there are comes with the first metadata.
  stage.advance(10)
})

function call(operation: string, args: object, timeoutMs?: number): number {
  return stage.ask('admin', { kind: 'adminCall', operation, args, timeoutMs })
}

const errors = (id: number): [string, number][] => stage.answer(id).items.map((item: Body) => [item.key, item.error])
const asked = (name: string): Received[] => stage.requests.filter((request) => request.name === name)

function created(codes: Record<string, number>): (request: Received) => Body {
  return ({ body }) => ({
    topics: body.topics.map(({ name }: Body) => ({ name, errorCode: codes[name] ?? 0, configs: [] })),
  })
}

test('createTopics: what may pass is asked for again, alone; the rest has its own error', () => {
  const topics = ['a', 'b', 'c'].map((name) => ({ name, partitions: 3, configs: { 'retention.ms': '1' } }))
  stage.next.set('CreateTopics', [
    created({ a: KafkaError.TOPIC_ALREADY_EXISTS, b: KafkaError.NOT_CONTROLLER }),
    created({}),
  ])
  const id = call('createTopics', { topics })
  expect(stage.answer(id)).toBeUndefined()
  stage.advance(100)
  expect(errors(id)).toEqual([
    ['a', KafkaError.TOPIC_ALREADY_EXISTS],
    ['b', 0],
    ['c', 0],
  ])
  const bodies = asked('CreateTopics').map(({ body }) => body.topics)
  expect(bodies.map((list) => list.map((topic: Body) => topic.name))).toEqual([['a', 'b', 'c'], ['b']])
  expect(bodies[0][0]).toMatchObject({
    numPartitions: 3,
    replicationFactor: -1,
    configs: [{ name: 'retention.ms', value: '1' }],
  })
})

test('createTopics: a time-out in the controller is an answer: asked again, it would be TOPIC_ALREADY_EXISTS', () => {
  stage.next.set('CreateTopics', [created({ a: KafkaError.REQUEST_TIMED_OUT })])
  const id = call('createTopics', { topics: [{ name: 'a' }] })
  expect(errors(id)).toEqual([['a', KafkaError.REQUEST_TIMED_OUT]])
})

test('createTopics with an assignment leaves the numbers to it', () => {
  stage.next.set('CreateTopics', [created({})])
  const assignment = [
    [1, 2],
    [2, 3],
  ]
  call('createTopics', { topics: [{ name: 'a', partitions: 2, replicationFactor: 2, assignment }] })
  expect(stage.requests.at(-1)!.body.topics[0]).toMatchObject({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [
      { partitionIndex: 0, brokerIds: [1, 2] },
      { partitionIndex: 1, brokerIds: [2, 3] },
    ],
  })
})

test('deleteTopics: a topic that is not there is an answer; by name and by id go apart', () => {
  const id = 'TTTTTTTTTTTTTTTTTTTT1A'
  stage.next.set('DeleteTopics', [
    ({ body }: Received) => ({
      responses: body.topics.map(({ name }: Body) => ({ name, errorCode: name === 'x' ? 3 : 0 })),
    }),
    ({ body }: Received) => ({
      responses: body.topics.map(({ topicId }: Body) => ({ name: 'orders', topicId, errorCode: 0 })),
    }),
  ])
  const question = call('deleteTopics', { topics: ['a', { topicId: id }, 'x'] })
  expect(errors(question)).toEqual([
    ['a', 0],
    [id, 0],
    ['x', KafkaError.UNKNOWN_TOPIC_OR_PARTITION],
  ])
})

const deleted =
  (errorCode: number) =>
  ({ body }: Received) => ({
    topics: body.topics.map(({ name, partitions }: Body) => ({
      name,
      partitions: partitions.map(({ partitionIndex }: Body) => ({ partitionIndex, lowWatermark: 5, errorCode })),
    })),
  })

test('deleteRecords goes to the leaders, and follows them', () => {
  stage.next.set('DeleteRecords', [deleted(0), deleted(KafkaError.NOT_LEADER_OR_FOLLOWER), deleted(0)])
  const id = call('deleteRecords', {
    partitions: [0, 1].map((partition) => ({ topic: 'orders', partition, before: 5 })),
  })
  stage.brokers.topics.get('orders')!.partitions[1] = { leader: 3, epoch: 1 }
  stage.advance(2000)
  expect(errors(id)).toEqual([
    ['orders-0', 0],
    ['orders-1', 0],
  ])
  expect(asked('DeleteRecords').map(({ broker }) => broker)).toEqual([1, 2, 3])
})

test('a leader that is gone is looked for again', () => {
  stage.next.set('DeleteRecords', [deleted(0)])
  stage.held.add('DeleteRecords')
  const id = call('deleteRecords', {
    partitions: [0, 1].map((partition) => ({ topic: 'orders', partition, before: 5 })),
  })
  stage.crash(2)
  stage.brokers.topics.get('orders')!.partitions[1] = { leader: 3, epoch: 1 }
  stage.next.set('DeleteRecords', [deleted(0)])
  stage.advance(2000)
  expect(errors(id)).toEqual([
    ['orders-0', 0],
    ['orders-1', 0],
  ])
  expect(asked('DeleteRecords').map(({ broker }) => broker)).toEqual([1, 2, 3])
})

test('offsets of a topic that is not there: waited for, and the last error is named', () => {
  const id = call('listOffsets', { partitions: [{ topic: 'x', partition: 0, at: 'latest' }] }, 1000)
  stage.advance(1000)
  const [item] = stage.answer(id).items
  expect(item).toMatchObject({ key: 'x-0', error: KafkaError.REQUEST_TIMED_OUT })
  expect(item.detail).toBe('no answer in time; the last one: UNKNOWN_TOPIC_OR_PARTITION')
  expect(asked('ListOffsets')).toEqual([])
})

test('listOffsets: an old broker refuses only what it does not know', () => {
  stage.brokers.maxVersions.set('ListOffsets', 6)
  stage.next.set('ListOffsets', [
    {
      topics: [
        { name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0, offset: 9, timestamp: -1, leaderEpoch: 3 }] },
      ],
    },
  ])
  const partitions = [
    { topic: 'orders', partition: 0, at: 'latest' },
    { topic: 'orders', partition: 1, at: 'max-timestamp' },
  ]
  const id = call('listOffsets', { partitions })
  expect(errors(id)).toEqual([
    ['orders-0', 0],
    ['orders-1', KafkaError.UNSUPPORTED_VERSION],
  ])
  expect(stage.answer(id).items[0].value).toEqual({
    topic: 'orders',
    partition: 0,
    offset: 9,
    timestamp: -1,
    leaderEpoch: 3,
  })
})

test('a coordinator that has moved is looked up again; one that is loading is not', () => {
  const results =
    (errorCode: number) =>
    ({ body }: Received) => ({ results: body.groupsNames.map((groupId: string) => ({ groupId, errorCode })) })
  const { COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, NON_EMPTY_GROUP } = KafkaError
  stage.next.set('DeleteGroups', [
    results(COORDINATOR_LOAD_IN_PROGRESS),
    results(NOT_COORDINATOR),
    results(NON_EMPTY_GROUP),
  ])
  const id = call('deleteGroups', { groups: ['g'] })
  stage.advance(100)
  stage.brokers.coordinator = 3
  stage.advance(1000)
  expect(errors(id)).toEqual([['g', NON_EMPTY_GROUP]])
  expect(asked('DeleteGroups').map(({ broker }) => broker)).toEqual([2, 2, 3])
  expect(stage.count('FindCoordinator')).toBe(2)
})

test('listGroups asks every broker, each with its own outcome', () => {
  stage.next.set(
    'ListGroups',
    [1, 2, 3].map(() => ({ broker }: Received) => ({
      errorCode: broker === 2 ? KafkaError.CLUSTER_AUTHORIZATION_FAILED : 0,
      groups: [{ groupId: `g${broker}`, protocolType: 'consumer', groupState: 'Empty', groupType: 'classic' }],
    })),
  )
  const id = call('listGroups', {})
  expect(errors(id)).toEqual([
    ['1', 0],
    ['2', KafkaError.CLUSTER_AUTHORIZATION_FAILED],
    ['3', 0],
  ])
  expect(stage.answer(id).items[2].value[0].groupId).toBe('g3')
})

test('describeTopics goes on where the page ended', () => {
  const partition = (partitionIndex: number): Body => ({ partitionIndex, errorCode: 0, leaderId: 1, replicaNodes: [1] })
  stage.next.set('DescribeTopicPartitions', [
    { topics: [{ name: 'a', partitions: [0, 1].map(partition) }], nextCursor: { topicName: 'b', partitionIndex: 0 } },
    { topics: [{ name: 'b', partitions: [0, 1].map(partition) }], nextCursor: { topicName: 'b', partitionIndex: 2 } },
    {
      topics: [
        { name: 'b', partitions: [partition(2)] },
        { name: 'c', errorCode: 3 },
      ],
      nextCursor: null,
    },
  ])
  const id = call('describeTopics', { topics: ['c', 'b', 'a'], partitionsPerRequest: 2 })
  expect(errors(id)).toEqual([
    ['c', 3],
    ['b', 0],
    ['a', 0],
  ])
  const [, b, a] = stage.answer(id).items
  expect([a, b].map(({ value }) => value.partitions.map((one: Body) => one.partition))).toEqual([
    [0, 1],
    [0, 1, 2],
  ])
  expect(asked('DescribeTopicPartitions').map(({ body }) => body.cursor)).toMatchObject([
    null,
    { topicName: 'b', partitionIndex: 0 },
    { topicName: 'b', partitionIndex: 2 },
  ])
})

test('a broker is asked for its own configuration; the topics go anywhere', () => {
  stage.next.set(
    'IncrementalAlterConfigs',
    [1, 2].map(() => ({ body }: Received) => ({
      responses: body.resources.map(({ resourceType, resourceName }: Body) => ({
        errorCode: 0,
        resourceType,
        resourceName,
      })),
    })),
  )
  const changes = [
    { name: 'log.retention.ms', operation: 'delete' },
    { name: 'num.io.threads', operation: 'set', value: '4' },
  ]
  const resources = [
    { type: 'broker', name: '3', changes },
    { type: 'topic', name: 'orders', changes: [] },
  ]
  const id = call('incrementalAlterConfigs', { resources })
  expect(errors(id)).toEqual([
    ['broker:3', 0],
    ['topic:orders', 0],
  ])
  const own = asked('IncrementalAlterConfigs').find(({ body }) => body.resources[0].resourceName === '3')!
  expect(own.broker).toBe(3)
  expect(own.body.resources[0].configs).toEqual([
    { name: 'log.retention.ms', configOperation: 1, value: null },
    { name: 'num.io.threads', configOperation: 0, value: '4' },
  ])
})

test('a broker that is not there may come', () => {
  const id = call('describeLogDirs', { brokers: [7] }, 1000)
  stage.advance(999)
  expect(stage.answer(id)).toBeUndefined()
  stage.advance(1)
  expect(errors(id)).toEqual([['7', KafkaError.REQUEST_TIMED_OUT]])
})

test('any request; its answer is handed on', () => {
  const id = call('anyRequest', { api: 3, body: { topics: [{ name: 'orders' }] } })
  expect(stage.answer(id).items[0]).toMatchObject({ error: 0, value: { clusterId: 'stage' } })
})

test('a cluster that is down: repeated until the time is over', () => {
  for (const broker of [1, 2, 3]) stage.crash(broker)
  const id = call('describeCluster', {}, 5000)
  stage.advance(4999)
  expect(stage.answer(id)).toBeUndefined()
  stage.advance(1)
  expect(errors(id)).toEqual([['cluster', KafkaError.REQUEST_TIMED_OUT]])
})

test('who is refused by every broker hears it at once', () => {
  stage.held.add('FindCoordinator')
  const coordinator = call('deleteGroups', { groups: ['g'] })
  const [id] = stage.state<AdminState>('admin').asks.keys()
  const body = { kind: 'unanswered', reason: 'authentication-failed', broker: 1, error: 58, detail: 'wrong password' }
  stage.tell('admin', { kind: 'reply', id, body } as never)
  stage.run()
  expect(stage.answer(coordinator).items).toMatchObject([{ key: 'g', error: 58, detail: 'wrong password' }])
})

test('without metadata, what needs it is refused with it', () => {
  const alone = new Stage()
  alone.host('admin', adminActor, { properties: {} })
  const id = alone.ask('admin', { kind: 'adminCall', operation: 'createTopics', args: { topics: [{ name: 'a' }] } })
  alone.advance(1000)
  expect(alone.answer(id)).toBeUndefined()
  alone.tell('admin', { kind: 'metadataFailed', error: 58, detail: 'wrong password' } as never)
  alone.run()
  expect(alone.answer(id).items).toMatchObject([{ key: 'a', error: 58, detail: 'wrong password' }])
})
