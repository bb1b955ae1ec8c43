/** Batches, segments and ghosts made by hand, for the checkers of one log. */
import { buildEndTxnMarker } from '@troupe/wire/record-batch'
import {
  identityOf,
  newLogGhost,
  storedBatch,
  type LogGhost,
  type StoredBatch,
  type StoredSegment,
  type WrittenBatch,
} from '../../src/invariants/log-ghost.ts'
import { clientBatch, placed } from '../../src/models/storage-batches.ts'

export interface BatchOptions {
  epoch?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  at?: number
}

/** `stored(3, ['k=v'])`: a batch of one record at offset 3. */
export function stored(offset: number, records: readonly string[], options: BatchOptions = {}): WrittenBatch {
  const { epoch = 0, at = 1000, ...rest } = options
  return { ...storedBatch(placed(clientBatch(records, at, rest), offset, epoch)), at }
}

export function endMarker(
  offset: number,
  { producerId = 1, coordinatorEpoch = 0, commit = true, at = 1000, epoch = 0 } = {},
): WrittenBatch {
  const bytes = buildEndTxnMarker({ producerId, producerEpoch: 0, coordinatorEpoch, commit, timestamp: at })
  return { ...storedBatch(placed(bytes, offset, epoch)), at }
}

export function segment(baseOffset: number, batches: readonly StoredBatch[], extraBytes = 0): StoredSegment {
  const validBytes = batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
  return { baseOffset, batches, validBytes, bytes: validBytes + extraBytes }
}

export function ghostOf(written: readonly WrittenBatch[], more: Partial<LogGhost> = {}): LogGhost {
  const end = (written.at(-1)?.lastOffset ?? -1) + 1
  const ever = new Map(written.map((batch) => [identityOf(batch), batch]))
  return { ...newLogGhost(), written: [...written], ever, durableTo: end, decidedTo: end, stop: 'kill', ...more }
}
