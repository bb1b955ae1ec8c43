/** Each rule of idempotence holds of what a right log has, and is broken by the violation it is there for. */
import { describe, expect, it } from 'vitest'
import type { ProducerView } from '@troupe/log/contract'
import { KafkaError } from '@troupe/wire/errors'
import {
  checkAnswer,
  checkCoordinatorEpochs,
  checkDuplicate,
  checkOnce,
  checkProducers,
  checkSequences,
} from '../../src/invariants/idempotence.ts'
import type { WrittenBatch } from '../../src/invariants/log-ghost.ts'
import type { Violation } from '../../src/model/contract.ts'
import { endMarker, stored, type BatchOptions } from '../storage/support.ts'

const idOf = (violation: Violation | null): string => violation?.invariant ?? 'holds'

const sent = (offset: number, baseSequence: number, count = 1, more: BatchOptions = {}): WrittenBatch =>
  stored(
    offset,
    Array.from({ length: count }, (_, i) => `${i}`),
    { producerId: 1, producerEpoch: 0, baseSequence, ...more },
  )

const batch = { producerId: 1, producerEpoch: 0, baseSequence: 0, count: 1 }

describe('idempotence', () => {
  it('I1 is broken by a sequence that is there twice', () => {
    expect(idOf(checkOnce([sent(0, 0), sent(1, 1), sent(2, 0, 1, { producerEpoch: 1 })]))).toBe('holds')
    expect(idOf(checkOnce([sent(0, 0), sent(1, 1), sent(2, 0)]))).toBe('I1')
  })

  it('I2 is broken by a gap, by a step back, by a first batch that is none', () => {
    expect(idOf(checkSequences([sent(0, 0, 2), sent(2, 2), sent(3, 0, 1, { producerEpoch: 1 })]))).toBe('holds')
    expect(idOf(checkSequences([sent(0, 0, 2), sent(2, 3)]))).toBe('I2')
    expect(idOf(checkSequences([sent(0, 0), sent(1, 1), sent(2, 0)]))).toBe('I2')
    expect(idOf(checkSequences([sent(0, 1)]))).toBe('I2')
    expect(idOf(checkSequences([sent(0, 1)], new Set([1])))).toBe('holds')
  })

  it('I3 is broken by an OK with no copy or two, and by a definite error with one', () => {
    expect(idOf(checkAnswer([sent(0, 0)], batch, KafkaError.NONE))).toBe('holds')
    expect(idOf(checkAnswer([], batch, KafkaError.NONE))).toBe('I3')
    expect(idOf(checkAnswer([sent(0, 0), sent(1, 0)], batch, KafkaError.NONE))).toBe('I3')
    expect(idOf(checkAnswer([sent(0, 0)], batch, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER))).toBe('I3')
    expect(idOf(checkAnswer([sent(0, 0)], batch, KafkaError.NOT_LEADER_OR_FOLLOWER))).toBe('holds')
  })

  it('I5 is broken by a duplicate that is told another offset', () => {
    const written = [sent(4, 0)]
    expect(idOf(checkDuplicate(written, batch, { duplicate: true, baseOffset: 4 }))).toBe('holds')
    expect(idOf(checkDuplicate(written, batch, { duplicate: true, baseOffset: 5 }))).toBe('I5')
    expect(idOf(checkDuplicate([], batch, { duplicate: true, baseOffset: 5 }))).toBe('I5')
    expect(idOf(checkDuplicate([], batch, { duplicate: false, baseOffset: 5 }))).toBe('holds')
  })

  it('I4 is broken by a producer that is forgotten, unlike its batches, or invented', () => {
    const view: ProducerView = {
      producerId: 1,
      producerEpoch: 0,
      lastSequence: 2,
      lastTimestamp: 1000,
      coordinatorEpoch: -1,
      currentTransactionStartOffset: -1,
    }
    const written = [sent(0, 0, 3)]
    const check = (views: ProducerView[], now = 1500, more = {}): string =>
      idOf(checkProducers(written, views, { now, expirationMs: 1000, ...more }))
    expect(check([view])).toBe('holds')
    expect(check([{ ...view, lastSequence: 1 }])).toBe('I4')
    expect(check([{ ...view, producerEpoch: 1 }])).toBe('I4')
    expect(check([{ ...view, coordinatorEpoch: 3 }])).toBe('I4')
    expect(check([{ ...view, currentTransactionStartOffset: 0 }])).toBe('I4')
    expect(check([])).toBe('I4')
    expect(check([], 2000)).toBe('holds')
    expect(check([], 1500, { since: 3 })).toBe('holds')
    expect(check([view, { ...view, producerId: 2 }])).toBe('I4')
    // Forgotten, and found again by a recovery.
    const forgotten = new Map([[1, 3]])
    expect(check([], 1500, { forgotten })).toBe('holds')
    expect(check([view], 1500, { forgotten })).toBe('holds')
    expect(check([{ ...view, lastSequence: 0 }], 1500, { forgotten })).toBe('I4')
  })

  it('T6 is broken by a marker of an earlier coordinator, unless the log may have forgotten the later one', () => {
    const markers = (later: number): WrittenBatch[] => [
      endMarker(0, { coordinatorEpoch: 1 }),
      endMarker(1, { coordinatorEpoch: 2 }),
      endMarker(2, { coordinatorEpoch: 1, at: later }),
    ]
    expect(idOf(checkCoordinatorEpochs(markers(1000).slice(0, 2), 1000))).toBe('holds')
    expect(idOf(checkCoordinatorEpochs(markers(1900), 1000))).toBe('T6')
    expect(idOf(checkCoordinatorEpochs(markers(2000), 1000))).toBe('holds')
    const alive = sent(2, 0, 1, { at: 1500 })
    expect(
      idOf(
        checkCoordinatorEpochs(
          [...markers(2000).slice(0, 2), alive, endMarker(3, { coordinatorEpoch: 1, at: 2000 })],
          1000,
        ),
      ),
    ).toBe('T6')
  })
})
