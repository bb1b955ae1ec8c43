/**
 * What must hold of a replicated partition: A1, R1–R12, K7 of the catalogue. Pure functions over a view (view.ts) and a
 * ghost that no actor can see; models and the whole-cluster simulation call the same ones.
 *
 * `look` remembers what the view shows (it may find a promise broken by that alone); `checkReplication` compares the view
 * with itself and with what is remembered. Both answer the first violation, or null.
 */
import type { Violation } from '../model/contract.ts'
import type { BatchSeen, LogSeen, PartitionSeen, ReplicaSeen, ReplicationSeen } from './view.ts'

/** Plain data, small: a model copies and hashes it. */
export interface ReplicationGhost {
  /** By offset of the batch: digests of what acks=all was answered OK for, and of what a consumer could have read. */
  readonly acked: Record<number, number>
  readonly exposed: Record<number, number>
  /** Everything below was acknowledged by all, or shown by a legitimate leader. */
  trueHighWatermark: number
  /** High watermark that a legitimate leader's clients have seen. */
  visible: number
  /** Leader epoch → who has led in it. */
  readonly leaders: Record<number, number>
  /** Brokers that came back without a clean stop and have not caught up since. */
  unclean: number[]
  /** The partition as the controller had it when it was looked at last. */
  last: PartitionSeen | null
  /** How often a disk has lost something. */
  lossy: number
}

export function newReplicationGhost(): ReplicationGhost {
  return {
    acked: {},
    exposed: {},
    trueHighWatermark: 0,
    visible: 0,
    leaders: {},
    unclean: [],
    last: null,
    lossy: 0,
  }
}

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** The controller's choice, in the epoch in which it is. */
export function isLegitimate({ partition }: ReplicationSeen, replica: ReplicaSeen): boolean {
  return (
    replica.role === 'leader' && replica.broker === partition.leader && replica.leaderEpoch === partition.leaderEpoch
  )
}

export function legitimateLeader(seen: ReplicationSeen): ReplicaSeen | null {
  return seen.replicas.find((replica) => isLegitimate(seen, replica)) ?? null
}

function batchAt(log: LogSeen, offset: number): BatchSeen | undefined {
  return log.batches.find((batch) => batch.baseOffset <= offset && offset <= batch.lastOffset)
}

/** A leader has answered an acks=all write with OK. */
export function acknowledged(ghost: ReplicationGhost, leader: ReplicaSeen, baseOffset: number): void {
  const batch = batchAt(leader.log, baseOffset)
  if (batch === undefined) return
  ghost.acked[batch.baseOffset] = batch.digest
  ghost.trueHighWatermark = Math.max(ghost.trueHighWatermark, batch.lastOffset + 1)
}

/** A broker has registered anew after something else than a clean stop. */
export function cameBackUnclean(ghost: ReplicationGhost, broker: number): void {
  if (!ghost.unclean.includes(broker)) ghost.unclean = [...ghost.unclean, broker]
}

/** A ghost that is copied before it is changed: most events change nothing of it. */
export interface HeldGhost {
  /** As it is now. */
  readonly ghost: ReplicationGhost
  /** To be changed. */
  edit(): ReplicationGhost
}

/** After every event. */
export function look(held: HeldGhost, seen: ReplicationSeen): Violation | null {
  return lookAtController(held, seen) ?? lookAtLeaders(held, seen)
}

/** R10, R12, and the epochs' half of K7. */
function lookAtController(held: HeldGhost, seen: ReplicationSeen): Violation | null {
  const { partition } = seen
  const { last } = held.ghost
  if (last === partition) return null
  held.edit().last = partition
  if (last === null || last.partitionEpoch === partition.partitionEpoch) return null
  if (partition.partitionEpoch < last.partitionEpoch || partition.leaderEpoch < last.leaderEpoch) {
    return broken('R10', `the controller went from epochs ${epochs(last)} back to ${epochs(partition)}`)
  }
  const leader = legitimateLeader(seen)
  if (leader === null || partition.leaderEpoch !== last.leaderEpoch) return null
  for (const id of partition.isr) {
    if (last.isr.includes(id) || id === leader.broker) continue
    const known = leader.followers.get(id)?.logEndOffset ?? -1
    const least = Math.max(leader.log.highWatermark, leader.leaderEpochStartOffset)
    if (known < least) return broken('R12', `b${id} joined the ISR at ${known}; in this epoch it needs ${least}`)
  }
  return null
}

