/** Many records in one message, and the question for a topic's partitions. */
import { describe, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { lines, ProducerStage } from './producer-stage.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('sendMany', () => {
  test('one answer, in the order of the records, when the last of them is acknowledged', () => {
    const stage = new ProducerStage()
    stage.held.add('Produce')
    stage.sendMany([
      { partition: 1, value: bytes('a') },
      { partition: 0, value: bytes('b') },
      { partition: 1, value: bytes('c') },
    ])
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.answer(1)).toBeUndefined()
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [b]
        b2 ← Produce v13 orders-1 7000/0 seq=0 [a,c]
      #1 all sent orders-1@0 orders-0@0 orders-1@1
    `)
  })

  test('the first error in order, though a later record failed before', () => {
    const stage = new ProducerStage({ 'max.request.size': 1000 })
    stage.refuseNext(KafkaError.INVALID_RECORD)
    stage.sendMany([{ partition: 0 }, { partition: 1, value: new Uint8Array(2000) }, { partition: 1 }])
    expect(stage.answer(1)).toMatchObject({
      firstError: { index: 0, error: KafkaError.INVALID_RECORD },
      results: [{ error: KafkaError.INVALID_RECORD }, { error: KafkaError.MESSAGE_TOO_LARGE }, { error: 0, offset: 0 }],
    })
  })

  test('each for itself, as soon as its own batch is done; then the first error', () => {
    const stage = new ProducerStage({ 'max.request.size': 1000 })
    stage.held.add('Produce')
    stage.sendMany([{ partition: 1 }, { partition: 0 }, { partition: 1, value: new Uint8Array(2000) }], 'each')
    expect([1, 2, 3, 4].map((id) => stage.answer(id)?.error)).toEqual([undefined, undefined, undefined, 10])
    stage.respondAsBroker(stage.open('Produce'))
    const [, first, second] = [1, 2, 3].map((id) => stage.answer(id))
    expect([first, second].filter(Boolean).length).toBe(1)
    expect(stage.answer(1)).toBeUndefined()
    stage.respondAsBroker(stage.open('Produce'))
    expect([2, 3].map((id) => stage.answer(id))).toMatchObject([
      { error: 0, partition: 1, offset: 0 },
      { error: 0, partition: 0, offset: 0 },
    ])
    expect(stage.answer(1)).toMatchObject({ firstError: { index: 2, error: 10 }, results: [] })
  })

  test('only the first error, if no more is asked for; of none nothing', () => {
    const stage = new ProducerStage({ 'max.request.size': 1000 })
    stage.sendMany([{}, { value: new Uint8Array(2000) }, {}], 'firstError')
    stage.sendMany([{}, {}], 'firstError')
    stage.sendMany([])
    expect(stage.answer(1)).toMatchObject({
      firstError: { index: 1, error: KafkaError.MESSAGE_TOO_LARGE },
      results: [],
    })
    expect([stage.answer(2), stage.answer(3)]).toEqual([
      { firstError: null, results: [] },
      { firstError: null, results: [] },
    ])
  })

  test('without anybody who waits, a flush still does', () => {
    const stage = new ProducerStage({ 'linger.ms': 60_000 })
    stage.held.add('Produce')
    const records = [{ topic: 'orders', partition: 0, key: null, value: bytes('a') }]
    stage.tell('producer:p', { kind: 'sendMany', records, answer: 'firstError' } as never)
    const flush = stage.do('flush')
    expect([stage.count('Produce'), stage.answer(flush)]).toEqual([1, undefined])
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.told()).toBe(lines`
        b3 ← InitProducerId -1/-1
        b1 ← Produce v13 orders-0 7000/0 seq=0 [a]
      #1 ok
    `)
  })

  test('more than fits into buffer.memory waits for its turn, before what is sent later', () => {
    const stage = new ProducerStage({ 'batch.size': 200, 'buffer.memory': 400 })
    stage.held.add('Produce')
    stage.sendMany([1, 2, 3, 4].map((n) => ({ partition: 0, value: new Uint8Array(100).fill(n) })))
    const later = stage.sendRecord({ partition: 1 })
    expect(stage.producer.blocked.map(({ at, waitsFor }) => [at, waitsFor])).toEqual([
      [2, 'memory'],
      [0, 'memory'],
    ])
    for (let n = 0; n < 5; n++) stage.respondAsBroker(stage.open('Produce'))
    expect(stage.answer(1).results.map(({ offset }: { offset: number }) => offset)).toEqual([0, 1, 2, 3])
    expect(stage.answer(later)).toMatchObject({ error: 0, partition: 1 })
    expect([stage.producer.memoryUsed, stage.producer.manys.size]).toEqual([0, 0])
  })

  test('a record whose topic does not come is refused at the deadline; those behind it are not', () => {
    const stage = new ProducerStage({ 'max.block.ms': 500 })
    stage.sendMany([{ partition: 0 }, { topic: 'nowhere' }, { partition: 1 }])
    stage.advance(1000)
    expect(stage.answer(1).results.map(({ error }: { error: number }) => error)).toEqual([
      0,
      KafkaError.REQUEST_TIMED_OUT,
      0,
    ])
  })

  test('what waits behind another topic is not overtaken by what is sent later', () => {
    const stage = new ProducerStage()
    stage.sendMany([
      { partition: 0, value: bytes('first') },
      { topic: 'nowhere' },
      { partition: 0, value: bytes('second') },
    ])
    stage.sendMany([{ partition: 0, value: bytes('third') }])
    expect(stage.told()).toContain('[first]')
    expect(stage.producer.blocked.map(({ at }) => at)).toEqual([1, 0])
    stage.advance(60_000)
    expect(stage.told()).toContain('[second,third]')
  })

  test('a close gives up what is left of it, once', () => {
    const stage = new ProducerStage({ 'batch.size': 200, 'buffer.memory': 200 })
    stage.held.add('Produce')
    stage.sendMany([{ value: new Uint8Array(100) }, { value: new Uint8Array(100) }], 'firstError')
    stage.do('close', { timeoutMs: 100 })
    stage.advance(100)
    expect(stage.answer(1)).toMatchObject({
      firstError: { index: 0, error: KafkaError.OPERATION_NOT_ATTEMPTED, indefinite: true },
    })
  })

  test('in a transaction that has failed all are refused', () => {
    const stage = new ProducerStage({ 'transactional.id': 't' })
    stage.sendMany([{}, {}])
    expect(stage.told()).toBe('#1 #0 INVALID_TXN_STATE ! !')
  })
})

describe('partitionsFor', () => {
  test('is answered when the topic is known, at once when it is', () => {
    const stage = new ProducerStage()
    stage.do('partitionsFor', { topic: 'orders' })
    stage.do('partitionsFor', { topic: 'orders' })
    expect(stage.told().split('\n').slice(1)).toEqual(['#1 orders has 2', '#2 orders has 2'])
  })

  test('a topic that does not come: refused after max.block.ms', () => {
    const stage = new ProducerStage({ 'max.block.ms': 500 })
    const id = stage.do('partitionsFor', { topic: 'nowhere' })
    stage.advance(499)
    expect(stage.answer(id)).toBeUndefined()
    stage.advance(1)
    expect(stage.answer(id)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT, topic: null })
  })

  test('a topic that appears meanwhile', () => {
    const stage = new ProducerStage()
    const id = stage.do('partitionsFor', { topic: 'soon' })
    stage.advance(150)
    stage.brokers.add('soon', [1, 2, 3])
    stage.advance(1000)
    expect(stage.answer(id).topic.partitions).toHaveLength(3)
  })

  test('a producer that is closed answers', () => {
    const stage = new ProducerStage()
    const id = stage.do('partitionsFor', { topic: 'nowhere' })
    stage.do('close', { timeoutMs: 0 })
    expect(stage.answer(id)).toMatchObject({ error: KafkaError.OPERATION_NOT_ATTEMPTED })
  })
})
