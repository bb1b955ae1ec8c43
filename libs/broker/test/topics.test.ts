/** Metadata and topics: what clients see, what is made because they asked, and answers that wait for the image. */
import { describe, expect, test } from 'vitest'
import type { Message } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../src/topic-names.ts'
import { topicId } from './cluster.ts'
import { World } from './world.ts'

const METADATA = 3
const FIND_COORDINATOR = 10
const CREATE_TOPICS = 19

interface Creation {
  readonly topics: {
    name: string
    numPartitions: number
    replicationFactor: number
    configs: { name: string; value: string }[]
  }[]
}

/** A controller whose topics show up in the image `delayMs` after its answer. */
function withController(world: World, delayMs: number, refuse?: number): Creation[] {
  const created: Creation[] = []
  const due: { at: number; name: string; partitions: number }[] = []
  const { cluster } = world
  const topic = cluster.topic.bind(cluster)
  cluster.topic = (name) => {
    for (const { name: wanted, partitions } of due.splice(0).filter((one) => one.at <= world.now || !due.push(one))) {
      cluster.add(wanted, partitions)
    }
    return topic(name)
  }
  world.on('controller', (message: Message) => {
    const { body, api } = message as unknown as { body: Creation; api: string }
    if (refuse !== undefined) return { kind: 'refused', error: refuse }
    expect(api).toBe('CreateTopics')
    created.push(body)
    for (const { name, numPartitions } of body.topics) {
      if (!topic(name)) due.push({ at: world.now + delayMs, name, partitions: numPartitions })
    }
    return { topics: body.topics.map(({ name }) => ({ name, topicId: topicId(50), errorCode: 0, numPartitions: 1 })) }
  })
  return created
}

