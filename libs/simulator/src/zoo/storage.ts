/** Z13, Z14, Z15: what a disk and a loss of power do to a log; Z34, Z35: what the cleaner does to it. */
import { cleanerModel, storageModel } from '../models/storage.ts'
import type { Cage } from './contract.ts'

/** A bound with the name of a verb says how often it may happen. */
const oneMarker = {
  appends: 2,
  append: 1,
  follow: 0,
  transactions: 1,
  elections: 0,
  checkpoints: 0,
  faults: 1,
  stops: 1,
  patterns: 2,
  disk: 0,
  flush: 0,
  'flush-later': 0,
  roll: 0,
  'open-cut': 0,
  'high-watermark': 0,
}

const compacting = { tombstones: 0, elections: 0, checkpoints: 0, stops: 0 }

export const storageCages: readonly Cage[] = [
  {
    id: 'Z13',
    title: 'The marker of a clean stop outlives a crash while logs are loaded, and a torn tail is trusted',
    source: 'KAFKA-10471, PR #9364',
    safeguard: 'deleteMarkerFirst',
    invariants: ['S1'],
    model: storageModel,
    bounds: {
      partitions: 2,
      appends: 3,
      transactions: 0,
      elections: 0,
      checkpoints: 0,
      faults: 0,
      stops: 2,
      patterns: 3,
      'open-cut': 0,
    },
    find: 'walk',
  },
  {
    id: 'Z14',
    title: 'A log goes on after an I/O error',
    source: 'KAFKA-10778, PR #9676',
    safeguard: 'fenceAfterIoError',
    invariants: ['S3', 'S2', 'S1', 'A1'],
    model: storageModel,
    bounds: oneMarker,
    find: 'search',
  },
  {
    id: 'Z14-index',
    title: 'The end of the log moves only after the indexes are written, and two batches share their offsets',
    source: 'KAFKA-7866, PR #6570',
    safeguard: 'endOffsetBeforeIndexes',
    invariants: ['S2', 'S3'],
    model: storageModel,
    bounds: oneMarker,
    find: 'search',
    impossible:
      'The error of the index takes the log offline within the same append (fenceAfterIoError), so that no append follows at ' +
      'the old end; the next start reads the end from the batches.',
  },
  {
    id: 'Z15',
    title: 'The leader-epoch file is not synced: a loss of power brings back one of an earlier truncation',
    source: 'KAFKA-16541, PR #15993',
    safeguard: 'syncEpochFile',
    invariants: ['R11'],
    model: storageModel,
    bounds: {
      appends: 4,
      transactions: 0,
      elections: 2,
      checkpoints: 1,
      faults: 0,
      stops: 2,
      patterns: 7,
      'open-cut': 0,
    },
    find: 'walk',
  },
  {
    id: 'Z34',
    title: 'The cleaner removes a committed value for the sake of one that is not committed',
    source: 'KAFKA-13194, PR #11199',
    safeguard: 'cleanBelowHighWatermark',
    invariants: ['P1'],
    model: cleanerModel,
    bounds: { ...compacting, appends: 4, transactions: 0, cleanings: 1, advances: 0, 'open-cut': 0, roll: 1, flush: 1 },
    find: 'search',
  },
  {
    id: 'Z35',
    title: 'A marker is removed while data of its transaction lies in an earlier segment',
    source: 'KAFKA-8351, PR #6722; KAFKA-13727, PR #11891',
    safeguard: 'trackTransactionsAcrossSegments',
    invariants: ['P3', 'P1'],
    model: cleanerModel,
    bounds: { ...compacting, appends: 10, transactions: 3, cleanings: 4, advances: 2 },
    find: 'walk',
  },
]
