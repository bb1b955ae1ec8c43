/** The front before real replicas on a disk in memory: the path of a record, in and out. */
import { beforeEach, describe, expect, test } from 'vitest'
import { actorNames } from '@troupe/actor'
import { replicaActor } from '@troupe/replication/replica'
import { KafkaError } from '@troupe/wire/errors'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { batch, openDirectory, replicaConfig } from '../../replication/test/harness.ts'
import { World } from './world.ts'

let world: World

beforeEach(() => {
  world = new World()
  const topic = world.cluster.add('orders', 2, () => ({ replicas: [1], isr: [1] }))
  const logs = openDirectory(new MemoryFileSystem(), 1)
  const config = replicaConfig()
  for (const partition of [0, 1]) {
    const name = actorNames.replica(topic.id, partition)
    world.host(name, replicaActor, { topic: 'orders', topicId: topic.id, partition, config }, { logs })
    world.send(name, {
      kind: 'partition',
      view: topic.partitions[partition],
      config,
      eligibleBrokers: new Map([[1, 11]]),
      brokerEpoch: 11,
    } as never)
  }
})

function produce(partition: number, values: string[], version = 9): number {
  const records = batch({ values, timestamp: world.now })
  const { responses } = world.ask(0, version, {
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ name: 'orders', partitionData: [{ index: partition, records }] }],
  })
  const [{ errorCode, baseOffset }] = responses[0].partitionResponses
  expect(errorCode).toBe(KafkaError.NONE)
  return baseOffset
}

function fetchRequest(offsets: readonly number[], change: object = {}): object {
  const partitions = offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 100_000 }))
  return { maxWaitMs: 500, minBytes: 1, maxBytes: 1_000_000, topics: [{ topic: 'orders', partitions }], ...change }
}

const text = (records: Uint8Array): string => new TextDecoder('latin1').decode(records)

describe('a record', () => {
  test('comes out as it went in', () => {
    expect([produce(0, ['first', 'second']), produce(0, ['third']), produce(1, ['other'])]).toEqual([0, 2, 0])
    const [{ partitions }] = world.ask(1, 12, fetchRequest([0, 0])).responses
    expect(partitions.map((p: never) => [p['partitionIndex'], p['errorCode'], p['highWatermark']])).toEqual([
      [0, 0, 3],
      [1, 0, 1],
    ])
    expect(text(partitions[0].records)).toMatch(/first.*second.*third/s)
    expect(text(partitions[1].records)).toContain('other')
  })

  test('wakes who waits for it, and only then', () => {
    world.open(1)
    world.request(1, 1, 12, fetchRequest([0, 0]))
    expect(world.hasResponse(1)).toBe(false)
    produce(1, ['news'])
    const [{ partitions }] = world.response(1).body.responses
    expect(partitions.map(({ records }: { records: Uint8Array }) => text(records).includes('news'))).toEqual([
      false,
      true,
    ])
  })

  test('many small batches fill the budget in whole batches', () => {
    for (let n = 0; n < 20; n++) produce(0, [`value-${n}`])
    const [{ partitions }] = world.ask(1, 12, fetchRequest([5], { maxBytes: 300 })).responses
    const { records } = partitions[0] as { records: Uint8Array }
    expect(records.length).toBeLessThanOrEqual(300)
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    let at = 0
    let batches = 0
    for (; at < records.length; batches++) at += 12 + view.getInt32(at + 8)
    expect(at).toBe(records.length)
    expect(batches).toBeGreaterThan(1)
    expect(Number(view.getBigInt64(0))).toBe(5)
  })
})

test('offsets by time, by name, and after a deletion of records', () => {
  produce(0, ['a', 'b', 'c'])
  const offsets = (timestamp: number): number => {
    const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch: -1 }]
    const [
      {
        partitions: [one],
      },
    ] = world.ask(2, 7, { topics: [{ name: 'orders', partitions }] }).topics
    expect(one.errorCode).toBe(KafkaError.NONE)
    return one.offset
  }
  expect([offsets(-2), offsets(-1)]).toEqual([0, 3])
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 2 }] }]
  expect(world.ask(21, 2, { topics, timeoutMs: 1000 }).topics[0].partitions[0]).toMatchObject({
    errorCode: 0,
    lowWatermark: 2,
  })
  expect(offsets(-2)).toBe(2)
  const [{ partitions }] = world.ask(1, 12, fetchRequest([0])).responses
  expect(partitions[0].errorCode).toBe(KafkaError.OFFSET_OUT_OF_RANGE)
})

test('an old and a future leader epoch of the client', () => {
  produce(0, ['a'])
  const error = (currentLeaderEpoch: number): number => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, currentLeaderEpoch }]
    const topics = [{ topic: 'orders', partitions }]
    return world.ask(1, 12, fetchRequest([], { topics })).responses[0].partitions[0].errorCode
  }
  expect([error(4), error(5), error(6)]).toEqual([KafkaError.FENCED_LEADER_EPOCH, 0, KafkaError.UNKNOWN_LEADER_EPOCH])
})