describe('Metadata', () => {
  test('endpoints are those of the listener that the client came in on; fenced brokers are not shown', () => {
    const world = new World()
    world.cluster.broker(3, { fenced: true })
    world.open(1, 'INTERNAL')
    world.request(1, METADATA, 9, { topics: null })
    const { brokers, controllerId, clusterId } = world.response(1).body
    expect(brokers.map(({ nodeId, host, port }: never) => [nodeId, host, port])).toEqual([
      [1, 'broker-1', 19092],
      [2, 'broker-2', 19093],
    ])
    expect([controllerId, clusterId]).toEqual([2, 'troupe-test-cluster-id'])
  })

  test('a broker that was lost without a word stays named for as long as its session would have run in Kafka', () => {
    const world = new World()
    const named = (): number[] => world.ask(METADATA, 9, { topics: [] }).brokers.map((b: never) => b['nodeId'])
    world.cluster.broker(3, { fenced: true })
    world.cluster.lostAt.set(3, world.now - 8_999)
    expect(named()).toEqual([1, 2, 3])
    world.cluster.lostAt.set(3, world.now - 9_000)
    expect(named()).toEqual([1, 2])
  })

  test('partitions without a leader, and leaders without the listener', () => {
    const world = new World()
    world.cluster.broker(2, { listeners: [{ name: 'OTHER', host: 'x', port: 1, securityProtocol: 0 }] })
    world.cluster.add('t', 3, (p) => ({ leader: [1, -1, 2][p] }))
    const errors = (version: number): number[] =>
      world.ask(METADATA, version, { topics: [{ name: 't' }] }).topics[0].partitions.map((p: never) => p['errorCode'])
    expect(errors(9)).toEqual([0, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.LISTENER_NOT_FOUND])
    expect(errors(5)).toEqual([0, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.LEADER_NOT_AVAILABLE])
    // v0 leaves out what cannot be reached, and says so.
    const [reachable] = world.ask(METADATA, 0, { topics: [{ name: 't' }] }).topics[0].partitions
    expect(reachable).toMatchObject({ errorCode: KafkaError.REPLICA_NOT_AVAILABLE, replicaNodes: [1, 3] })
  })

  test('all topics: an empty list in v0, null later; an empty list later is none', () => {
    const world = new World()
    world.cluster.add('b')
    world.cluster.add('a')
    const names = (version: number, topics: [] | null): string[] =>
      world.ask(METADATA, version, { topics }).topics.map(({ name }: { name: string }) => name)
    expect([names(0, []), names(1, null), names(1, [])]).toEqual([['a', 'b'], ['a', 'b'], []])
  })

  test('by id', () => {
    const world = new World()
    const { id } = world.cluster.add('known')
    const { topics } = world.ask(METADATA, 12, {
      topics: [
        { topicId: id, name: null },
        { topicId: topicId(9), name: null },
      ],
    })
    expect(topics).toEqual([
      expect.objectContaining({ errorCode: KafkaError.UNKNOWN_TOPIC_ID, topicId: topicId(9), name: null }),
      expect.objectContaining({ errorCode: 0, topicId: id, name: 'known' }),
    ])
  })

  test('an unknown topic is made, and the answer has its leaders', () => {
    const world = new World({ 'num.partitions': '4' })
    const created = withController(world, 7)
    world.open(1)
    world.request(1, METADATA, 9, { topics: [{ name: 'new' }], allowAutoTopicCreation: true })
    expect(world.hasResponse(1)).toBe(false)
    world.advance(10)
    expect(world.response(1).body.topics[0].partitions.length).toBe(4)
    expect(created).toMatchObject([{ topics: [{ name: 'new', numPartitions: 4, replicationFactor: 1 }] }])
  })

  test('two that ask for the same topic make it once', () => {
    const world = new World()
    const created = withController(world, 50)
    for (const connection of [1, 2]) {
      world.open(connection)
      world.request(connection, METADATA, 9, { topics: [{ name: 'new' }], allowAutoTopicCreation: true })
    }
    world.advance(60)
    expect(created.length).toBe(1)
    expect([1, 2].map((connection) => world.response(connection).body.topics[0].errorCode)).toEqual([0, 0])
  })

  test.each([
    ['the client does not want it', {}, { topics: [{ name: 'new' }], allowAutoTopicCreation: false }, 3],
    ['the broker does not', { 'auto.create.topics.enable': 'false' }, { topics: [{ name: 'new' }] }, 3],
    ['the name is illegal', {}, { topics: [{ name: 'a b' }], allowAutoTopicCreation: true }, 17],
  ])('nothing is made when %s', (_name, properties, request, error) => {
    const world = new World(properties)
    const created = withController(world, 0)
    expect(world.ask(METADATA, 9, request).topics[0].errorCode).toBe(error)
    expect(created).toEqual([])
  })

  test('a creation that fails is UNKNOWN_TOPIC_OR_PARTITION', () => {
    const world = new World()
    withController(world, 0, KafkaError.POLICY_VIOLATION)
    const { topics } = world.ask(METADATA, 9, { topics: [{ name: 'new' }], allowAutoTopicCreation: true })
    expect(topics[0].errorCode).toBe(KafkaError.UNKNOWN_TOPIC_OR_PARTITION)
  })
})

describe('FindCoordinator', () => {
  test('the first to ask makes the internal topic, clamped to the brokers there are', () => {
    const world = new World()
    world.cluster.brokers.delete(3)
    // Away for a moment: it counts all the same, a factor that is too small would stay for ever.
    world.cluster.broker(2, { fenced: true })
    const created = withController(world, 3)
    world.open(1)
    world.request(1, FIND_COORDINATOR, 4, { keyType: 1, coordinatorKeys: ['tx'] })
    world.advance(10)
    expect(world.response(1).body.coordinators).toEqual([
      expect.objectContaining({ key: 'tx', errorCode: 0, nodeId: 1, host: 'localhost', port: 9092 }),
    ])
    const [
      {
        topics: [topic],
      },
    ] = created
    expect(topic).toMatchObject({ name: TRANSACTION_TOPIC, numPartitions: 50, replicationFactor: 2 })
    expect(Object.fromEntries(topic.configs.map(({ name, value }) => [name, value]))).toEqual({
      'cleanup.policy': 'compact',
      'compression.type': 'uncompressed',
      'min.insync.replicas': '2',
      'segment.bytes': '104857600',
      'unclean.leader.election.enable': 'false',
    })
  })

  test('one broker: replication factor and min ISR 1', () => {
    const world = new World()
    for (const id of [2, 3]) world.cluster.brokers.delete(id)
    const created = withController(world, 0)
    world.ask(FIND_COORDINATOR, 3, { key: 'group', keyType: 0 })
    const [
      {
        topics: [topic],
      },
    ] = created
    expect(topic).toMatchObject({ name: OFFSETS_TOPIC, replicationFactor: 1 })
    expect(topic.configs).toContainEqual({ name: 'min.insync.replicas', value: '1' })
    expect(topic.configs).toContainEqual({ name: 'cleanup.policy', value: 'compact' })
  })

  test('no leader, unknown kinds', () => {
    const world = new World()
    world.cluster.add(OFFSETS_TOPIC, 1, () => ({ leader: -1 }))
    expect(world.ask(FIND_COORDINATOR, 2, { key: 'g', keyType: 0 })).toMatchObject({
      errorCode: KafkaError.COORDINATOR_NOT_AVAILABLE,
      nodeId: -1,
      host: '',
      port: -1,
    })
    expect(world.ask(FIND_COORDINATOR, 6, { keyType: 2, coordinatorKeys: ['s'] }).coordinators[0].errorCode).toBe(
      KafkaError.INVALID_REQUEST,
    )
  })
})

