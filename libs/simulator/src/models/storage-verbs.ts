/**
 * What can happen to a log directory: each verb lists its labels in a world and carries one out. A model is a choice of
 * verbs, a configuration and bounds.
 *
 * Bounded are the things that can be done for ever (appends, faults, stops), never what heals (start, sync, flush).
 */
import type { PartitionLog } from '@troupe/log/partition-log'
import { buildEndTxnMarker } from '@troupe/wire/record-batch'
import type { Action } from '../model/contract.ts'
import { noteTruncated } from '../invariants/log-ghost.ts'
import { clientBatch, placed } from './storage-batches.ts'
import {
  attempt,
  isLeft,
  openLog,
  openLogs,
  recordAppend,
  spend,
  startDirectory,
  stopProcess,
  type PartitionWorld,
  type StorageWorld,
} from './storage-world.ts'

export interface Verb {
  readonly name: string
  readonly type: Action['type']
  /** What may follow the verb now; '' for nothing. */
  options(world: StorageWorld): readonly string[]
  apply(world: StorageWorld, option: string): void
}

/** A verb per open log. */
function onLog(
  name: string,
  type: Action['type'],
  when: (each: PartitionWorld, log: PartitionLog, world: StorageWorld) => boolean,
  apply: (world: StorageWorld, each: PartitionWorld, log: PartitionLog) => void,
): Verb {
  return {
    name,
    type,
    options: (world) =>
      openLogs(world)
        .filter((each) => when(each, each.log as PartitionLog, world))
        .map((each) => each.name),
    apply: (world, option) => {
      const each = partitionOf(world, option)
      apply(world, each, each.log as PartitionLog)
    },
  }
}

export const partitionOf = (world: StorageWorld, name: string): PartitionWorld =>
  world.partitions.find((each) => each.name === name) as PartitionWorld

const mayAppend = (_: PartitionWorld, __: PartitionLog, world: StorageWorld): boolean => isLeft(world, 'appends')

/** A value no other batch has, of a length that varies. */
export function nextValue(each: PartitionWorld): string {
  each.counter += 1
  return `${each.partition}.${each.counter}`.padEnd(each.counter % 3 === 0 ? 40 : 6, 'x')
}

function appendAsLeader(world: StorageWorld, each: PartitionWorld, records: Uint8Array): void {
  spend(world, 'appends')
  const { leaderEpoch } = each
  recordAppend(world, each, records, (log) =>
    log.append({ records: records.slice(), now: world.now, leaderEpoch, origin: 'client', transactionVerified: true }),
  )
}

export const append = onLog('append', 'client', mayAppend, (world, each) =>
  appendAsLeader(world, each, clientBatch([nextValue(each)], world.now)),
)

export const follow = onLog('follow', 'message', mayAppend, (world, each, { logEndOffset }) => {
  spend(world, 'appends')
  const records = placed(clientBatch([nextValue(each), nextValue(each)], world.now), logEndOffset, each.leaderEpoch)
  recordAppend(world, each, records, (log) => log.appendAsFollower(records, world.now))
})

/** Compacted topics: a new value of a key. */
export const put: Verb = {
  name: 'put',
  type: 'client',
  options: (world) => keyed(world, ['k', 'l']),
  apply: (world, option) => {
    const [name, key] = option.split(' ')
    const each = partitionOf(world, name)
    appendAsLeader(world, each, clientBatch([`${key}=${nextValue(each)}`], world.now))
  },
}

export const remove: Verb = {
  name: 'tombstone',
  type: 'client',
  options: (world) => (isLeft(world, 'tombstones') ? keyed(world, ['k']) : []),
  apply: (world, option) => {
    const [name, key] = option.split(' ')
    spend(world, 'tombstones')
    appendAsLeader(world, partitionOf(world, name), clientBatch([`${key}=`], world.now))
  },
}

const keyed = (world: StorageWorld, keys: readonly string[]): string[] =>
  isLeft(world, 'appends') ? openLogs(world).flatMap(({ name }) => keys.map((key) => `${name} ${key}`)) : []

const PRODUCER = 1

