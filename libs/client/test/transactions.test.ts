/** The transactional producer: versions 1 and 2 (KIP-890), offsets, errors by kind, fencing, time-outs. */
import { describe, expect, test } from 'vitest'
import type { Safeguards } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { ProducerProperties } from '../src/config.ts'
import { committed, partitionsOf } from './brokers.ts'
import { lines, ProducerStage } from './producer-stage.ts'
import type { Body, Received } from './stage.ts'

const group = { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null }
const offset = { topic: 'input', partition: 0, offset: 17, leaderEpoch: 2, metadata: null }

function start(
  version: 1 | 2,
  properties: Partial<ProducerProperties> = {},
  safeguards: Partial<Safeguards> = {},
): ProducerStage {
  const stage = new ProducerStage({ 'transactional.id': 't', ...properties }, safeguards, version)
  stage.do('initTransactions')
  return stage
}

/** With the transaction begun, and what was said until then left out. */
function begun(...args: Parameters<typeof start>): ProducerStage {
  const stage = start(...args)
  stage.do('beginTransaction')
  stage.told()
  return stage
}

describe('version 2', () => {
  test('partitions join by being written to; each transaction has an epoch of its own', () => {
    const stage = start(2)
    stage.do('beginTransaction')
    stage.send(0, 'a')
    stage.send(1, 'b')
    stage.do('commitTransaction')
    stage.do('beginTransaction')
    stage.send(0, 'c')
    stage.do('abortTransaction')
    expect(stage.told()).toBe(lines`
        b3 ← FindCoordinator v6
        b2 ← InitProducerId -1/-1
      #1 ok
      #2 ok
        b1 ← Produce v13 orders-0 7000/0 seq=0 txn [a]
      #3 sent orders-0@0
        b2 ← Produce v13 orders-1 7000/0 seq=0 txn [b]
      #4 sent orders-1@0
        b2 ← EndTxn v5 commit 7000/0
      #5 ok
      #6 ok
        b1 ← Produce v13 orders-0 7000/1 seq=0 txn [c]
      #7 sent orders-0@1
        b2 ← EndTxn v5 abort 7000/1
      #8 ok
    `)
  })

  test('offsets go to the group at once, fenced by its generation', () => {
    const stage = begun(2)
    stage.do('sendOffsets', { offsets: [offset], group })
    stage.do('commitTransaction')
    expect(stage.told()).toBe(lines`
        b3 ← FindCoordinator v6
        b2 ← TxnOffsetCommit v5 g/m/3 input-0@17
      #3 ok
        b2 ← EndTxn v5 commit 7000/0
      #4 ok
    `)
  })

  test('records may be sent while offsets are under way', () => {
    const stage = begun(2)
    stage.held.add('TxnOffsetCommit')
    const offsets = stage.do('sendOffsets', { offsets: [offset], group })
    const [id] = stage.send(0, 'a')
    stage.respondAsBroker(stage.open('TxnOffsetCommit'))
    expect([stage.answer(offsets).error, stage.answer(id!).error]).toEqual([0, 0])
  })

  test('a commit waits for the batches before it, and they do not linger', () => {
    const stage = begun(2, { 'linger.ms': 60_000 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    expect(stage.count('Produce')).toBe(0)
    const commit = stage.do('commitTransaction')
    expect([stage.count('Produce'), stage.count('EndTxn')]).toEqual([1, 0])
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.answer(commit)).toMatchObject({ error: 0 })
  })

  test('an empty transaction asks nobody', () => {
    const stage = begun(2)
    stage.do('commitTransaction')
    stage.do('beginTransaction')
    stage.do('abortTransaction')
    expect(stage.told()).toBe('#3 ok\n#4 ok\n#5 ok')
  })

  test('an upgrade of the brokers is taken up by the next transaction, in an epoch of its own', () => {
    const stage = begun(1)
    stage.send(0, 'a')
    stage.brokers.features = { epoch: 6, transactionVersion: 2 }
    // A connection made since then says so.
    stage.crash(2)
    stage.brokers.down.clear()
    stage.send(1, 'b')
    stage.advance(1000)
    stage.do('commitTransaction')
    stage.do('beginTransaction')
    stage.send(0, 'c')
    expect(stage.told()).toBe(lines`
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/0 seq=0 txn [a]
      #3 sent orders-0@0
        b2 ← AddPartitionsToTxn v3 orders-1
        b2 ← Produce v11 orders-1 7000/0 seq=0 txn [b]
      #4 sent orders-1@0
        b2 ← EndTxn v4 commit 7000/0
        b2 ← InitProducerId 7000/0
      #5 ok
      #6 ok
        b1 ← Produce v13 orders-0 7000/1 seq=0 txn [c]
      #7 sent orders-0@1
    `)
  })
})

describe('version 1', () => {
  test('the coordinator hears of partitions and groups first; the epoch stays', () => {
    const stage = start(1)
    stage.do('beginTransaction')
    stage.send(0, 'a')
    stage.do('sendOffsets', { offsets: [offset], group })
    stage.do('commitTransaction')
    stage.do('beginTransaction')
    stage.send(0, 'b')
    expect(stage.told()).toBe(lines`
        b3 ← FindCoordinator v6
        b2 ← InitProducerId -1/-1
      #1 ok
      #2 ok
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/0 seq=0 txn [a]
      #3 sent orders-0@0
        b2 ← AddOffsetsToTxn v4
        b3 ← FindCoordinator v6
        b2 ← TxnOffsetCommit v4 g/m/3 input-0@17
      #4 ok
        b2 ← EndTxn v4 commit 7000/0
      #5 ok
      #6 ok
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/0 seq=1 txn [b]
      #7 sent orders-0@1
    `)
  })

  test('CONCURRENT_TRANSACTIONS: the first partition of a transaction tries again soon', () => {
    const stage = begun(1)
    stage.answerNext('AddPartitionsToTxn', (request: Received) => ({
      resultsByTopicV3AndBelow: partitionsOf(request.body.v3AndBelowTopics, KafkaError.CONCURRENT_TRANSACTIONS),
    }))
    const [id] = stage.send(0, 'a')
    stage.advance(19)
    expect(stage.answer(id!)).toBeUndefined()
    stage.advance(1)
    expect(stage.answer(id!)).toMatchObject({ error: 0 })
  })

  test('records sent before the commit join though they had to wait for memory', () => {
    const stage = begun(1, { 'batch.size': 100, 'buffer.memory': 100 })
    stage.held.add('Produce')
    for (const n of [1, 2]) stage.sendRecord({ partition: n - 1, value: new Uint8Array([48 + n]) })
    stage.do('commitTransaction')
    stage.held.clear()
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.told()).toBe(lines`
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/0 seq=0 txn [1]
      #3 sent orders-0@0
        b2 ← AddPartitionsToTxn v3 orders-1
        b2 ← Produce v11 orders-1 7000/0 seq=0 txn [2]
      #4 sent orders-1@0
        b2 ← EndTxn v4 commit 7000/0
      #5 ok
    `)
  })
})