describe('CreateTopics', () => {
  const request = { topics: [{ name: 'new', numPartitions: 2, replicationFactor: 1 }], timeoutMs: 1000 }

  test('is answered when the image has the topic, or after a second', () => {
    for (const [delay, until] of [
      [20, 30],
      [5000, 1010],
    ]) {
      const world = new World()
      withController(world, delay)
      world.open(1)
      world.request(1, CREATE_TOPICS, 7, request)
      expect(world.hasResponse(1)).toBe(false)
      world.advance(until)
      expect(world.response(1).body.topics).toMatchObject([{ name: 'new', errorCode: 0, topicId: topicId(50) }])
    }
  })

  test('without a controller it is sent again until its time is over', () => {
    const world = new World()
    let asked = 0
    world.on('controller', () => {
      asked++
      return { kind: 'refused', error: KafkaError.NOT_CONTROLLER }
    })
    world.open(1)
    world.request(1, CREATE_TOPICS, 7, request)
    world.advance(999)
    expect(world.hasResponse(1)).toBe(false)
    world.advance(1)
    expect(world.response(1).body.topics[0].errorCode).toBe(KafkaError.REQUEST_TIMED_OUT)
    expect(asked).toBeGreaterThan(3)
  })

  test('an answer that got lost is not waited for any longer than asked', () => {
    const world = new World()
    world.on('controller', () => undefined)
    world.open(1)
    world.request(1, CREATE_TOPICS, 7, request)
    world.advance(1000)
    expect(world.response(1).body.topics[0].errorCode).toBe(KafkaError.REQUEST_TIMED_OUT)
    expect(world.state.asks.size).toBe(0)
  })
})

describe('DescribeTopicPartitions', () => {
  function pages(limit: number): [string, number[]][][] {
    const world = new World()
    world.cluster.add('b', 3)
    world.cluster.add('a', 2)
    world.cluster.add('c', 1)
    const all: [string, number[]][][] = []
    let cursor = null
    do {
      const body: Record<string, never> = world.ask(75, 0, { topics: [], responsePartitionLimit: limit, cursor })
      all.push(
        (body.topics as { name: string; partitions: { partitionIndex: number }[] }[]).map(({ name, partitions }) => [
          name,
          partitions.map(({ partitionIndex }) => partitionIndex),
        ]),
      )
      cursor = body.nextCursor
    } while (cursor !== null)
    return all
  }

  test('pages', () => {
    expect(pages(4)).toEqual([
      [
        ['a', [0, 1]],
        ['b', [0, 1]],
      ],
      [
        ['b', [2]],
        ['c', [0]],
      ],
    ])
    expect(pages(2)).toEqual([
      [['a', [0, 1]]],
      [['b', [0, 1]]],
      [
        ['b', [2]],
        ['c', [0]],
      ],
    ])
    expect(pages(100)).toEqual([
      [
        ['a', [0, 1]],
        ['b', [0, 1, 2]],
        ['c', [0]],
      ],
    ])
  })
})
