/**
 * A model of the checker out of verbs: what can happen, in which configuration, and what must hold after it.
 *
 * Copies are made by doing again what led here, so a search is for small bounds and walks are for the rest.
 */
import type { Safeguards } from '@troupe/actor'
import type { LogConfig } from '@troupe/log/contract'
import type { Action, Bounds, Model, Violation } from '../model/contract.ts'
import type { PartitionStrip } from '../trace/format.ts'
import { RollingDigest } from './rolling-digest.ts'
import type { Verb } from './storage-verbs.ts'
import {
  isLeft,
  newStorageWorld,
  notePromisesOf,
  openLogs,
  spend,
  type PartitionWorld,
  type StorageWorld,
} from './storage-world.ts'

export interface LogModelSpec {
  readonly name: string
  readonly title: string
  /** A bound with the name of a verb says how often it may happen. */
  readonly defaultBounds: Bounds
  readonly config: LogConfig
  readonly verbs: readonly Verb[]
  /** What must hold of a log that is open and healthy. */
  check(each: PartitionWorld, world: StorageWorld): Violation | null
  /** A world's own ghost, from which labels are made. */
  extra?(bounds: Bounds): unknown
  /** Plain text of it, for the fingerprint. */
  describeExtra?(extra: unknown): string
}

/** The labels that lead to a world, and the world itself as long as it is in use. */
export interface LogWorld {
  readonly safeguards: Safeguards
  readonly bounds: Bounds
  readonly labels: string[]
  live: StorageWorld | null
}

/** So many worlds are kept as they are; the others are made again when they are looked at. */
const LIVE_WORLDS = 16

export function logModel(spec: LogModelSpec): Model<LogWorld> {
  const verbs = new Map(spec.verbs.map((verb) => [verb.name, verb]))
  const recent: LogWorld[] = []

  const step = (live: StorageWorld, label: string): void => {
    const space = label.indexOf(' ')
    const verb = verbs.get(space < 0 ? label : label.slice(0, space)) as Verb
    if (verb.name in live.bounds) spend(live, verb.name)
    verb.apply(live, space < 0 ? '' : label.slice(space + 1))
    notePromisesOf(live)
  }

  const liveOf = (world: LogWorld): StorageWorld => {
    if (world.live !== null) return world.live
    const live = newStorageWorld(world.safeguards, world.bounds, spec.config)
    live.extra = spec.extra?.(world.bounds) ?? null
    for (const label of world.labels) step(live, label)
    world.live = live
    recent.push(world)
    if (recent.length > LIVE_WORLDS) (recent.shift() as LogWorld).live = null
    return live
  }

  return {
    name: spec.name,
    title: spec.title,
    defaultBounds: spec.defaultBounds,
    initial: (safeguards, bounds) => ({
      safeguards,
      bounds: { ...spec.defaultBounds, ...bounds },
      labels: [],
      live: null,
    }),
    enabled: (world) => {
      const live = liveOf(world)
      const may = spec.verbs.filter(({ name }) => !(name in live.bounds) || isLeft(live, name))
      return may.flatMap((verb) =>
        verb.options(live).map((option): Action => ({ label: labelOf(verb, option), type: verb.type })),
      )
    },
    apply: (world, { label, type }, observe) => {
      const live = liveOf(world)
      step(live, label)
      world.labels.push(label)
      const [kind] = label.split(' ', 1)
      const detail = describe(live)
      observe?.({ type, node: 'b1', actor: 'log', from: '', kind, choice: label, detail, strips: stripsOf(live) })
    },
    clone: ({ safeguards, bounds, labels }) => ({ safeguards, bounds, labels: labels.slice(), live: null }),
    fingerprint: (world) => fingerprint(liveOf(world), spec.describeExtra?.(liveOf(world).extra) ?? ''),
    check: (world) => {
      const live = liveOf(world)
      if (live.violation !== null) return live.violation
      for (const each of openLogs(live)) {
        const violation = spec.check(each, live)
        if (violation !== null) return violation
      }
      return null
    },
    witnesses: (world) => [...liveOf(world).seen],
  }
}

const labelOf = ({ name }: Verb, option: string): string => (option === '' ? name : `${name} ${option}`)

/** `a-0 0..5 hw=3 sync=2 start=0`. */
export function describe({ partitions, directory }: StorageWorld): string {
  if (directory === null) return 'down'
  return partitions
    .map(({ name, log }) => {
      if (log === null) return `${name} not open`
      if (log.offlineReason !== null) return `${name} offline`
      const { logStartOffset, logEndOffset, highWatermark, recoveryPoint } = log
      return `${name} start=${logStartOffset} end=${logEndOffset} hw=${highWatermark} synced=${recoveryPoint}`
    })
    .join(', ')
}

function stripsOf({ partitions }: StorageWorld): PartitionStrip[] {
  return partitions.map(({ name, log, isOpen, leaderEpoch }) => ({
    partition: name,
    leader: 1,
    leaderEpoch,
    partitionEpoch: 0,
    isr: [1],
    replicas: [
      {
        broker: 1,
        up: isOpen,
        role: log === null ? 'none' : log.offlineReason === null ? 'leader' : 'offline',
        leaderEpoch,
        logEndOffset: log?.logEndOffset ?? -1,
        highWatermark: log?.highWatermark ?? -1,
        lastStableOffset: log?.lastStableOffset ?? -1,
      },
    ],
  }))
}

/** All files with what of them is durable, the logs in memory, the ghosts. */
function fingerprint(world: StorageWorld, extra: string): readonly [number, number] {
  const digest = new RollingDigest()
  for (const { path, bytes, syncedSize, durable } of world.fs.image()) {
    digest.text(path)
    digest.bytes(bytes)
    digest.number(syncedSize)
    if (durable !== null) digest.bytes(durable)
  }
  digest.number(world.fs.pendingSyncs)
  digest.number(world.fs.capacity === Infinity ? -1 : world.fs.capacity)
  for (const each of world.partitions) mixPartition(digest, each)
  digest.text(`${world.now} ${world.armed} ${world.directory === null} ${world.directory?.cleanShutdown}`)
  digest.text(
    [...world.spent]
      .map(([what, count]) => `${what}=${count}`)
      .sort()
      .join(),
  )
  digest.text(extra)
  return digest.pair()
}

function mixPartition(digest: RollingDigest, { log, ghost, leaderEpoch, counter, isOpen }: PartitionWorld): void {
  digest.text(`${leaderEpoch} ${counter} ${isOpen} ${log?.offlineReason}`)
  for (const batch of ghost.written) digest.number(batch.digest)
  const { durableTo, decidedTo, highWatermark, logStart, stop, recovered } = ghost
  digest.text(`${durableTo} ${decidedTo} ${highWatermark} ${logStart} ${stop} ${recovered === null}`)
  if (log === null) return
  const { logStartOffset, logEndOffset, lastStableOffset, recoveryPoint, cleanedUpTo } = log
  digest.text(`${logStartOffset} ${logEndOffset} ${lastStableOffset} ${recoveryPoint} ${cleanedUpTo}`)
  digest.text(log.epochs.entries.map((entry) => `${entry.epoch}:${entry.startOffset}`).join() + log.epochs.dirty)
  for (const view of log.producers()) digest.text(Object.values(view).join())
  for (const segment of log.segments()) digest.text(Object.values(segment).join())
}
