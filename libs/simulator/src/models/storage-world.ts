/**
 * One broker's log directory on a disk that may fail, as a world of the model checker: production `LogDirectory` and
 * `PartitionLog` on the file system in memory, with a ghost beside each log.
 */
import type { Safeguards } from '@troupe/actor'
import { StorageError } from '@troupe/log/file-system'
import { LogDirectory } from '@troupe/log/log-directory'
import { MemoryFileSystem, type FileOperation } from '@troupe/log/memory-file-system'
import type { AppendResult, LogConfig } from '@troupe/log/contract'
import type { PartitionLog } from '@troupe/log/partition-log'
import { KafkaError } from '@troupe/wire/errors'
import { setBaseOffset, setPartitionLeaderEpoch } from '@troupe/wire/record-batch'
import type { Bounds, Violation } from '../model/contract.ts'
import {
  batchesOf,
  newLogGhost,
  notePromises,
  noteAttempted,
  noteRecovered,
  noteStopped,
  noteWritten,
  readSegments,
  storedBatch,
  type LogGhost,
  type Stop,
} from '../invariants/log-ghost.ts'
import { checkRecovered, checkRecoveredTail, checkRefusal, checkSameRecovery } from '../invariants/storage.ts'

export interface PartitionWorld {
  readonly partition: number
  /** `a-0`. */
  readonly name: string
  log: PartitionLog | null
  readonly ghost: LogGhost
  leaderEpoch: number
  /** Of the next batch: makes its content unlike any other's. */
  counter: number
  /** A start found the log, and what it found held. */
  isOpen: boolean
}

export interface StorageWorld {
  readonly safeguards: Safeguards
  readonly bounds: Bounds
  readonly config: LogConfig
  readonly fs: MemoryFileSystem
  directory: LogDirectory | null
  readonly partitions: readonly PartitionWorld[]
  now: number
  /** How often a kind of thing has happened, against the bounds. */
  readonly spent: Map<string, number>
  /** The next call that fails, '' if none will. */
  armed: string
  violation: Violation | null
  readonly seen: Set<string>
  /** Of a model that stands on this one. */
  extra: unknown
}

const topicId = 'dHJvdXBlLXRvcGljLWlkMA'
const identity = { clusterId: 'dHJvdXBlLWNsdXN0ZXItMQ', nodeId: 1, directoryId: 'ZGlyZWN0b3J5LWlkLTAwMQ' }

export function newStorageWorld(safeguards: Safeguards, bounds: Bounds, config: LogConfig): StorageWorld {
  const partitions = Array.from({ length: bounds.partitions ?? 1 }, (_, partition) => ({
    partition,
    name: `a-${partition}`,
    log: null,
    ghost: newLogGhost(),
    leaderEpoch: 0,
    counter: 0,
    isOpen: false,
  }))
  const world: StorageWorld = {
    safeguards,
    bounds,
    config,
    fs: new MemoryFileSystem(),
    directory: null,
    partitions,
    now: 1000,
    spent: new Map(),
    armed: '',
    violation: null,
    seen: new Set(),
    extra: null,
  }
  world.fs.fault = (operation, path) => failArmed(world, operation, path)
  return world
}

/** `EIO append .log` fails the next append to a file of that name. */
function failArmed(world: StorageWorld, operation: FileOperation, path: string): StorageError['code'] | undefined {
  const [code, what, suffix] = world.armed.split(' ')
  if (operation !== what || !path.endsWith(suffix)) return undefined
  world.armed = ''
  world.seen.add('a call of the disk failed')
  return code as StorageError['code']
}

export const spend = (world: StorageWorld, what: string): void => {
  world.spent.set(what, (world.spent.get(what) ?? 0) + 1)
}

export const isLeft = (world: StorageWorld, what: string): boolean =>
  (world.spent.get(what) ?? 0) < (world.bounds[what] ?? 0)

export const isCompacted = ({ config }: StorageWorld): boolean => config['cleanup.policy'].includes('compact')

/** What the disk refuses ends in an error that the caller was shown; anything else is a bug of ours. */
export function attempt(work: () => void): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    return false
  }
}

