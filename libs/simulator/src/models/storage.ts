/**
 * The models of one broker's storage.
 *
 * `storage`: appends, leader changes, syncs, stops of every kind, and a disk that fails or is full (Z13, Z14, Z15).
 * `cleaner`: compaction with transactions, truncation, stops (Z34, Z35).
 */
import { checkLogStart, checkMarkers, checkSurvivors, checkUnchanged, traceRecords } from '../invariants/compaction.ts'
import { checkProducers } from '../invariants/idempotence.ts'
import { readSegments } from '../invariants/log-ghost.ts'
import {
  checkAcknowledged,
  checkEpochs,
  checkIndexes,
  checkOffsets,
  checkTransactionIndex,
} from '../invariants/storage.ts'
import type { PartitionLog } from '@troupe/log/partition-log'
import type { Violation } from '../model/contract.ts'
import { logModel } from './log-model.ts'
import { tinyLogConfig } from './storage-batches.ts'
import * as verbs from './storage-verbs.ts'
import type { PartitionWorld, StorageWorld } from './storage-world.ts'

const stops = [verbs.start, verbs.open, verbs.openCut, verbs.kill, verbs.powerLoss, verbs.stop]

export const storageModel = logModel({
  name: 'storage',
  title: 'One log directory: appends, leader changes, syncs and stops on a disk that fails',
  defaultBounds: {
    partitions: 1,
    appends: 5,
    transactions: 1,
    elections: 2,
    checkpoints: 1,
    faults: 1,
    stops: 2,
    patterns: 3,
  },
  config: tinyLogConfig(),
  verbs: [
    ...stops,
    verbs.append,
    verbs.follow,
    verbs.transaction,
    verbs.commit,
    verbs.abort,
    verbs.elect,
    verbs.truncate,
    verbs.roll,
    verbs.commitAll,
    verbs.flush,
    verbs.flushLater,
    verbs.syncs,
    verbs.checkpoint,
    verbs.fail,
    verbs.fill,
  ],
  check(each, world) {
    const log = each.log as PartitionLog
    const segments = readSegments(log)
    return (
      checkOffsets(segments, log, false) ??
      checkAcknowledged(segments, each.ghost) ??
      checkEpochs(segments, log, false) ??
      checkTransactionIndex(segments, log) ??
      checkIndexes(segments, log) ??
      checkProducersOf(each, world)
    )
  },
})

export function checkProducersOf({ log, ghost }: PartitionWorld, { now, config }: StorageWorld): Violation | null {
  const expirationMs = config['producer.id.expiration.ms']
  return checkProducers(ghost.written, (log as PartitionLog).producers(), { now, expirationMs, since: ghost.logStart })
}

export const cleanerModel = logModel({
  name: 'cleaner',
  title: 'One compacted log: values, tombstones and transactions, the cleaner, leader changes and stops',
  defaultBounds: {
    partitions: 1,
    appends: 6,
    tombstones: 1,
    transactions: 2,
    elections: 1,
    cleanings: 3,
    advances: 2,
    checkpoints: 1,
    stops: 1,
    patterns: 2,
  },
  config: tinyLogConfig({ 'cleanup.policy': ['compact'] }),
  verbs: [
    ...stops,
    verbs.put,
    verbs.remove,
    verbs.transaction,
    verbs.commit,
    verbs.abort,
    verbs.truncate,
    verbs.roll,
    verbs.commitAll,
    verbs.flush,
    verbs.checkpoint,
    verbs.clean,
    verbs.advanceTime,
  ],
  check(each, world) {
    const log = each.log as PartitionLog
    const { ghost } = each
    const segments = readSegments(log)
    const time = { now: world.now, deleteRetentionMs: world.config['delete.retention.ms'] }
    return (
      checkOffsets(segments, log, true) ??
      checkSurvivors(traceRecords(segments, ghost), ghost, time) ??
      checkUnchanged(segments, ghost) ??
      checkMarkers(segments, ghost, log, time) ??
      checkEpochs(segments, log, true) ??
      checkIndexes(segments, log) ??
      checkLogStart(log, ghost)
    )
  },
})
