/**
 * The I rules of the catalogue for one partition, and T6 for markers: pure functions of what was appended, what was
 * answered, and what the log knows of its producers.
 *
 *   I1  each (producer, epoch, sequence) is appended at most once
 *   I2  the sequences of a producer's epoch are 0, 1, 2 … in the order of their offsets, round at 2^31
 *   I3  OK means one copy, a definite error none, everything else none or one
 *   I4  what the log knows of its producers is what its batches tell
 *   I5  who is told "duplicate" is told the offset of the original
 *   T6  the coordinator epoch in a producer's markers never falls, while the log must remember it
 *   A1  what was acknowledged, or will be asked for until it is, is there
 */
import type { ProducerView } from '@troupe/log/contract'
import { KafkaError, errorName, type ErrorCode } from '@troupe/wire/errors'
import { readControlRecord } from '@troupe/wire/record-batch'
import type { Violation } from '../model/contract.ts'
import { decode, type StoredBatch, type WrittenBatch } from './log-ghost.ts'
import { foldTransactions, type FoldedProducer } from './transaction-fold.ts'

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** A client's batch, whatever became of it. */
export interface SentBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

const nameOf = ({ producerId, producerEpoch, baseSequence }: Omit<SentBatch, 'count'>): string =>
  `producer ${producerId} epoch ${producerEpoch} sequence ${baseSequence}`

const sequenced = (batches: readonly StoredBatch[]): ReturnType<typeof decode>[] =>
  batches.map(decode).filter((batch) => batch.producerId >= 0 && batch.baseSequence >= 0 && !batch.isControl)

/** I1, over all that was ever appended, also where it was deleted since. */
export function checkOnce(written: readonly StoredBatch[]): Violation | null {
  const seen = new Map<string, number>()
  for (const batch of sequenced(written)) {
    const name = nameOf(batch)
    const before = seen.get(name)
    if (before !== undefined) return broken('I1', `${name} is at ${before} and again at ${batch.baseOffset}`)
    seen.set(name, batch.baseOffset)
  }
  return null
}

/** I2. `forgotten`: producers that the log may have forgotten since, and so takes in the middle of their sequence. */
export function checkSequences(
  written: readonly StoredBatch[],
  forgotten: ReadonlySet<number> = new Set(),
): Violation | null {
  const next = new Map<string, number>()
  for (const batch of sequenced(written)) {
    const stream = `${batch.producerId} ${batch.producerEpoch}`
    const expected = next.get(stream) ?? 0
    if (batch.baseSequence !== expected && !forgotten.has(batch.producerId)) {
      return broken('I2', `${nameOf(batch)} at ${batch.baseOffset}, where sequence ${expected} comes next`)
    }
    next.set(stream, (batch.baseSequence + batch.lastOffsetDelta + 1) % 2 ** 31)
  }
  return null
}

/** After these a client may take it that nothing was written. */
const definite: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
  KafkaError.UNKNOWN_PRODUCER_ID,
  KafkaError.INVALID_PRODUCER_EPOCH,
  KafkaError.INVALID_RECORD,
  KafkaError.INVALID_TXN_STATE,
])

/** I3, when an answer to `sent` leaves the broker. `written`: all that was ever appended, this one included. */
export function checkAnswer(written: readonly StoredBatch[], sent: SentBatch, error: ErrorCode): Violation | null {
  const copies = sequenced(written).filter((batch) => nameOf(batch) === nameOf(sent)).length
  if (error === KafkaError.NONE && copies !== 1)
    return broken('I3', `${nameOf(sent)} is answered OK, with ${copies} copies`)
  if (definite.has(error) && copies > 0) {
    return broken('I3', `${nameOf(sent)} is answered ${errorName(error)}, and was written`)
  }
  return null
}