export const transaction = onLog(
  'transaction',
  'client',
  (_, log, world) => isLeft(world, 'appends') && isLeft(world, 'transactions') && log.producerEpoch(PRODUCER) <= 0,
  (world, each, log) => {
    spend(world, 'transactions')
    const known = log.producers().find((view) => view.producerId === PRODUCER)
    const value = nextValue(each)
    const record = world.config['cleanup.policy'].includes('compact') ? `t=${value}` : value
    const baseSequence = (known?.lastSequence ?? -1) + 1
    const options = { producerId: PRODUCER, producerEpoch: 0, baseSequence, isTransactional: true }
    appendAsLeader(world, each, clientBatch([record], world.now, options))
  },
)

const end = (outcome: 'commit' | 'abort'): Verb =>
  onLog(
    outcome,
    'message',
    (_, log) => log.hasOngoingTransaction(PRODUCER, 0),
    (world, each) => {
      const marker = {
        producerId: PRODUCER,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        commit: outcome === 'commit',
        transactionVersion: 1,
        leaderEpoch: each.leaderEpoch,
        now: world.now,
      }
      const intended = buildEndTxnMarker({ ...marker, timestamp: world.now })
      recordAppend(world, each, intended, (log) => log.appendEndTxnMarker(marker))
    },
  )

export const commit = end('commit')
export const abort = end('abort')

/** This broker becomes the leader of a new epoch. */
export const elect = onLog(
  'elect',
  'message',
  (_, __, world) => isLeft(world, 'elections'),
  (world, each, log) => {
    spend(world, 'elections')
    each.leaderEpoch += 1
    log.assignLeaderEpoch(each.leaderEpoch, log.logEndOffset)
  },
)

/** Another broker leads from now on, and its log ends here at the latest: never below what is committed. */
export const truncate: Verb = {
  name: 'truncate',
  type: 'message',
  options: (world) =>
    isLeft(world, 'elections')
      ? openLogs(world).flatMap(({ name, ghost, log }) =>
          [1, 3]
            .map((back) => ghost.written.at(-back)?.baseOffset ?? -1)
            .filter((offset) => offset >= (log as PartitionLog).logStartOffset)
            // After a restart the high watermark is forgotten, what was committed is not.
            .filter((offset) => offset >= ghost.highWatermark && offset >= ghost.decidedTo)
            .map((offset) => `${name} ${offset}`),
        )
      : [],
  apply: (world, option) => {
    const [name, offset] = option.split(' ')
    const each = partitionOf(world, name)
    const log = each.log as PartitionLog
    spend(world, 'elections')
    each.leaderEpoch += 1
    const done = attempt(() => log.truncateTo(Number(offset)))
    noteTruncated(each.ghost, done ? log.logEndOffset : Number(offset))
    world.seen.add('truncated')
  },
}

export const roll = onLog(
  'roll',
  'timer',
  (_, log) => log.local.active.size > 0,
  (world, _, log) => void attempt(() => log.roll(world.now)),
)

export const commitAll = onLog(
  'high-watermark',
  'message',
  (_, log) => log.highWatermark < log.logEndOffset,
  (_, __, log) => void log.setHighWatermark(log.logEndOffset),
)

export const flush = onLog(
  'flush',
  'timer',
  (_, log) => log.recoveryPoint < log.logEndOffset || log.epochs.dirty,
  (_, __, log) => void attempt(() => log.flush()),
)

export const flushLater = onLog(
  'flush-later',
  'timer',
  (_, log, world) => log.recoveryPoint < log.logEndOffset && world.fs.pendingSyncs < 2,
  (world, _, log) => void attempt(() => log.flushLater(world.now, () => {})),
)

export const syncs: Verb = {
  name: 'sync-done',
  type: 'message',
  options: ({ fs }) => (fs.pendingSyncs > 0 ? [''] : []),
  apply: ({ fs }) => void attempt(() => fs.completeSyncs(1)),
}

export const checkpoint: Verb = {
  name: 'checkpoint',
  type: 'timer',
  options: (world) => (world.directory !== null && isLeft(world, 'checkpoints') ? ['', 'later'] : []),
  apply: (world, option) => {
    spend(world, 'checkpoints')
    const { directory } = world
    attempt(() => void (option === '' ? directory?.writeCheckpoints() : directory?.writeCheckpointsLater()))
  },
}