export function startDirectory(world: StorageWorld): void {
  const started = attempt(() => {
    const { safeguards } = world
    world.directory = LogDirectory.open(world.fs, '/data', identity, { safeguards })
  })
  if (!started) stopProcess(world, 'kill')
}

/** Opens one log and judges what recovery made of it. `meanwhile` may fail calls of the disk. */
export function openLog(world: StorageWorld, each: PartitionWorld, meanwhile?: MemoryFileSystem['fault']): void {
  const directory = world.directory as LogDirectory
  const { fault } = world.fs
  if (meanwhile) world.fs.fault = meanwhile
  const opened = attempt(() => {
    each.log = directory.open('a', topicId, each.partition, world.config, world.now)
  })
  world.fs.fault = fault
  if (!opened) return stopProcess(world, 'kill')
  const log = each.log as PartitionLog
  const segments = readSegments(log)
  const { ghost } = each
  const found = batchesOf(segments)
  world.violation ??= isCompacted(world)
    ? checkRecoveredTail(segments, ghost, log.logEndOffset)
    : checkRecovered(segments, ghost, log.logEndOffset)
  world.violation ??= checkSameRecovery(ghost, found)
  if (ghost.stop === 'power' && found.length < ghost.written.length) world.seen.add('power loss took a tail')
  if (found.length > 0 && ghost.stop !== 'none') world.seen.add(`recovered after ${ghost.stop}`)
  noteRecovered(ghost, found, log)
  each.leaderEpoch = Math.max(each.leaderEpoch, log.latestEpoch)
  each.isOpen = true
}

/** The process ends; `stop` says what of the disk's cache is left. */
export function stopProcess(world: StorageWorld, stop: Stop, pattern = 0): void {
  world.armed = ''
  if (stop === 'power') world.fs.crash({ random: survivors(pattern) })
  else world.fs.kill()
  world.directory = null
  for (const each of world.partitions) {
    noteStopped(each.ghost, stop)
    each.log = null
    each.isOpen = false
  }
}

/**
 * Deterministic numbers for a crash (xorshift); none for pattern 0, which loses all that was not synced. Names survive in
 * the order of the disk's journal, bytes as they like.
 */
function survivors(pattern: number): (() => number) | undefined {
  if (pattern === 0) return undefined
  let x = Math.imul(pattern, 0x9e3779b1) | 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}

/** Appends, and tells the ghost what was promised. `intended`: what will lie in the log if it gets there. */
export function recordAppend(
  world: StorageWorld,
  each: PartitionWorld,
  intended: Uint8Array,
  append: (log: PartitionLog) => AppendResult,
): AppendResult {
  const log = each.log as PartitionLog
  const end = log.logEndOffset
  const armed = world.armed
  const free = world.fs.freeBytes()
  const result = append(log)
  const failed = armed !== world.armed && armed.endsWith('append .log')
  world.violation ??= checkRefusal(result, failed || (free < intended.length && !result.duplicate))
  if (result.error === KafkaError.NONE && !result.duplicate) {
    const batches = batchesOf(readSegments(log)).filter((batch) => batch.baseOffset >= end)
    noteWritten(each.ghost, batches, world.now)
  } else if (result.error === KafkaError.KAFKA_STORAGE_ERROR) {
    const copy = intended.slice()
    setBaseOffset(copy, 0, end)
    setPartitionLeaderEpoch(copy, 0, each.leaderEpoch)
    noteAttempted(each.ghost, [storedBatch(copy)], world.now)
    if (free < intended.length) world.seen.add('refused on a full disk')
  }
  return result
}

/** After every action: what the logs that are open and healthy have promised by now. */
export function notePromisesOf(world: StorageWorld): void {
  for (const { log, ghost } of world.partitions) {
    if (log !== null && log.offlineReason === null) notePromises(ghost, log)
  }
}

export const openLogs = (world: StorageWorld): PartitionWorld[] =>
  world.partitions.filter(({ log, isOpen }) => isOpen && log !== null && log.offlineReason === null)