const epochs = ({ leaderEpoch, partitionEpoch }: PartitionSeen): string => `${leaderEpoch}/${partitionEpoch}`

/** R9, R10, the moving half of R3, and who has caught up. */
function lookAtLeaders(held: HeldGhost, seen: ReplicationSeen): Violation | null {
  for (const replica of seen.replicas) {
    if (replica.role !== 'leader') continue
    const { broker, leaderEpoch, log } = replica
    const other = held.ghost.leaders[leaderEpoch]
    if (other === undefined) held.edit().leaders[leaderEpoch] = broker
    else if (other !== broker) return broken('R10', `b${other} and b${broker} lead in epoch ${leaderEpoch}`)
    const changed = expose(held, replica)
    if (changed !== null) return changed
    if (!isLegitimate(seen, replica)) continue
    const { highWatermark } = log
    if (highWatermark > held.ghost.trueHighWatermark) held.edit().trueHighWatermark = highWatermark
    if (held.ghost.unclean.length > 0) noteCaughtUp(held, seen, replica)
    // Before it has committed up to where its epoch began, a leader does not say where the log ends (KIP-207).
    if (highWatermark < replica.leaderEpochStartOffset) continue
    const { visible } = held.ghost
    if (highWatermark < visible) {
      return broken('R3', `clients saw the high watermark at ${visible}, now b${broker} shows ${highWatermark}`)
    }
    if (highWatermark > visible) held.edit().visible = highWatermark
  }
  return null
}

function expose(held: HeldGhost, { broker, log }: ReplicaSeen): Violation | null {
  for (const { baseOffset, lastOffset, digest } of log.batches) {
    if (lastOffset >= log.highWatermark) break
    const before = held.ghost.exposed[baseOffset]
    if (before === undefined) held.edit().exposed[baseOffset] = digest
    else if (before !== digest) {
      return broken('R9', `b${broker} shows another record at ${baseOffset} than was shown before`)
    }
  }
  return null
}

function noteCaughtUp(held: HeldGhost, { brokers, partition }: ReplicationSeen, leader: ReplicaSeen): void {
  const least = Math.max(leader.log.highWatermark, leader.leaderEpochStartOffset)
  const isBehind = (id: number): boolean => {
    // What was elected as the last hope is the truth from then on.
    if (id === leader.broker) return !partition.isRecovering
    const known = leader.followers.get(id)
    return known === undefined || known.logEndOffset < least || known.brokerEpoch !== brokers.get(id)?.epoch
  }
  const { unclean } = held.ghost
  const rest = unclean.filter(isBehind)
  if (rest.length < unclean.length) held.edit().unclean = rest
}

/** In every world. */
export function checkReplication(ghost: ReplicationGhost, seen: ReplicationSeen): Violation | null {
  return checkController(ghost, seen) ?? checkLeader(ghost, seen) ?? checkLogs(seen) ?? checkCopies(ghost, seen)
}

/** R6, R7, R8. */
function checkController(
  ghost: ReplicationGhost,
  { partition, brokers, minIsr, isElrEnabled }: ReplicationSeen,
): Violation | null {
  const { isr, elr, lastKnownElr, replicas } = partition
  // Without ELR the last member stays, so that only it can be elected.
  const mayStay = !isElrEnabled && isr.length === 1
  for (const id of mayStay ? [] : isr) {
    const broker = brokers.get(id)
    if (broker === undefined || broker.fenced || broker.inControlledShutdown)
      return broken('R6', `b${id} is in the ISR and not active`)
  }
  if (!isElrEnabled) return null
  for (const id of partition.isRecovering ? [] : ghost.unclean) {
    if (isr.includes(id) || elr.includes(id))
      return broken('R7', `b${id} came back without a clean stop and is in ISR or ELR`)
  }
  if (isr.some((id) => elr.includes(id))) return broken('R8', `ISR [${isr.join()}] and ELR [${elr.join()}] overlap`)
  if (isr.length >= Math.min(minIsr, replicas.length) && elr.length > 0) return broken('R8', 'an ELR beside a full ISR')
  if (isr.length + elr.length === 0 && lastKnownElr.length !== 1)
    return broken('R8', 'nobody is known to have led last')
  return null
}

