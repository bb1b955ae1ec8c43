/** The idempotent producer: batches, retries in order, sequences and epochs, time and memory. */
import { describe, expect, test } from 'vitest'
import type { Safeguards } from '@troupe/actor'
import { installCompression } from '@troupe/wire/compression.node'
import { KafkaError } from '@troupe/wire/errors'
import { networkActor } from '../src/network.ts'
import { producerActor } from '../src/producer.ts'
import { Stage } from './stage.ts'
import { readBatch } from '@troupe/wire/record-batch'
import { lines, ProducerStage } from './producer-stage.ts'

installCompression()

describe('batches', () => {
  test('records that linger together go together; answers come in order', () => {
    const stage = new ProducerStage({ 'linger.ms': 5 })
    stage.send(0, 'a', 'b')
    stage.send(1, 'c')
    stage.advance(4)
    expect(stage.told()).toBe('  b3 ← InitProducerId -1/-1')
    stage.advance(1)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a,b]
        b2 ← Produce v13 orders-1 7000/0 seq=0 [c]
      #1 sent orders-0@0
      #2 sent orders-0@1
      #3 sent orders-1@0
    `)
  })

  test('a full batch does not linger', () => {
    const stage = new ProducerStage({ 'linger.ms': 1000, 'batch.size': 200 })
    for (const n of [1, 2, 3]) stage.sendRecord({ partition: 0, value: new Uint8Array(80 + n) })
    expect(stage.count('Produce')).toBe(2)
    expect(stage.answers.size).toBe(2)
  })

  test('five requests of a broker are under way at most, and keep the order', () => {
    const stage = new ProducerStage().warm()
    stage.held.add('Produce')
    stage.send(0, 'a', 'b', 'c', 'd', 'e', 'f', 'g')
    expect(stage.count('Produce')).toBe(6)
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
        b1 ← Produce v13 orders-0 7000/0 seq=2 [b]
        b1 ← Produce v13 orders-0 7000/0 seq=3 [c]
        b1 ← Produce v13 orders-0 7000/0 seq=4 [d]
        b1 ← Produce v13 orders-0 7000/0 seq=5 [e]
      #2 sent orders-0@1
        b1 ← Produce v13 orders-0 7000/0 seq=6 [f,g]
    `)
  })

  test('a flush does not wait for linger.ms, and ends with the last answer', () => {
    const stage = new ProducerStage({ 'linger.ms': 60_000 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    const flush = stage.do('flush')
    expect([stage.count('Produce'), stage.answer(flush)]).toEqual([1, undefined])
    stage.send(1, 'later')
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.answer(flush)).toMatchObject({ error: 0 })
  })

  test('compressed, and without ids and sequences', () => {
    const stage = new ProducerStage({ 'enable.idempotence': false, 'compression.type': 'gzip' })
    stage.send(0, 'a')
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 [a]
      #1 sent orders-0@0
    `)
  })

  test.each([
    ['gzip', 1, 9],
    ['zstd', 1, 19],
  ] as const)('%s: a higher level makes a smaller batch', (type, low, high) => {
    const size = (level: number): number => {
      const stage = new ProducerStage({ 'compression.type': type, [`compression.${type}.level`]: level })
      const words = Array.from({ length: 4000 }, (_, n) => (n * n) % 997)
      const value = new TextEncoder().encode(words.join(' '))
      stage.sendRecord({ partition: 0, value })
      const { records } = stage.requests.at(-1)!.body.topicData[0].partitionData[0]
      expect(readBatch(records).records[0]!.value).toEqual(value)
      return records.length
    }
    expect(size(high)).toBeLessThan(size(low))
  })

  test('acks=0: sent is enough, and no offset is known', () => {
    const stage = new ProducerStage({ 'enable.idempotence': false, acks: 0 })
    stage.held.add('Produce')
    const [id] = stage.send(0, 'a')
    expect(stage.answer(id!)).toMatchObject({ error: 0, offset: -1, partition: 0 })
  })

  test('one that is too large for the broker is split, and keeps its place', () => {
    const stage = new ProducerStage({ 'linger.ms': 5 })
    stage.send(0, 'a', 'b', 'c', 'd')
    stage.refuseNext(KafkaError.MESSAGE_TOO_LARGE)
    stage.advance(5)
    stage.advance(1)
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a,b,c,d]
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a,b]
      #1 sent orders-0@0
      #2 sent orders-0@1
        b1 ← Produce v13 orders-0 7000/0 seq=2 [c,d]
      #3 sent orders-0@2
      #4 sent orders-0@3
    `)
  })

  test('a topic without an id is named', () => {
    const stage = new ProducerStage()
    stage.brokers.maxVersions.set('Metadata', 9)
    stage.send(0, 'a')
    expect(stage.told()).toContain('Produce v12 orders-0 7000/0 seq=0 [a]')
  })
})