/** I5. */
export function checkDuplicate(
  written: readonly StoredBatch[],
  sent: SentBatch,
  answer: { readonly duplicate: boolean; readonly baseOffset: number },
): Violation | null {
  if (!answer.duplicate) return null
  const original = sequenced(written).find((batch) => nameOf(batch) === nameOf(sent))
  if (original?.baseOffset === answer.baseOffset) return null
  return broken('I5', `${nameOf(sent)} is told ${answer.baseOffset}, it is at ${original?.baseOffset ?? 'no offset'}`)
}

export interface ProducerRules {
  readonly now: number
  readonly expirationMs: number
  /** The log start. */
  readonly since?: number
  /** Producers that the log has forgotten, and where it ended then. */
  readonly forgotten?: ReadonlyMap<number, number>
}

/**
 * I4. A producer may be missing when it was idle for `expirationMs`; one that was there before the log start may be
 * there still. After a restart nothing is known of what the log start has left behind.
 */
export function checkProducers(
  written: readonly StoredBatch[],
  views: readonly ProducerView[],
  { now, expirationMs, since = 0, forgotten }: ProducerRules,
): Violation | null {
  const isTold = (batch: StoredBatch): boolean => batch.baseOffset >= (forgotten?.get(decode(batch).producerId) ?? 0)
  const fold = foldTransactions(forgotten === undefined ? written : written.filter(isTold))
  const known = new Map(views.map((view) => [view.producerId, view]))
  // Recovery finds again in the batches what had been forgotten.
  for (const id of forgotten?.keys() ?? []) if (isAgain(known.get(id), written)) known.delete(id)
  for (const [id, told] of fold.producers) {
    const view = known.get(id)
    known.delete(id)
    if (view === undefined) {
      if (forgotten?.has(id)) continue
      const isOnlyBefore = written.every((batch) => decode(batch).producerId !== id || batch.lastOffset < since)
      const mayBeForgotten = told.openSince < 0 && now - told.lastTimestamp >= expirationMs
      if (mayBeForgotten || isOnlyBefore) continue
      return broken('I4', `producer ${id} is not known, its last sign of life was ${now - told.lastTimestamp} ms ago`)
    }
    if (describe(told) !== describeView(view)) {
      return broken('I4', `producer ${id}: ${describeView(view)}, its batches tell ${describe(told)}`)
    }
  }
  for (const id of known.keys()) return broken('I4', `producer ${id} is known, and wrote nothing`)
  return null
}

const describe = ({ epoch, lastSequence, coordinatorEpoch, openSince }: FoldedProducer): string =>
  `epoch ${epoch} sequence ${lastSequence} coordinator ${coordinatorEpoch} open ${openSince}`

const describeView = (view: ProducerView): string =>
  `epoch ${view.producerEpoch} sequence ${view.lastSequence} coordinator ${view.coordinatorEpoch} ` +
  `open ${view.currentTransactionStartOffset}`

function isAgain(view: ProducerView | undefined, written: readonly StoredBatch[]): boolean {
  const told = view && foldTransactions(written).producers.get(view.producerId)
  return told !== undefined && view !== undefined && describe(told) === describeView(view)
}

/** T6 in one log. Past `expirationMs` without a sign of life a log may have forgotten the producer. */
export function checkCoordinatorEpochs(written: readonly WrittenBatch[], expirationMs: number): Violation | null {
  const last = new Map<number, { epoch: number; at: number }>()
  for (const stored of written) {
    const batch = decode(stored)
    let before = last.get(batch.producerId)
    if (before !== undefined && stored.at - before.at >= expirationMs) {
      last.delete(batch.producerId)
      before = undefined
    }
    if (!batch.isControl) {
      if (before) before.at = stored.at
      continue
    }
    const [record] = batch.records
    const marker = record && readControlRecord(record)
    if (marker?.type !== 'commit' && marker?.type !== 'abort') continue
    const epoch = marker.coordinatorEpoch
    if (before !== undefined && epoch < before.epoch) {
      const since = stored.at - before.at
      return broken('T6', `producer ${batch.producerId}: coordinator epoch ${epoch} ${since} ms after ${before.epoch}`)
    }
    last.set(batch.producerId, { epoch, at: stored.at })
  }
  return null
}