describe('the coordinator', () => {
  test('NOT_COORDINATOR, and one that is loading: looked for again, asked again', () => {
    const stage = begun(2)
    stage.send(0, 'a')
    stage.told()
    stage.brokers.coordinator = 3
    stage.answerNext('EndTxn', { errorCode: KafkaError.NOT_COORDINATOR })
    stage.answerNext('EndTxn', { errorCode: KafkaError.COORDINATOR_LOAD_IN_PROGRESS })
    stage.do('commitTransaction')
    stage.advance(1000)
    expect(stage.told()).toBe(lines`
        b2 ← EndTxn v5 commit 7000/0
        b3 ← FindCoordinator v6
        b3 ← EndTxn v5 commit 7000/0
        b3 ← EndTxn v5 commit 7000/0
      #4 ok
    `)
  })

  test('a lost answer to EndTxn: the same EndTxn again, in the same epoch', () => {
    const stage = begun(2)
    stage.send(0, 'a')
    stage.told()
    stage.answerNext('EndTxn', 'close')
    stage.brokers.producer.epoch = -1
    stage.do('commitTransaction')
    stage.advance(1000)
    const ends = stage
      .told()
      .split('\n')
      .filter((line) => line.includes('EndTxn'))
    expect(ends).toEqual(['  b2 ← EndTxn v5 commit 7000/0', '  b2 ← EndTxn v5 commit 7000/0'])
  })

  test('slower than max.block.ms: the call times out and may be repeated, nothing else may be asked', () => {
    const stage = begun(2, { 'max.block.ms': 500 })
    stage.send(0, 'a')
    stage.held.add('EndTxn')
    const commit = stage.do('commitTransaction')
    stage.advance(500)
    expect(stage.answer(commit)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT, severity: 'timed-out' })
    expect(stage.answer(stage.do('abortTransaction')).severity).toBe('usage')
    const again = stage.do('commitTransaction')
    stage.respondAsBroker(stage.open('EndTxn'))
    expect(stage.answer(again)).toMatchObject({ error: 0 })
    expect(stage.count('EndTxn')).toBe(1)
  })
})

