/**
 * The T rules of the catalogue, each a pure function over a view of the cluster (transactions-view.ts).
 *
 *   T1   all records of a transaction have one fate, and what was committed to the client is there
 *   T2   that fate is the one its producer asked for; markers agree with the PREPARE record
 *   T3   read_committed shows nothing undecided or aborted; the last stable offset is what the log says
 *   T4   an open transaction in a log is one that its coordinator knows there and will end
 *   T5   the records of a transactional.id follow the automaton, with one COMPLETE for each PREPARE
 *   T6   producer id and epoch rise one step at a time and end at 32766 for clients; coordinator epochs never fall
 *   T9   nobody but the newest owner of a transactional.id appends
 *   T10  a fetch names exactly the aborted transactions that overlap what it returns
 *
 * T7 is about groups (groups.ts). Source: KIP-98, KIP-360, KIP-890, KIP-1228; Kafka's TransactionMetadata.
 */
import type { Violation } from '../model/contract.ts'
import {
  attemptOf,
  foldPartition,
  type Fate,
  type TransactionsView,
  type TxnPartition,
  type TxnRecord,
} from './transactions-view.ts'

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** Every rule that needs the view alone. */
export function checkTransactions(view: TransactionsView): Violation | null {
  return (
    checkFate(view) ??
    checkAtomicity(view) ??
    checkHanging(view) ??
    checkAutomaton(view.records) ??
    checkEpochs(view) ??
    checkOwners(view)
  )
}

export function checkAtomicity({ partitions, attempts }: TransactionsView): Violation | null {
  const fates = new Map<string, { readonly fate: Fate; readonly where: string }>()
  for (const partition of partitions) {
    for (const [value, fate] of foldPartition(partition).fates) {
      if (fate === 'open') continue
      const attempt = attemptOf(value)
      const other = fates.get(attempt)
      if (other === undefined) fates.set(attempt, { fate, where: partition.name })
      else if (other.fate !== fate) {
        const parts = `${other.fate} in ${other.where} and ${fate} in ${partition.name}`
        return broken('T1', `transaction ${attempt} is torn: ${parts}`)
      }
    }
  }
  for (const { id, told, acked } of attempts) {
    if (told !== 'commit') continue
    const lost = acked.find((value) => !partitions.some((each) => foldPartition(each).fates.has(value)))
    if (lost !== undefined) return broken('T1', `transaction ${id} is committed without ${lost}`)
  }
  return null
}

export function checkFate({ partitions, attempts }: TransactionsView): Violation | null {
  for (const partition of partitions) {
    for (const [value, fate] of foldPartition(partition).fates) {
      if (fate === 'open') continue
      const attempt = attempts.find(({ id }) => id === attemptOf(value))
      if (attempt === undefined) continue
      const { id, asked, told } = attempt
      if (fate === 'committed' && asked !== 'commit') {
        return broken('T2', `${value} is committed in ${partition.name}; ${id} asked for ${asked ?? 'nothing yet'}`)
      }
      if (fate === 'aborted' && told === 'commit') {
        return broken('T2', `${value} is aborted in ${partition.name}; ${id} was told that it is committed`)
      }
    }
  }
  return null
}

/** The newest record of each producer id's transaction says who takes part. */
export function checkHanging({ partitions, records }: TransactionsView): Violation | null {
  for (const partition of partitions) {
    for (const { producerId, producerEpoch } of foldPartition(partition).open.values()) {
      const named = records.findLast((each) => each.producerId === producerId)
      const record = records.findLast((each) => each.transactionalId === named?.transactionalId)
      if (record !== undefined && record.producerId === producerId && willEnd(record, partition.name, producerEpoch))
        continue
      const state = record === undefined ? 'unknown' : `${record.state} at epoch ${record.producerEpoch}`
      const where = `producer ${producerId} at epoch ${producerEpoch} is open in ${partition.name}`
      return broken('T4', `the transaction of ${where}; to its coordinator it is ${state}`)
    }
  }
  return null
}