describe('retries', () => {
  test('NOT_LEADER_OR_FOLLOWER: the answer names the new leader, which gets the batch at once', () => {
    const stage = new ProducerStage()
    stage.send(0, 'first')
    stage.told()
    stage.brokers.topics.get('orders')!.partitions[0] = { leader: 3, epoch: 1 }
    const currentLeader = { leaderId: 3, leaderEpoch: 1 }
    stage.answerNext('Produce', (request: never) => ({
      ...stage.brokers.produce(request, () => ({ errorCode: KafkaError.NOT_LEADER_OR_FOLLOWER, currentLeader })),
      nodeEndpoints: [{ nodeId: 3, host: 'b3', port: 9093 }],
    }))
    stage.send(0, 'a')
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
        b3 ← Produce v13 orders-0 7000/0 seq=1 [a]
      #2 sent orders-0@1
    `)
  })

  test('NOT_LEADER_OR_FOLLOWER without a hint: metadata first', () => {
    const stage = new ProducerStage()
    stage.send(0, 'first')
    stage.told()
    stage.advance(1000)
    stage.brokers.topics.get('orders')!.partitions[0] = { leader: 3, epoch: 1 }
    stage.refuseNext(KafkaError.NOT_LEADER_OR_FOLLOWER)
    stage.send(0, 'a')
    stage.advance(100)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
        b3 ← Produce v13 orders-0 7000/0 seq=1 [a]
      #2 sent orders-0@1
    `)
  })

  test('a lost response: the same batch with the same sequence again, DUPLICATE_SEQUENCE_NUMBER is success', () => {
    const stage = new ProducerStage()
    stage.answerNext('Produce', 'close')
    stage.refuseNext(KafkaError.DUPLICATE_SEQUENCE_NUMBER)
    const [id] = stage.send(0, 'a')
    stage.advance(500)
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 sent orders-0@-1
    `)
    expect(stage.answer(id!)).toMatchObject({ error: 0, offset: -1, indefinite: false })
  })

  test('in flight together, failed together: again in the order of their sequences, one at a time', () => {
    const stage = new ProducerStage().warm()
    stage.held.add('Produce')
    stage.send(0, 'a', 'b', 'c')
    const [, a, b, c] = stage.requests.filter(({ name }) => name === 'Produce')
    stage.told()
    // The first fails, and those behind it out of order.
    stage.refuse(a!, KafkaError.NOT_ENOUGH_REPLICAS)
    stage.refuse(b!, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    stage.refuse(c!, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    stage.held.clear()
    stage.advance(1000)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
      #2 sent orders-0@1
        b1 ← Produce v13 orders-0 7000/0 seq=2 [b]
      #3 sent orders-0@2
        b1 ← Produce v13 orders-0 7000/0 seq=3 [c]
      #4 sent orders-0@3
    `)
    expect(stage.producer.transaction.producerEpoch).toBe(0)
  })

  test('what was never sent goes behind what is retried', () => {
    const stage = new ProducerStage().warm()
    stage.held.add('Produce')
    stage.send(0, 'a')
    const first = stage.open('Produce')
    stage.refuse(first, KafkaError.NOT_ENOUGH_REPLICAS)
    stage.send(0, 'b')
    stage.told()
    stage.held.clear()
    stage.advance(1000)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
        b1 ← Produce v13 orders-0 7000/0 seq=2 [b]
      #2 sent orders-0@1
      #3 sent orders-0@2
    `)
  })

  /** The leader refuses the first batches as long as it does not know that it leads; then it takes any first sequence. */
  const newLeader = (safeguards: Partial<Safeguards> = {}): string => {
    const stage = new ProducerStage({}, safeguards)
    stage.held.add('Produce')
    stage.send(0, 'a', 'b', 'c')
    const [first, second, third] = stage.requests.filter(({ name }) => name === 'Produce')
    stage.told()
    stage.refuse(first!, KafkaError.NOT_LEADER_OR_FOLLOWER)
    if (second) stage.refuse(second, KafkaError.NOT_LEADER_OR_FOLLOWER)
    if (third) stage.respondAsBroker(third)
    stage.held.clear()
    stage.advance(1000)
    return stage.told()
  }

  test('a leader that is only just becoming one: nothing is sent behind the first batch (Z17)', () => {
    expect(newLeader()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 sent orders-0@0
        b1 ← Produce v13 orders-0 7000/0 seq=1 [b,c]
      #2 sent orders-0@1
      #3 sent orders-0@2
    `)
  })

  test('without the safeguard the third batch comes first (Z17)', () => {
    expect(newLeader({ firstBatchAlone: false })).toContain('#3 sent orders-0@0')
  })

  test('with one request at a time the order survives without sequences', () => {
    const stage = new ProducerStage({ 'enable.idempotence': false, 'max.in.flight.requests.per.connection': 1 })
    stage.answerNext('Produce', 'close')
    stage.send(0, 'a')
    stage.send(0, 'b')
    stage.send(1, 'x')
    stage.held.add('Produce')
    stage.advance(1000)
    stage.held.clear()
    stage.respondAsBroker(stage.open('Produce'))
    stage.advance(1000)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 [a]
        b2 ← Produce v13 orders-1 [x]
      #3 sent orders-1@0
        b1 ← Produce v13 orders-0 [a]
      #1 sent orders-0@1
        b1 ← Produce v13 orders-0 [b]
      #2 sent orders-0@2
    `)
  })

  test('a broker that is down is tried again, longer and longer apart', () => {
    const stage = new ProducerStage()
    stage.send(1, 'first')
    stage.crash(2)
    stage.told()
    const [id] = stage.send(1, 'a')
    stage.advance(3000)
    stage.brokers.down.clear()
    stage.advance(2000)
    expect(stage.answer(id!)).toMatchObject({ error: 0, offset: 1 })
    expect(stage.told()).toBe(lines`
        b2 ← Produce v13 orders-1 7000/0 seq=1 [a]
      #2 sent orders-1@1
    `)
  })

  test('an error that does not pass is the end of the batch, not of the producer', () => {
    const stage = new ProducerStage()
    stage.refuseNext(KafkaError.INVALID_RECORD)
    stage.send(0, 'a')
    stage.send(0, 'b')
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 INVALID_RECORD: INVALID_RECORD
        b1 ← Produce v13 orders-0 7000/1 seq=0 [b]
      #2 sent orders-0@0
    `)
  })
})

