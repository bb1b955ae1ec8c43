/**
 * From the bytes of a Fetch to records, as many as a poll asks for. One batch at a time is decoded, so that no more
 * lies around than what was fetched.
 *
 * Under `read_committed` the leader names the aborted transactions of what it sends. A producer's records are left out
 * from its transaction's first offset on, up to the abort marker (Z29). Source: `CompletedFetch`.
 */
import { KafkaError } from '@troupe/wire/errors'
import {
  readBatchHeader,
  iterateRecords,
  readControlRecord,
  recordsOf,
  validateBatch,
  type BatchHeader,
} from '@troupe/wire/record-batch'
import { fail } from './requests.ts'
import type { CompletedFetch, PartitionState, Step } from './state.ts'
import type { ConsumerRecord } from './messages.ts'
import { isOfLeader } from './validation.ts'

/** The smallest thing that can be a batch. */
const BATCH_OVERHEAD = 61

export interface Collected {
  readonly records: ConsumerRecord[]
  /** Whether a position has moved, be it over nothing but markers. */
  readonly advanced: boolean
}

export function collect(step: Step, max: number): Collected {
  const { state } = step
  const records: ConsumerRecord[] = []
  const kept: CompletedFetch[] = []
  let advanced = false
  for (const fetched of state.fetched) {
    const partition = state.partitions.get(fetched.key)
    if (records.length >= max || partition?.paused === true) {
      kept.push(fetched)
      continue
    }
    if (partition === undefined || !isWanted(step, partition, fetched)) continue
    const before = fetched.nextOffset
    if (take(step, fetched, max, records)) kept.push(fetched)
    if (fetched.nextOffset === before) continue
    advanced = true
    const offsetEpoch = fetched.lastEpoch
    partition.position = { ...partition.position!, offset: fetched.nextOffset, offsetEpoch }
    toTheEnd(step, partition)
  }
  state.fetched = kept
  return { records, advanced }
}

function isWanted(step: Step, { phase, position, revoking }: PartitionState, fetched: CompletedFetch): boolean {
  const { nextOffset, leaderEpoch } = fetched
  if (phase !== 'fetching' || revoking || position!.offset !== nextOffset) return false
  return isOfLeader(step, position!, leaderEpoch)
}

/** Who was served waits until the others were. */
function toTheEnd({ state }: Step, partition: PartitionState): void {
  state.partitions.delete(partition.key)
  state.partitions.set(partition.key, partition)
}

/** Whether there is more. */
function take(step: Step, fetched: CompletedFetch, max: number, records: ConsumerRecord[]): boolean {
  for (;;) {
    while (fetched.batchAt < fetched.batch.length) {
      if (records.length >= max) return true
      const record = fetched.batch[fetched.batchAt++]
      records.push(record)
      fetched.nextOffset = record.offset + 1
      fetched.lastEpoch = record.leaderEpoch
    }
    if (fetched.batchEnd > fetched.nextOffset) fetched.nextOffset = fetched.batchEnd
    if (!nextBatch(step, fetched)) return false
  }
}

function nextBatch(step: Step, fetched: CompletedFetch): boolean {
  const { records, at } = fetched
  // The last batch may be cut off: the broker stops at a number of bytes.
  if (records.length - at < BATCH_OVERHEAD) return false
  const size = new DataView(records.buffer, records.byteOffset).getInt32(at + 8) + 12
  if (size > records.length - at) return false
  const check = { checkCrc: step.state.config['check.crcs'], checkRecords: false }
  if (validateBatch(records, at, check) !== KafkaError.NONE) {
    fail(step, KafkaError.CORRUPT_MESSAGE, `corrupt batch in ${fetched.key} after offset ${fetched.nextOffset}`)
    return false
  }
  const header = readBatchHeader(records, at)
  const visible = isVisible(step, fetched, header)
  fetched.at = at + size
  fetched.batchAt = 0
  fetched.batchEnd = Math.max(header.lastOffset + 1, fetched.nextOffset)
  fetched.lastEpoch = header.partitionLeaderEpoch
  fetched.batch = visible ? decode(fetched, at, header) : []
  return true
}

function isVisible(step: Step, fetched: CompletedFetch, header: BatchHeader): boolean {
  if (step.state.config['isolation.level'] === 'read_committed' && header.producerId >= 0) {
    while (fetched.abortedAt < fetched.aborted.length) {
      const { producerId, firstOffset } = fetched.aborted[fetched.abortedAt]
      if (firstOffset > header.lastOffset) break
      fetched.aborting.add(producerId)
      fetched.abortedAt++
    }
    if (isAbortMarker(fetched, header)) fetched.aborting.delete(header.producerId)
    else if (header.isTransactional && fetched.aborting.has(header.producerId)) return false
  }
  return !header.isControl
}

function isAbortMarker({ records, at }: CompletedFetch, { isControl }: BatchHeader): boolean {
  if (!isControl) return false
  for (const record of iterateRecords(records, at)) return readControlRecord(record).type === 'abort'
  return false
}

/** A fetch may begin within a batch: what lies before is not for us. */
function decode(
  { records, topic, partition, nextOffset }: CompletedFetch,
  at: number,
  header: BatchHeader,
): ConsumerRecord[] {
  const decoded: ConsumerRecord[] = []
  const leaderEpoch = header.partitionLeaderEpoch
  for (const { offset, timestamp, key, value, headers } of recordsOf(records, at)) {
    if (offset < nextOffset) continue
    decoded.push({ topic, partition, offset, leaderEpoch, timestamp, key, value, headers })
  }
  return decoded
}