function willEnd({ state, partitions, producerEpoch, clientVersion }: TxnRecord, name: string, epoch: number): boolean {
  if (!partitions.includes(name)) return false
  if (state === 'ONGOING') return producerEpoch === epoch
  if (state !== 'PREPARE_COMMIT' && state !== 'PREPARE_ABORT') return false
  // Under transaction.version 2 the end has an epoch of its own.
  return clientVersion === 2 ? producerEpoch > epoch : producerEpoch >= epoch
}

const next: Readonly<Record<string, readonly string[]>> = {
  '': ['EMPTY'],
  DEAD: ['EMPTY'],
  EMPTY: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
  ONGOING: ['ONGOING', 'PREPARE_COMMIT', 'PREPARE_ABORT'],
  PREPARE_COMMIT: ['COMPLETE_COMMIT'],
  PREPARE_ABORT: ['COMPLETE_ABORT'],
  COMPLETE_COMMIT: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
  COMPLETE_ABORT: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
}

export function checkAutomaton(records: readonly TxnRecord[]): Violation | null {
  const states = new Map<string, string>()
  for (const { transactionalId, state } of records) {
    const before = states.get(transactionalId) ?? ''
    if (!next[before].includes(state))
      return broken('T5', `${transactionalId}: ${before || 'nothing'} is followed by ${state}`)
    states.set(transactionalId, state)
  }
  return null
}

/** 32767 is the coordinator's own, to fence with; no client ever has it. */
const LAST_CLIENT_EPOCH = 32766

export function checkEpochs({ records, told, partitions }: TransactionsView): Violation | null {
  const before = new Map<string, TxnRecord>()
  const used = new Set<number>()
  for (const record of records) {
    const { transactionalId, producerId, producerEpoch } = record
    const last = before.get(transactionalId)
    const isNew = last?.producerId !== producerId
    const bump = isNew ? producerEpoch : producerEpoch - last.producerEpoch
    if (isNew && used.has(producerId)) return broken('T6', `${transactionalId}: producer id ${producerId} comes back`)
    // What a log starts with, after compaction, may be any epoch.
    if ((isNew && last !== undefined && bump !== 0) || (!isNew && (bump < 0 || bump > 1))) {
      const from = isNew ? 'a new producer id' : `epoch ${last.producerEpoch}`
      return broken('T6', `${transactionalId}: ${from} is followed by epoch ${producerEpoch} of ${producerId}`)
    }
    if (producerEpoch < 0 || producerEpoch > LAST_CLIENT_EPOCH + 1) {
      return broken('T6', `${transactionalId}: epoch ${producerEpoch}`)
    }
    used.add(producerId)
    if (record.state === 'DEAD') before.delete(transactionalId)
    else before.set(transactionalId, record)
  }
  const beyond = told.find(({ producerEpoch }) => producerEpoch > LAST_CLIENT_EPOCH)
  if (beyond !== undefined)
    return broken('T6', `a client was given epoch ${beyond.producerEpoch} of ${beyond.producerId}`)
  return checkCoordinatorEpochs(partitions)
}

function checkCoordinatorEpochs(partitions: readonly TxnPartition[]): Violation | null {
  for (const { name, batches } of partitions) {
    const epochs = new Map<number, number>()
    for (const { kind, producerId, coordinatorEpoch } of batches) {
      if (kind === 'data') continue
      const last = epochs.get(producerId) ?? -1
      if (coordinatorEpoch < last) {
        return broken('T6', `${name}: a marker of coordinator epoch ${coordinatorEpoch} follows one of ${last}`)
      }
      epochs.set(producerId, coordinatorEpoch)
    }
  }
  return null
}