describe('epochs', () => {
  test('a gap: OUT_OF_ORDER_SEQUENCE_NUMBER for the next in line raises the epoch', () => {
    const stage = new ProducerStage()
    stage.send(0, 'a')
    stage.send(1, 'x')
    stage.refuseNext(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    stage.send(0, 'b')
    stage.advance(200)
    stage.send(1, 'y')
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 sent orders-0@0
        b2 ← Produce v13 orders-1 7000/0 seq=0 [x]
      #2 sent orders-1@0
        b1 ← Produce v13 orders-0 7000/0 seq=1 [b]
        b1 ← Produce v13 orders-0 7000/1 seq=0 [b]
      #3 sent orders-0@1
        b2 ← Produce v13 orders-1 7000/1 seq=0 [y]
      #4 sent orders-1@1
    `)
  })

  const lostState = (safeguard: boolean): string => {
    const stage = new ProducerStage({}, { resetSequencesOnlyWithNewEpoch: safeguard })
    stage.send(0, 'a')
    // Its records were deleted, and the producer's state with them.
    stage.refuseNext(KafkaError.UNKNOWN_PRODUCER_ID, { logStartOffset: 5 })
    stage.send(0, 'b')
    stage.told()
    stage.advance(200)
    return stage.told()
  }

  test('UNKNOWN_PRODUCER_ID: sequence 0 comes with a new epoch (KIP-360)', () => {
    expect(lostState(true)).toBe(lines`
        b1 ← Produce v13 orders-0 7000/1 seq=0 [b]
      #2 sent orders-0@1
    `)
  })

  test('without the safeguard it comes in the same epoch (Z18)', () => {
    expect(lostState(false)).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=0 [b]
      #2 sent orders-0@1
    `)
  })

  test('the last epoch is followed by another producer id', () => {
    const stage = new ProducerStage()
    stage.producer.transaction.producerEpoch = 32_767
    stage.send(0, 'a')
    stage.brokers.producer = { id: 7001, epoch: 0 }
    stage.refuseNext(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    stage.send(0, 'b')
    stage.told()
    stage.advance(200)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7001/0 seq=0 [b]
      #2 sent orders-0@1
    `)
  })
})

describe('time and memory', () => {
  test('delivery.timeout.ms: given up, and nothing new goes out until it is clear what became of it', () => {
    const stage = new ProducerStage({ 'delivery.timeout.ms': 1000, 'request.timeout.ms': 30_000 }).warm()
    stage.held.add('Produce')
    stage.send(0, 'a')
    stage.advance(999)
    stage.send(0, 'b')
    stage.advance(1)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=1 [a]
        b1 ← Produce v13 orders-0 7000/0 seq=2 [b]
      #2 REQUEST_TIMED_OUT (indefinite): not acknowledged within delivery.timeout.ms
    `)
    stage.send(0, 'c')
    const [, a, b] = stage.requests.filter(({ name }) => name === 'Produce')
    stage.respondAsBroker(a!)
    expect(stage.told()).toBe('')
    stage.respondAsBroker(b!)
    stage.held.clear()
    // The late answer has shown that it is in the log: the sequences go on.
    expect(stage.told()).toBe(lines`
      #3 sent orders-0@2
        b1 ← Produce v13 orders-0 7000/0 seq=3 [c]
    `)
  })

  test('delivery.timeout.ms without a word from the broker: a new epoch', () => {
    const stage = new ProducerStage({ 'delivery.timeout.ms': 1000, 'request.timeout.ms': 500 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    stage.advance(1100)
    stage.told()
    stage.held.clear()
    stage.send(0, 'b')
    stage.advance(500)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/1 seq=0 [b]
      #2 sent orders-0@0
    `)
  })

  test('a batch that was never sent is given up for certain', () => {
    const stage = new ProducerStage({ 'delivery.timeout.ms': 1000 })
    stage.brokers.topics.get('orders')!.partitions[0] = { leader: -1, epoch: 3 }
    const [id] = stage.send(0, 'a')
    stage.advance(1000)
    expect(stage.answer(id!)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT, indefinite: false })
  })

  test('request.timeout.ms: tried again after the connection was closed', () => {
    const stage = new ProducerStage({ 'request.timeout.ms': 500 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    stage.told()
    stage.held.clear()
    stage.advance(700)
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 sent orders-0@0
    `)
  })

  test('buffer.memory: sends wait in order, for max.block.ms at most', () => {
    const stage = new ProducerStage({ 'batch.size': 100, 'buffer.memory': 240, 'max.block.ms': 300 }).warm()
    stage.held.add('Produce')
    const ids = [1, 2, 3, 4].map(() => stage.sendRecord({ partition: 0, value: new Uint8Array(30) }))
    expect(stage.count('Produce')).toBe(3)
    stage.advance(299)
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.count('Produce')).toBe(4)
    stage.advance(1)
    expect(ids.map((id) => stage.answer(id)?.error)).toEqual([0, undefined, undefined, KafkaError.REQUEST_TIMED_OUT])
    expect(stage.answer(ids[3]!)).toMatchObject({ detail: 'no memory within max.block.ms', indefinite: false })
    expect(stage.producer.memoryUsed).toBe(230)
  })

  test('a topic that does not come: given up after max.block.ms', () => {
    const stage = new ProducerStage({ 'max.block.ms': 300 })
    const id = stage.sendRecord({ topic: 'missing' })
    stage.advance(299)
    expect(stage.answer(id)).toBeUndefined()
    stage.advance(1)
    expect(stage.answer(id)).toMatchObject({ detail: 'no metadata within max.block.ms' })
  })

  test('a record over max.request.size is refused at once', () => {
    const stage = new ProducerStage({ 'max.request.size': 500 })
    const id = stage.sendRecord({ value: new Uint8Array(500) })
    expect(stage.answer(id).error).toBe(KafkaError.MESSAGE_TOO_LARGE)
    expect(stage.producer.memoryUsed).toBe(0)
  })

  test('close waits for what was sent, then the actor is gone; at the deadline the rest is given up', () => {
    const stage = new ProducerStage({ 'linger.ms': 60_000 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    stage.do('close', { timeoutMs: 1000 })
    const refused = stage.send(0, 'too late')[0]!
    expect(stage.answer(refused).detail).toBe('the producer is closed')
    stage.told()
    stage.advance(1000)
    expect(stage.told()).toBe(lines`
      #1 OPERATION_NOT_ATTEMPTED (indefinite): the producer was closed
      #2 ok
    `)
    expect(() => stage.producer).toThrow()
  })

  test('close does not wait for a producer id when no broker was ever reached', () => {
    const stage = new Stage()
    stage.held.add('Metadata')
    stage.host('network', networkActor, { properties: { 'bootstrap.servers': ['b1:9091'] } })
    stage.host('producer:p', producerActor, { properties: { 'max.block.ms': 100 } })
    const record = { topic: 'orders', partition: 0, key: null, value: null }
    const late = stage.ask('producer:p', { kind: 'send', ...record })
    stage.advance(100)
    expect(stage.answer(late)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT })
    const closed = stage.ask('producer:p', { kind: 'close', timeoutMs: 150_000 })
    expect(stage.answer(closed)).toMatchObject({ error: KafkaError.NONE })
  })
})
