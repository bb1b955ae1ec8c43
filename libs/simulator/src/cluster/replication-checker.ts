/**
 * R1, R2, R3, R9 and R10 on every partition of a whole cluster, after every step of a replica.
 *
 * Ghost: for each partition every batch that some leader's high watermark has passed. Each batch is looked at once, when
 * a high watermark passes it, and all of them whenever somebody becomes leader; so the cost of a step does not grow with
 * the log. (invariants/replication.ts has the full set, for the small worlds of the model checker.)
 *
 *   R1   a leader has everything that was committed before its epoch
 *   R2   below two high watermarks two logs hold the same batches
 *   R3   a high watermark is within its log
 *   R9   what was once exposed at an offset stays
 *   R10  one leader for each leader epoch
 */
import type { Log } from '@troupe/log/contract'
import type { ReplicaState } from '@troupe/replication/state'
import { baseOffset, crc, forEachBatch, lastOffset, partitionLeaderEpoch } from '@troupe/wire/record-batch'
import type { Cell, Host } from '../kernel/host.ts'
import type { Cluster } from './cluster.ts'
import type { Observer } from './observer.ts'
import { bytesOf } from './slice-bytes.ts'
import type { Violations } from './violations.ts'

interface Committed {
  readonly nextOffset: number
  readonly epoch: number
  readonly crc: number
}

interface PartitionGhost {
  readonly name: string
  /** By base offset. */
  readonly batches: Map<number, Committed>
  highWatermark: number
  /** In which the last leader has moved the high watermark. */
  epoch: number
  readonly leaders: Map<number, number>
}

/** What was seen of a replica's life. */
interface Seen {
  role: string
  leaderEpoch: number
  highWatermark: number
}

const readBytes = 64 * 1024

export class ReplicationChecker implements Observer {
  private readonly cluster: Cluster
  private readonly violations: Violations
  private readonly ghosts = new Map<string, PartitionGhost>()
  /** By the actor's life. */
  private readonly seen = new WeakMap<Cell, Seen>()

  constructor(cluster: Cluster, violations: Violations) {
    this.cluster = cluster
    this.violations = violations
  }

  stepped(host: Host, cell: Cell): void {
    if (cell.kind !== 'replica') return
    const state = cell.state as ReplicaState
    const { log } = state
    if (log === null || log.offlineReason !== null) return
    let seen = this.seen.get(cell)
    if (seen === undefined) this.seen.set(cell, (seen = { role: 'none', leaderEpoch: -1, highWatermark: 0 }))
    const becameLeader = state.role === 'leader' && (seen.role !== 'leader' || seen.leaderEpoch !== state.leaderEpoch)
    if (!becameLeader && log.highWatermark === seen.highWatermark) {
      seen.role = state.role
      return
    }
    // Faults of the disk are for the broker; this reads all the same.
    const { disk } = this.cluster.broker(host.id)
    const { fault } = disk
    disk.fault = null
    this.look(host, state, log, seen, this.ghostOf(cell.name, state), becameLeader)
    disk.fault = fault
  }

  private look(
    host: Host,
    state: ReplicaState,
    log: Log,
    seen: Seen,
    ghost: PartitionGhost,
    becameLeader: boolean,
  ): void {
    if (log.highWatermark > log.logEndOffset)
      this.report('R3', ghost, host, 'its high watermark is past the end of its log')
    if (becameLeader) this.checkLeader(ghost, host, state, log)
    if (log.highWatermark > seen.highWatermark) this.passed(ghost, host, state, log, seen.highWatermark)
    seen.role = state.role
    seen.leaderEpoch = state.leaderEpoch
    seen.highWatermark = log.highWatermark
  }

  private checkLeader(ghost: PartitionGhost, host: Host, state: ReplicaState, log: Log): void {
    const { leaderEpoch } = state
    const other = ghost.leaders.get(leaderEpoch)
    if (other === undefined) ghost.leaders.set(leaderEpoch, host.id)
    else if (other !== host.id) this.report('R10', ghost, host, `leads epoch ${leaderEpoch}, as b${other} did`)
    // Who hears late of an epoch that is over leads nobody.
    if (leaderEpoch < ghost.epoch) return
    this.violations.witness('R1: a leader over committed records')
    if (log.logEndOffset < ghost.highWatermark) {
      const what = `leader of epoch ${leaderEpoch} ends at ${log.logEndOffset}, committed is up to ${ghost.highWatermark}`
      return this.report('R1', ghost, host, what)
    }
    if (!isCompacted(state)) this.compare('R1', ghost, host, log, log.logStartOffset, ghost.highWatermark)
  }

  private passed(ghost: PartitionGhost, host: Host, state: ReplicaState, log: Log, from: number): void {
    const to = log.highWatermark
    // What a disk has lost the checkpoint of its high watermark still promises; such a follower truncates before it counts.
    if (state.role !== 'leader' && this.cluster.broker(host.id).hasLost) return
    if (!isCompacted(state)) this.compare('R2', ghost, host, log, Math.max(from, log.logStartOffset), to)
    if (state.role !== 'leader') return
    ghost.highWatermark = Math.max(ghost.highWatermark, to)
    ghost.epoch = Math.max(ghost.epoch, state.leaderEpoch)
  }

  /** Batches of [from, to) against what was committed there; what was not becomes so. */
  private compare(id: string, ghost: PartitionGhost, host: Host, log: Log, from: number, to: number): void {
    for (const [base, batch] of batchesOf(log, from, to)) {
      const known = ghost.batches.get(base)
      if (known === undefined) {
        ghost.batches.set(base, batch)
      } else if (known.epoch !== batch.epoch || known.crc !== batch.crc || known.nextOffset !== batch.nextOffset) {
        const epochs = `is of epoch ${batch.epoch} and was committed in epoch ${known.epoch}`
        const what = `offset ${base} ${epochs} (checksums ${batch.crc}, ${known.crc})`
        return this.report(id, ghost, host, what)
      } else this.violations.witness('R2: the same batch in two logs')
    }
  }

  private ghostOf(name: string, { topic, partition }: ReplicaState): PartitionGhost {
    let ghost = this.ghosts.get(name)
    if (ghost === undefined) {
      ghost = { name: `${topic}-${partition}`, batches: new Map(), highWatermark: 0, epoch: -1, leaders: new Map() }
      this.ghosts.set(name, ghost)
    }
    return ghost
  }

  private report(id: string, ghost: PartitionGhost, host: Host, what: string): void {
    this.violations.report(id, `${ghost.name} at ${host.name}: ${what}`)
  }
}

/** The cleaner rewrites batches, so only their ends can be compared. */
function isCompacted({ config }: ReplicaState): boolean {
  return config.log['cleanup.policy'].includes('compact')
}

function* batchesOf(log: Log, from: number, to: number): Iterable<[number, Committed]> {
  for (let offset = from; offset < to;) {
    const { slice } = log.read({ offset, maxBytes: readBytes, upTo: to, minOneBatch: true })
    if (slice === null) return
    const bytes = bytesOf(slice)
    const found: [number, Committed][] = []
    forEachBatch(bytes, (at) => {
      const nextOffset = lastOffset(bytes, at) + 1
      found.push([baseOffset(bytes, at), { nextOffset, epoch: partitionLeaderEpoch(bytes, at), crc: crc(bytes, at) }])
    })
    const last = found.at(-1)
    if (last === undefined || last[1].nextOffset <= offset) return
    yield* found
    offset = last[1].nextOffset
  }
}