export const clean: Verb = {
  name: 'clean',
  type: 'timer',
  options: (world) => (openLogs(world).length > 0 && isLeft(world, 'cleanings') ? ['', 'step'] : []),
  apply: (world, option) => {
    spend(world, 'cleanings')
    attempt(() => {
      const done = world.directory?.cleanStep(world.now, option === '' ? Infinity : 1)
      if (done && done !== 'more') world.seen.add('cleaned a log')
    })
    for (const { ghost } of world.partitions) ghost.recovered = null
  },
}

export const advanceTime: Verb = {
  name: 'advance-time',
  type: 'timer',
  options: (world) => (isLeft(world, 'advances') ? [''] : []),
  apply: (world) => {
    spend(world, 'advances')
    world.now += 1100
  },
}

const failures = [
  'EIO append .log',
  'ENOSPC append .log',
  'EIO write .txnindex',
  'EIO write .index',
  'EIO truncate .log',
  'EIO sync .log',
  'EIO open .snapshot',
]

/** The next call of this kind fails. */
export const fail: Verb = {
  name: 'arm',
  type: 'fault',
  options: (world) => (openLogs(world).length > 0 && world.armed === '' && isLeft(world, 'faults') ? failures : []),
  apply: (world, option) => {
    spend(world, 'faults')
    world.armed = option
  },
}

export const fill: Verb = {
  name: 'disk',
  type: 'fault',
  options: (world) => {
    if (world.fs.capacity !== Infinity) return ['has room']
    return openLogs(world).length > 0 && isLeft(world, 'faults') ? ['is full'] : []
  },
  apply: (world, option) => {
    if (option === 'is full') spend(world, 'faults')
    world.fs.capacity = option === 'is full' ? world.fs.usedBytes() + 100 : Infinity
  },
}

export const start: Verb = {
  name: 'start',
  type: 'timer',
  options: ({ directory, fs }) => (directory === null && fs.capacity === Infinity ? [''] : []),
  apply: startDirectory,
}

const unopened = (world: StorageWorld): PartitionWorld[] =>
  world.directory === null ? [] : world.partitions.filter(({ log }) => log === null)

export const open: Verb = {
  name: 'open',
  type: 'timer',
  options: (world) => unopened(world).map(({ name }) => name),
  apply: (world, option) => openLog(world, partitionOf(world, option)),
}

/** The machine loses power, or the process is killed, within the opening of a log: after so many calls of the disk. */
export const openCut: Verb = {
  name: 'open-cut',
  type: 'fault',
  options: (world) =>
    isLeft(world, 'stops')
      ? unopened(world)
          .slice(0, 1)
          .flatMap(({ name }) => [2, 6, 12, 20].flatMap((calls) => [`${name} ${calls} kill`, `${name} ${calls} 1`]))
      : [],
  apply: (world, option) => {
    const [name, calls, pattern] = option.split(' ')
    spend(world, 'stops')
    let left = Number(calls)
    openLog(world, partitionOf(world, name), () => (left-- > 0 ? undefined : 'EIO'))
    if (pattern === 'kill') stopProcess(world, 'kill')
    else stopProcess(world, 'power', Number(pattern))
  },
}

export const kill: Verb = {
  name: 'kill',
  type: 'fault',
  options: (world) => (world.directory !== null && isLeft(world, 'stops') ? [''] : []),
  apply: (world) => {
    spend(world, 'stops')
    stopProcess(world, 'kill')
  },
}

export const powerLoss: Verb = {
  name: 'power-loss',
  type: 'fault',
  options: (world) =>
    isLeft(world, 'stops') ? Array.from({ length: world.bounds.patterns ?? 1 }, (_, pattern) => `${pattern}`) : [],
  apply: (world, option) => {
    spend(world, 'stops')
    stopProcess(world, 'power', Number(option))
  },
}

export const stop: Verb = {
  name: 'stop',
  type: 'fault',
  options: (world) => (world.directory !== null && unopened(world).length === 0 && isLeft(world, 'stops') ? [''] : []),
  apply: (world) => {
    spend(world, 'stops')
    const healthy = openLogs(world)
    attempt(() => world.directory?.closeCleanly())
    const isClean = world.fs.exists('/data/.kafka_cleanshutdown')
    for (const { ghost } of isClean ? healthy : []) ghost.durableTo = (ghost.written.at(-1)?.lastOffset ?? -1) + 1
    stopProcess(world, 'clean')
  },
}