/** A1, R1, R5. */
function checkLeader(ghost: ReplicationGhost, seen: ReplicationSeen): Violation | null {
  const leader = legitimateLeader(seen)
  if (leader === null) return null
  const { partition, minIsr } = seen
  const { log, broker } = leader
  if (leader.isr.length >= Math.min(minIsr, partition.replicas.length)) {
    const missing = [...partition.isr, ...partition.elr].find((id) => !leader.maximalIsr.includes(id))
    if (missing !== undefined) {
      return broken('R5', `b${broker} reckons with [${leader.maximalIsr.join()}], the controller also with b${missing}`)
    }
  }
  if (log.logEndOffset < ghost.trueHighWatermark) {
    return broken(
      'R1',
      `b${broker} leads epoch ${leader.leaderEpoch} and ends at ${log.logEndOffset}; committed was ${ghost.trueHighWatermark}`,
    )
  }
  const lost = firstMissing(ghost.exposed, log)
  if (lost !== null)
    return broken('R1', `b${broker} leads epoch ${leader.leaderEpoch} without the committed batch at ${lost}`)
  const unkept = firstMissing(ghost.acked, log)
  return unkept === null ? null : broken('A1', `b${broker} leads without the acknowledged batch at ${unkept}`)
}

function firstMissing(promised: Readonly<Record<number, number>>, log: LogSeen): number | null {
  for (const key in promised) {
    const offset = Number(key)
    if (offset >= log.logStartOffset && batchAt(log, offset)?.digest !== promised[offset]) return offset
  }
  return null
}

/** R2, R3, R4, R11. */
function checkLogs(seen: ReplicationSeen): Violation | null {
  const { replicas } = seen
  for (let index = 0; index < replicas.length; index++) {
    const one = replicas[index]!
    const violation = checkLog(one)
    if (violation !== null) return violation
    for (let other = index + 1; other < replicas.length; other++) {
      const differs = checkPair(one, replicas[other]!)
      if (differs !== null) return differs
    }
    if (one.role === 'leader') {
      const missing = checkStrongIsr(seen, one)
      if (missing !== null) return missing
    }
  }
  return null
}

function checkLog({ broker, log }: ReplicaSeen): Violation | null {
  const { highWatermark, logEndOffset, batches } = log
  if (highWatermark > logEndOffset)
    return broken('R3', `b${broker}: high watermark ${highWatermark} past the end ${logEndOffset}`)
  for (const { baseOffset, epoch } of batches) {
    if (baseOffset < log.logStartOffset) continue
    const cached = log.epochForOffset(baseOffset)
    if (cached !== epoch)
      return broken('R11', `b${broker}: the batch at ${baseOffset} is of epoch ${epoch}, its cache says ${cached}`)
  }
  return null
}

/** Committed records are equal; and equal offset and epoch mean the same batch, and the same before it. */
function checkPair(a: ReplicaSeen, b: ReplicaSeen): Violation | null {
  const committed = Math.min(a.log.highWatermark, b.log.highWatermark)
  const count = Math.min(a.log.batches.length, b.log.batches.length)
  const from = Math.max(a.log.batches[0]?.baseOffset ?? 0, b.log.batches[0]?.baseOffset ?? 0)
  const [left, right] = [from, from].map((base, i) =>
    [a, b][i]!.log.batches.filter((batch) => batch.baseOffset >= base),
  )
  let differs = -1
  for (let i = 0; i < count; i++) {
    const [x, y] = [left![i], right![i]]
    if (x === undefined || y === undefined) break
    if (x.digest === y.digest) {
      if (differs >= 0)
        return broken('R2', `b${a.broker} and b${b.broker} agree at ${x.baseOffset}, not at ${differs} before it`)
      continue
    }
    if (x.lastOffset < committed || y.lastOffset < committed) {
      return broken('R2', `b${a.broker} and b${b.broker} differ in the committed batch at ${x.baseOffset}`)
    }
    if (x.baseOffset === y.baseOffset && x.epoch === y.epoch) {
      return broken('R2', `b${a.broker} and b${b.broker} have different batches of epoch ${x.epoch} at ${x.baseOffset}`)
    }
    if (differs < 0) differs = x.baseOffset
  }
  return null
}

