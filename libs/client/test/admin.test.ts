/** The admin actor: errors per item, repetition of what may pass, leaders for deletions, time. */
import { beforeEach, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { adminActor } from '../src/admin.ts'
import { networkActor } from '../src/network.ts'
import { Stage, type Body, type Received } from './stage.ts'

let stage: Stage

beforeEach(() => {
  stage = new Stage()
  stage.random = () => 0x8000_0000
  stage.brokers.add('orders', [1, 2])
  stage.host('network', networkActor, { properties: { 'bootstrap.servers': ['b1:9091'] } })
  stage.host('admin', adminActor, { properties: {} })
})

const errors = (id: number): [string, number][] => stage.answer(id).items.map((item: Body) => [item.name, item.error])

function created(codes: Record<string, number>): (request: Received) => Body {
  return ({ body }) => ({
    topics: body.topics.map(({ name }: Body) => ({ name, errorCode: codes[name] ?? 0, configs: [] })),
  })
}

test('createTopics: what may pass is asked for again, alone; the rest has its own error', () => {
  const topics = ['a', 'b', 'c'].map((name) => ({
    name,
    partitions: 3,
    replicationFactor: 2,
    configs: { 'retention.ms': '1' },
  }))
  stage.next.set('CreateTopics', [
    created({ a: KafkaError.TOPIC_ALREADY_EXISTS, b: KafkaError.NOT_CONTROLLER }),
    created({}),
  ])
  const id = stage.ask('admin', { kind: 'createTopics', topics })
  expect(stage.answer(id)).toBeUndefined()
  stage.advance(100)
  expect(errors(id)).toEqual([
    ['a', KafkaError.TOPIC_ALREADY_EXISTS],
    ['b', 0],
    ['c', 0],
  ])
  const asked = stage.requests.filter(({ name }) => name === 'CreateTopics').map(({ body }) => body.topics)
  expect(asked.map((list) => list.map((topic: Body) => topic.name))).toEqual([['a', 'b', 'c'], ['b']])
  expect(asked[0][0]).toMatchObject({
    numPartitions: 3,
    replicationFactor: 2,
    configs: [{ name: 'retention.ms', value: '1' }],
  })
})

test('createTopics with an assignment leaves the numbers to it', () => {
  stage.next.set('CreateTopics', [created({})])
  const topics = [
    {
      name: 'a',
      partitions: 2,
      replicationFactor: 2,
      assignment: [
        [1, 2],
        [2, 3],
      ],
    },
  ]
  stage.ask('admin', { kind: 'createTopics', topics })
  expect(stage.requests.at(-1)!.body.topics[0]).toMatchObject({
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [
      { partitionIndex: 0, brokerIds: [1, 2] },
      { partitionIndex: 1, brokerIds: [2, 3] },
    ],
  })
})

test('deleteTopics: a topic that is not there is an answer', () => {
  stage.next.set('DeleteTopics', [
    ({ body }: Received) => ({
      responses: body.topics.map(({ name }: Body) => ({ name, errorCode: name === 'x' ? 3 : 0 })),
    }),
  ])
  const id = stage.ask('admin', { kind: 'deleteTopics', topics: ['orders', 'x'] })
  expect(errors(id)).toEqual([
    ['orders', 0],
    ['x', KafkaError.UNKNOWN_TOPIC_OR_PARTITION],
  ])
  expect(stage.answer(id).error).toBe(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
})

test('deleteRecords goes to the leaders, and follows them', () => {
  const answer =
    (errorCode: number) =>
    ({ body }: Received) => ({
      topics: body.topics.map(({ name, partitions }: Body) => ({
        name,
        partitions: partitions.map(({ partitionIndex }: Body) => ({ partitionIndex, lowWatermark: 5, errorCode })),
      })),
    })
  stage.next.set('DeleteRecords', [answer(0), answer(KafkaError.NOT_LEADER_OR_FOLLOWER), answer(0)])
  const offsets = [0, 1].map((partition) => ({ topic: 'orders', partition, offset: 5 }))
  const id = stage.ask('admin', { kind: 'deleteRecords', offsets })
  stage.brokers.topics.get('orders')!.partitions[1] = { leader: 3, epoch: 1 }
  stage.advance(2000)
  expect(errors(id)).toEqual([
    ['orders-0', 0],
    ['orders-1', 0],
  ])
  const asked = stage.requests.filter(({ name }) => name === 'DeleteRecords')
  expect(asked.map(({ broker }) => broker).sort()).toEqual([1, 2, 3])
})

test('alterConfigs of a broker goes to that broker; null deletes', () => {
  stage.next.set('IncrementalAlterConfigs', [
    ({ body }: Received) => ({
      responses: body.resources.map(({ resourceType, resourceName }: Body) => ({
        errorCode: 0,
        resourceType,
        resourceName,
      })),
    }),
  ])
  // Which brokers there are comes with the first metadata.
  stage.advance(10)
  const configs = { 'log.retention.ms': null, 'num.io.threads': '4' }
  const id = stage.ask('admin', { kind: 'alterConfigs', type: 'broker', name: '3', configs })
  expect(stage.answer(id)).toMatchObject({ error: 0 })
  const asked = stage.requests.find(({ name }) => name === 'IncrementalAlterConfigs')!
  expect(asked.broker).toBe(3)
  expect(asked.body.resources[0].configs).toEqual([
    { name: 'log.retention.ms', configOperation: 1, value: null },
    { name: 'num.io.threads', configOperation: 0, value: '4' },
  ])
})

test('any request; its answer is handed on', () => {
  const id = stage.ask('admin', { kind: 'adminRequest', to: 'any', api: 3, body: { topics: [{ name: 'orders' }] } })
  expect(stage.answer(id)).toMatchObject({ error: 0, body: { clusterId: 'stage' } })
})

test('a cluster that is down: repeated until the time is over', () => {
  for (const broker of [1, 2, 3]) stage.crash(broker)
  const id = stage.ask('admin', { kind: 'describeCluster', timeoutMs: 5000 })
  stage.advance(4999)
  expect(stage.answer(id)).toBeUndefined()
  stage.advance(1)
  expect(stage.answer(id)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT })
})