describe('wrong moments', () => {
  test('nothing changes', () => {
    const stage = start(2)
    const asked = ['commitTransaction', 'abortTransaction', 'initTransactions'].map((kind) => stage.do(kind))
    expect(asked.map((id) => stage.answer(id).severity)).toEqual(['usage', 'usage', 'usage'])
    expect(stage.answer(stage.send(0, 'outside')[0]!)).toMatchObject({ error: KafkaError.INVALID_TXN_STATE })
    expect(stage.answer(stage.do('beginTransaction'))).toMatchObject({ error: 0 })
    expect(stage.answer(stage.do('beginTransaction')).severity).toBe('usage')
  })

  test('a producer without a transactional id has no transactions', () => {
    const stage = new ProducerStage()
    expect(stage.answer(stage.do('initTransactions')).severity).toBe('usage')
  })
})

describe('abortable errors', () => {
  test('a refused batch: sends and commit fail until the abort, then it goes on', () => {
    const stage = begun(2)
    stage.refuseNext(KafkaError.TRANSACTION_ABORTABLE)
    stage.send(0, 'a')
    stage.send(0, 'b')
    stage.do('commitTransaction')
    stage.do('abortTransaction')
    stage.do('beginTransaction')
    stage.send(0, 'c')
    expect(stage.told()).toBe(lines`
        b1 ← Produce v13 orders-0 7000/0 seq=0 txn [a]
      #3 TRANSACTION_ABORTABLE: TRANSACTION_ABORTABLE
      #4 TRANSACTION_ABORTABLE: TRANSACTION_ABORTABLE
      #5 abortable TRANSACTION_ABORTABLE: TRANSACTION_ABORTABLE
        b2 ← EndTxn v5 abort 7000/0
      #6 ok
      #7 ok
        b1 ← Produce v13 orders-0 7000/1 seq=0 txn [c]
      #8 sent orders-0@0
    `)
  })

  test('in version 1 the abort is followed by a new epoch (KIP-360)', () => {
    const stage = begun(1)
    stage.refuseNext(KafkaError.INVALID_PRODUCER_EPOCH)
    stage.send(0, 'a')
    stage.do('abortTransaction')
    stage.do('beginTransaction')
    stage.send(0, 'b')
    expect(stage.told()).toBe(lines`
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/0 seq=0 txn [a]
      #3 INVALID_PRODUCER_EPOCH: INVALID_PRODUCER_EPOCH
        b2 ← EndTxn v4 abort 7000/0
        b2 ← InitProducerId 7000/0
      #4 ok
      #5 ok
        b2 ← AddPartitionsToTxn v3 orders-0
        b1 ← Produce v11 orders-0 7000/1 seq=0 txn [b]
      #6 sent orders-0@0
    `)
  })

  test('a member that was fenced out of its group', () => {
    const stage = begun(2)
    stage.answerNext('TxnOffsetCommit', ({ body }: Received): Body => ({
      topics: committed(body.topics, () => KafkaError.ILLEGAL_GENERATION),
    }))
    const sent = stage.do('sendOffsets', { offsets: [offset], group })
    expect(stage.answer(sent)).toMatchObject({ severity: 'abortable', error: KafkaError.ILLEGAL_GENERATION })
    expect(stage.answer(stage.do('abortTransaction'))).toMatchObject({ error: 0 })
  })

  test('offsets that may be committed later are; those that are done are not sent again', () => {
    const stage = begun(2)
    stage.answerNext('TxnOffsetCommit', ({ body }: Received): Body => ({
      topics: committed(body.topics, (_, n) => (n === 1 ? KafkaError.COORDINATOR_LOAD_IN_PROGRESS : 0)),
    }))
    const sent = stage.do('sendOffsets', { offsets: [offset, { ...offset, partition: 1 }], group })
    stage.told()
    stage.advance(100)
    expect(stage.told()).toBe(lines`
        b2 ← TxnOffsetCommit v5 g/m/3 input-1@17
      #3 ok
    `)
    expect(stage.answer(sent)).toMatchObject({ error: 0 })
  })

  test('records that were given up make the transaction abortable', () => {
    const stage = begun(2, { 'delivery.timeout.ms': 1000, 'request.timeout.ms': 400 })
    stage.held.add('Produce')
    const [id] = stage.send(0, 'a')
    stage.advance(1000)
    stage.held.clear()
    expect(stage.answer(id!)).toMatchObject({ error: KafkaError.REQUEST_TIMED_OUT, indefinite: true })
    expect(stage.answer(stage.do('commitTransaction'))).toMatchObject({ severity: 'abortable' })
    expect(stage.answer(stage.do('abortTransaction'))).toMatchObject({ error: 0 })
    expect(stage.count('EndTxn')).toBe(1)
  })

  test('a record that was never sent is missing all the same', () => {
    const stage = begun(2, { 'max.request.size': 200 })
    stage.send(0, 'a')
    const lost = stage.sendRecord({ partition: 0, value: new Uint8Array(300) })
    expect(stage.answer(lost)).toMatchObject({ error: KafkaError.MESSAGE_TOO_LARGE, severity: 'abortable' })
    expect(stage.answer(stage.do('commitTransaction'))).toMatchObject({ severity: 'abortable' })
    expect(stage.answer(stage.do('abortTransaction'))).toMatchObject({ error: 0 })
  })

  test('in version 1, what becomes unclear during the abort needs a new epoch before it is over', () => {
    const stage = begun(1, { 'delivery.timeout.ms': 1000, 'request.timeout.ms': 400 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    const abort = stage.do('abortTransaction')
    stage.advance(1000)
    expect(stage.answer(abort)).toMatchObject({ error: 0 })
    const asked = stage
      .told()
      .split('\n')
      .filter((line) => / ← (EndTxn|Init)/.test(line))
    expect(asked).toEqual(['  b2 ← EndTxn v4 abort 7000/0', '  b2 ← InitProducerId 7000/0'])
    expect(stage.answer(stage.do('beginTransaction'))).toMatchObject({ error: 0 })
  })

  test('an abort gives up what was never sent, and waits for what was', () => {
    const stage = begun(2, { 'max.in.flight.requests.per.connection': 1 })
    stage.held.add('Produce')
    stage.send(0, 'a')
    stage.send(0, 'b')
    const abort = stage.do('abortTransaction')
    expect([stage.told(), stage.answer(abort)]).toEqual([
      lines`
          b1 ← Produce v13 orders-0 7000/0 seq=0 txn [a]
        #4 OPERATION_NOT_ATTEMPTED: the transaction is aborted
      `,
      undefined,
    ])
    stage.respondAsBroker(stage.open('Produce'))
    expect(stage.told()).toBe(lines`
      #3 sent orders-0@0
        b2 ← EndTxn v5 abort 7000/0
      #5 ok
    `)
  })
})

describe('fatal errors', () => {
  test.each([
    ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'],
    ['INVALID_TXN_STATE', 'INVALID_TXN_STATE'],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  ] as const)('%s of EndTxn: nothing works any more', (error, shown) => {
    const stage = begun(2)
    stage.send(0, 'a')
    stage.answerNext('EndTxn', { errorCode: KafkaError[error] })
    const asked = [stage.do('commitTransaction'), stage.do('abortTransaction'), stage.do('beginTransaction')]
    for (const id of asked) expect(stage.answer(id)).toMatchObject({ severity: 'fatal', error: KafkaError[shown] })
    expect(stage.answer(stage.send(0, 'b')[0]!).error).toBe(KafkaError[shown])
  })

  test('a fenced producer gives up everything it has', () => {
    const stage = begun(2, { 'max.in.flight.requests.per.connection': 1 })
    stage.refuseNext(KafkaError.PRODUCER_FENCED)
    stage.held.add('Produce')
    const ids = [...stage.send(1, 'x'), ...stage.send(1, 'y')]
    expect(ids.map((id) => stage.answer(id)?.error)).toEqual([KafkaError.PRODUCER_FENCED, KafkaError.PRODUCER_FENCED])
    expect(stage.producer.memoryUsed).toBe(0)
  })

  const unknownMapping = (version: 1 | 2, safeguard: boolean): string => {
    const stage = begun(version, {}, { invalidPidMappingIsFatal: safeguard })
    stage.send(0, 'a')
    stage.answerNext('EndTxn', { errorCode: KafkaError.INVALID_PRODUCER_ID_MAPPING })
    stage.told()
    stage.do('commitTransaction')
    stage.do('abortTransaction')
    stage.do('beginTransaction')
    return stage.told()
  }

  test('INVALID_PRODUCER_ID_MAPPING: somebody else may have worked meanwhile (KAFKA-18019)', () => {
    expect(unknownMapping(2, true)).toBe(lines`
        b2 ← EndTxn v5 commit 7000/0
      #4 fatal INVALID_PRODUCER_ID_MAPPING: INVALID_PRODUCER_ID_MAPPING
      #5 fatal INVALID_PRODUCER_ID_MAPPING: INVALID_PRODUCER_ID_MAPPING
      #6 fatal INVALID_PRODUCER_ID_MAPPING: INVALID_PRODUCER_ID_MAPPING
    `)
  })

  test.each([1, 2] as const)(
    'without the safeguard version %i aborts and goes on with a new epoch (Z20)',
    (version) => {
      expect(unknownMapping(version, false)).toBe(lines`
        b2 ← EndTxn v${version === 1 ? 4 : 5} commit 7000/0
      #4 abortable INVALID_PRODUCER_ID_MAPPING: INVALID_PRODUCER_ID_MAPPING
        b2 ← InitProducerId 7000/0
      #5 ok
      #6 ok
    `)
    },
  )

  test('a coordinator that lacks the version', () => {
    const stage = new ProducerStage({ 'transactional.id': 't' })
    stage.brokers.maxVersions.set('FindCoordinator', 3)
    const init = stage.do('initTransactions')
    expect(stage.answer(init)).toMatchObject({ severity: 'fatal', error: KafkaError.UNSUPPORTED_VERSION })
  })
})

test('not authorised to the id: the call fails, and may be tried again when the right was given', () => {
  const stage = new ProducerStage({ 'transactional.id': 't' })
  stage.answerNext('InitProducerId', { errorCode: KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED })
  expect(stage.answer(stage.do('initTransactions'))).toMatchObject({
    error: KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    severity: 'none',
  })
  expect(stage.answer(stage.do('initTransactions'))).toMatchObject({ error: 0 })
})

test('close in the middle of a transaction aborts it', () => {
  const stage = begun(2)
  stage.send(0, 'a')
  stage.told()
  stage.do('close', { timeoutMs: 1000 })
  expect(stage.told()).toBe(lines`
      b2 ← EndTxn v5 abort 7000/0
    #4 ok
  `)
})