/** What anyone who thinks to lead holds for committed is on every running member of the controller's ISR. */
function checkStrongIsr({ partition, replicas }: ReplicationSeen, leader: ReplicaSeen): Violation | null {
  const { log } = leader
  for (const replica of replicas) {
    if (replica === leader || !partition.isr.includes(replica.broker)) continue
    for (const batch of log.batches) {
      if (batch.lastOffset >= log.highWatermark) break
      if (batch.baseOffset < replica.log.logStartOffset) continue
      if (batchAt(replica.log, batch.baseOffset)?.digest !== batch.digest) {
        return broken(
          'R4',
          `b${leader.broker} holds offset ${batch.baseOffset} for committed; b${replica.broker}, in the ISR, lacks it`,
        )
      }
    }
  }
  return null
}

/** R8: an acknowledged record is somewhere, while no more disks have failed than min ISR allows for. */
function checkCopies(ghost: ReplicationGhost, { replicas, stopped, minIsr }: ReplicationSeen): Violation | null {
  if (ghost.lossy > minIsr - 1) return null
  const logs = [...replicas.map(({ log }) => log), ...stopped]
  for (const key in ghost.acked) {
    const offset = Number(key)
    const isThere = (log: LogSeen): boolean =>
      log.logStartOffset > offset || batchAt(log, offset)?.digest === ghost.acked[offset]
    if (!logs.some(isThere)) return broken('R8', `no replica has the acknowledged batch at ${offset}`)
  }
  return null
}

/** K7: the controller has applied an AlterPartition that was meant for another partition epoch. */
export function checkApplied(named: number, before: number): Violation | null {
  return named === before ? null : broken('K7', `AlterPartition for partition epoch ${named} was applied to ${before}`)
}

/** The *sometimes* of each invariant: what must have been seen for its silence to mean anything. */
export function replicationWitnesses(ghost: ReplicationGhost, seen: ReplicationSeen): string[] {
  const found: string[] = []
  const { partition, replicas } = seen
  const add = (name: string, holds: boolean): void => void (holds && found.push(name))
  add('A1 acknowledged', Object.keys(ghost.acked).length > 0)
  add(
    'R1 led anew over committed records',
    partition.leaderEpoch > 0 && ghost.trueHighWatermark > 0 && legitimateLeader(seen) !== null,
  )
  add(
    'R2 logs differ',
    replicas.some(({ log }) => log.logEndOffset !== replicas[0]?.log.logEndOffset),
  )
  add(
    'R3 high watermarks differ',
    replicas.some(({ log }) => log.highWatermark !== replicas[0]?.log.highWatermark),
  )
  add('R4 two presume to lead', replicas.filter(({ role }) => role === 'leader').length > 1)
  add(
    'R5 a proposal is open',
    replicas.some(({ isPending }) => isPending),
  )
  add(
    'R6 a fenced broker runs',
    replicas.some(({ broker }) => seen.brokers.get(broker)?.fenced === true),
  )
  add('R7 back without a clean stop', ghost.unclean.length > 0)
  add('R8 an ELR', partition.elr.length > 0)
  add('R9 shown', Object.keys(ghost.exposed).length > 0)
  add('R10 three epochs', partition.leaderEpoch >= 2)
  add(
    'R11 two epochs in a log',
    replicas.some(({ log }) => new Set(log.batches.map(({ epoch }) => epoch)).size > 1),
  )
  add('R12 out of the ISR', partition.isr.length < partition.replicas.length)
  add('K7 partition epochs', partition.partitionEpoch > 1)
  return found
}