/** After an owner was told its epoch, nothing of an older epoch, or of the id before, is appended. */
export function checkOwners({ owners, partitions }: TransactionsView): Violation | null {
  for (const { transactionalId, producerId, producerEpoch, ends } of owners) {
    for (const { name, batches } of partitions) {
      for (const batch of batches) {
        if (batch.kind !== 'data' || batch.producerId !== producerId || batch.producerEpoch >= producerEpoch) continue
        if (batch.offset < (ends[name] ?? 0)) continue
        const late = `${batch.values.join()} of epoch ${batch.producerEpoch} at ${name}@${batch.offset}`
        return broken('T9', `${transactionalId}: ${late}, after epoch ${producerEpoch} had been given`)
      }
    }
  }
  return null
}

/** The first offset that read_committed may not see, from the batches alone. */
export function stableEnd(partition: TxnPartition): number {
  const { open, ended } = foldPartition(partition)
  let end = partition.highWatermark
  for (const { firstOffset } of open.values()) end = Math.min(end, firstOffset)
  // Until the marker itself is replicated, nobody may rely on it.
  for (const { firstOffset, marker } of ended) {
    if (marker.offset >= partition.highWatermark) end = Math.min(end, firstOffset)
  }
  return end
}

export function checkLastStableOffset(partition: TxnPartition): Violation | null {
  const { name, lastStableOffset } = partition
  const expected = stableEnd(partition)
  if (lastStableOffset === expected) return null
  return broken('T3', `${name}: the last stable offset is ${lastStableOffset} instead of ${expected}`)
}

/** What a read_committed consumer makes of one answer. */
export interface CommittedRead {
  readonly lastStableOffset: number
  readonly batches: readonly {
    readonly offset: number
    readonly producerId: number
    readonly values: readonly string[]
  }[]
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]
  /** Where the fetch began, and the offset after what it returned. */
  readonly from: number
  readonly to: number
}

/** `partition` as it was when the answer was given, or later: a decided fate stays. */
export function checkCommittedRead(partition: TxnPartition, read: CommittedRead): Violation | null {
  const { fates } = foldPartition(partition)
  for (const { offset, values } of read.batches) {
    if (offset >= read.lastStableOffset) {
      return broken('T3', `${partition.name}: ${values.join()} at ${offset} is read past ${read.lastStableOffset}`)
    }
  }
  for (const value of visible(partition, read)) {
    const fate = fates.get(value)
    if (fate !== undefined && fate !== 'committed')
      return broken('T3', `${partition.name}: read_committed shows ${value}, ${fate}`)
  }
  return null
}

/** As the Java consumer does: aborted from the first offset on, until the abort marker. */
function visible(partition: TxnPartition, { batches, aborted }: CommittedRead): string[] {
  const { ended } = foldPartition(partition)
  const isAborted = (offset: number, id: number): boolean =>
    aborted.some(({ producerId, firstOffset }) => {
      if (producerId !== id || offset < firstOffset) return false
      const end = ended.find((each) => each.producerId === id && each.firstOffset === firstOffset)
      return end === undefined || offset < end.marker.offset
    })
  return batches.flatMap(({ offset, producerId, values }) => (isAborted(offset, producerId) ? [] : values))
}

export function checkAbortedIndex(
  partition: TxnPartition,
  { aborted, from, to, batches }: CommittedRead,
): Violation | null {
  if (batches.length === 0) return null
  const name = (each: { producerId: number; firstOffset: number }): string => `${each.producerId}@${each.firstOffset}`
  const expected = foldPartition(partition)
    .ended.filter(({ firstOffset, marker }) => marker.kind === 'abort' && firstOffset < to && marker.offset >= from)
    .map(name)
  const named = aborted.map(name)
  const missing = expected.find((each) => !named.includes(each))
  if (missing !== undefined) return broken('T10', `${partition.name}: the fetch does not name the aborted ${missing}`)
  const extra = named.find((each) => !expected.includes(each))
  return extra === undefined ? null : broken('T10', `${partition.name}: the fetch names ${extra} as aborted`)
}
