/**
 * What must hold of a partition's replicas whatever happens: A1 (no acknowledged record is lost), R1 (leader
 * completeness), R2 (log matching), R3 (a leader's high watermark never goes back), R4 (committed records are on every
 * running member of the ISR).
 */
import type { Log } from '@troupe/log/contract'
import { forEachBatch, partitionLeaderEpoch, readRecords, sizeInBytes } from '@troupe/wire/record-batch'
import type { ReplicaState } from '../src/state.ts'
import type { Cluster } from './cluster.ts'

export class Violation extends Error {
  readonly invariant: string
  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`)
    this.invariant = invariant
  }
}

interface Entry {
  readonly epoch: number
  readonly value: string
}

export class Checker {
  readonly #cluster: Cluster
  /** Offset → value, as told to producers that asked for acks=all. */
  readonly #acked = new Map<number, string>()
  /** The largest high watermark that a legitimate leader has shown. */
  #exposed = 0
  /** Everything below it as it was when it became visible. */
  readonly #shown = new Map<number, string>()
  #largestStart = 0
  /** Runs that never get here prove nothing. */
  readonly witnessed = { acknowledged: 0 }

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  acknowledged(offset: number, value: string): void {
    const known = this.#acked.get(offset)
    if (known !== undefined && known !== value) {
      throw new Violation('A1', `offset ${offset} acknowledged as ${known} and as ${value}`)
    }
    this.#acked.set(offset, value)
    this.witnessed.acknowledged++
  }

  /** Cheap checks on the replica that moved, the whole comparison when it shows something new. */
  afterStep(state: ReplicaState): void {
    const { partition } = this.#cluster
    if (state.role !== 'leader' || state.id !== partition.leader || state.leaderEpoch !== partition.leaderEpoch) return
    if (state.log === null) return
    const log = state.log
    this.#largestStart = Math.max(this.#largestStart, log.logStartOffset)
    if (log.highWatermark <= this.#exposed) return
    const entries = entriesOf(log)
    for (let offset = Math.max(this.#exposed, log.logStartOffset); offset < log.highWatermark; offset++) {
      this.#shown.set(offset, entries.get(offset)?.value ?? '?')
    }
    this.#exposed = log.highWatermark
    this.#checkStrongIsr(state, entries)
  }

  /** R4. */
  #checkStrongIsr(state: ReplicaState, entries: ReadonlyMap<number, Entry>): void {
    const highWatermark = state.log?.highWatermark ?? 0
    for (const id of this.#cluster.partition.isr) {
      const member = this.#cluster.brokers.get(id)?.running?.state.log
      if (!member || id === state.id) continue
      const theirs = entriesOf(member)
      const from = Math.max(member.logStartOffset, this.#largestStart)
      for (let offset = from; offset < highWatermark; offset++) {
        if (theirs.get(offset)?.value !== entries.get(offset)?.value) {
          throw new Violation('R4', `offset ${offset} is committed on ${state.id} and not on ISR member ${id}`)
        }
      }
    }
  }

  /** The full comparison, between events. */
  check(): void {
    const { partition, brokers } = this.#cluster
    const logs = [...brokers.values()].flatMap(({ id, running }) =>
      running?.state.log
        ? [
            {
              id,
              log: running.state.log,
              entries: entriesOf(running.state.log),
            },
          ]
        : [],
    )
    for (const a of logs) for (const b of logs) if (a.id < b.id) checkMatching(a, b)
    const leader = brokers.get(partition.leader)?.running?.state
    if (leader?.role !== 'leader' || leader.leaderEpoch !== partition.leaderEpoch || leader.log === null) return
    const entries = entriesOf(leader.log)
    if (leader.log.logEndOffset < this.#exposed) {
      throw new Violation('R1', `leader ${leader.id} ends at ${leader.log.logEndOffset}, ${this.#exposed} was shown`)
    }
    for (const [offset, value] of this.#shown) {
      if (offset >= leader.log.logStartOffset && entries.get(offset)?.value !== value) {
        const found = entries.get(offset)?.value
        throw new Violation('R1', `offset ${offset} was shown as ${value}, leader ${leader.id} has ${found}`)
      }
    }
    for (const [offset, value] of this.#acked) {
      if (offset >= leader.log.logStartOffset && entries.get(offset)?.value !== value) {
        const found = entries.get(offset)?.value
        throw new Violation('A1', `offset ${offset} was acknowledged as ${value}, leader ${leader.id} has ${found}`)
      }
    }
  }

  /** After healing: all in sync, all the same, everything committed. */
  checkHealed(): void {
    this.check()
    const { partition, brokers } = this.#cluster
    if (partition.isr.length !== brokers.size) throw new Violation('L3', `the ISR is ${partition.isr} after healing`)
    const logs = [...brokers.values()].map(({ running }) => running?.state.log as Log)
    const [first] = logs
    const leader = brokers.get(partition.leader)?.running?.state.log as Log
    for (const log of logs) {
      if (log.logEndOffset !== first.logEndOffset) {
        throw new Violation('L3', `ends differ: ${logs.map((each) => each.logEndOffset)}`)
      }
      if (log.highWatermark !== log.logEndOffset) {
        throw new Violation('L3', `high watermarks ${logs.map((each) => each.highWatermark)} of ${log.logEndOffset}`)
      }
      // A follower may start later: it led when records were deleted, and nobody was told that they are.
      if (log.logStartOffset < leader.logStartOffset) {
        throw new Violation('L3', `starts: ${logs.map((each) => each.logStartOffset)}`)
      }
    }
  }
}

/** R2: below both high watermarks equal; and the same (offset, epoch) means the same record and the same prefix. */
function checkMatching(
  a: { id: number; log: Log; entries: Map<number, Entry> },
  b: { id: number; log: Log; entries: Map<number, Entry> },
): void {
  const from = Math.max(a.log.logStartOffset, b.log.logStartOffset)
  const committed = Math.min(a.log.highWatermark, b.log.highWatermark)
  let matchesAbove = false
  for (let offset = Math.min(a.log.logEndOffset, b.log.logEndOffset) - 1; offset >= from; offset--) {
    const left = a.entries.get(offset)
    const right = b.entries.get(offset)
    const isEqual = left?.epoch === right?.epoch && left?.value === right?.value
    if (left?.epoch === right?.epoch) matchesAbove = true
    if ((matchesAbove || offset < committed) && !isEqual) {
      const [mine, theirs] = [left, right].map((entry) => `${entry?.value} of epoch ${entry?.epoch}`)
      throw new Violation('R2', `offset ${offset}: broker ${a.id} has ${mine}, broker ${b.id} ${theirs}`)
    }
  }
}

function entriesOf(log: Log): Map<number, Entry> {
  const entries = new Map<number, Entry>()
  const { slice } = log.read({
    offset: log.logStartOffset,
    maxBytes: 2 ** 30,
    upTo: log.logEndOffset,
    minOneBatch: true,
  })
  if (slice === null) return entries
  const bytes = new Uint8Array(slice.sizeInBytes)
  slice.readInto(bytes, 0)
  forEachBatch(bytes, (at) => {
    const epoch = partitionLeaderEpoch(bytes, at)
    for (const { offset, value } of readRecords(bytes, at, at + sizeInBytes(bytes, at)))
      entries.set(offset, {
        epoch,
        value: new TextDecoder().decode(value ?? undefined),
      })
  })
  return entries
}
