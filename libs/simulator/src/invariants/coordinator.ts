/**
 * What must hold of a coordinator while its partition moves from broker to broker, seen from outside: pure functions over
 * small views and a ghost that no actor can see. Commits are told apart by their partition: each names its own, once.
 *
 *   A1  a commit that was answered is in the log of whoever leads the latest epoch and knows it
 *   G5  the coordinator of the latest epoch has every commit that was answered
 *   G6  it has every commit below the high watermark of its log
 *   G7  one coordinator per epoch, and on each broker what the latest word of the metadata says
 *
 * Source: KAFKA-10614, KAFKA-20634; Kafka's CoordinatorRuntime.
 */
import type { ShardPhase } from '@troupe/coordinator'
import type { Violation } from '../model/contract.ts'

/** `t-0` → offset, as text. */
export type Commit = string

export interface CoordinatorView {
  readonly broker: number
  readonly phase: ShardPhase
  readonly leaderEpoch: number
  has(commit: Commit): boolean
}

export interface OffsetsLogView {
  readonly broker: number
  /** Knows that it leads in the latest epoch. */
  readonly leadsLatest: boolean
  /** Of all that it holds. */
  readonly commits: ReadonlySet<Commit>
  /** Of what is below its high watermark. */
  readonly committed: ReadonlySet<Commit>
}

/** The latest word of the metadata that a broker's coordinator has heard. */
interface Word {
  readonly epoch: number
  readonly leads: boolean
}

export interface CoordinatorGhost {
  /** Answered without an error. */
  acked: readonly Commit[]
  readonly told: Map<number, Word>
}

export const newCoordinatorGhost = (): CoordinatorGhost => ({ acked: [], told: new Map() })

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** The coordinator on `broker` hears that it is elected, or resigned, in `epoch`; words may come late. */
export function afterWord(ghost: CoordinatorGhost, broker: number, epoch: number, leads: boolean): void {
  if (epoch >= (ghost.told.get(broker)?.epoch ?? -1)) ghost.told.set(broker, { epoch, leads })
}

export function afterAck(ghost: CoordinatorGhost, commit: Commit): void {
  ghost.acked = [...ghost.acked, commit]
}

export function checkCoordinators(
  ghost: CoordinatorGhost,
  latestEpoch: number,
  coordinators: readonly CoordinatorView[],
  logs: readonly OffsetsLogView[],
): Violation | null {
  return (
    checkAcked(ghost, logs) ??
    checkState(ghost, latestEpoch, coordinators, logs) ??
    checkWords(ghost, coordinators) ??
    checkAlone(coordinators)
  )
}

/** A1. */
function checkAcked({ acked }: CoordinatorGhost, logs: readonly OffsetsLogView[]): Violation | null {
  for (const { broker, leadsLatest, commits } of logs) {
    if (!leadsLatest) continue
    const lost = acked.find((commit) => !commits.has(commit))
    if (lost !== undefined) return broken('A1', `leader ${broker} lacks ${lost}, which was answered`)
  }
  return null
}

/** G5, G6. */
function checkState(
  { acked }: CoordinatorGhost,
  latestEpoch: number,
  coordinators: readonly CoordinatorView[],
  logs: readonly OffsetsLogView[],
): Violation | null {
  for (const coordinator of coordinators) {
    const { broker, phase, leaderEpoch } = coordinator
    if (phase !== 'active' || leaderEpoch !== latestEpoch) continue
    const lost = acked.find((commit) => !coordinator.has(commit))
    if (lost !== undefined) return broken('G5', `coordinator ${broker} does not know ${lost}, which was answered`)
    const log = logs.find((each) => each.broker === broker)
    const missed = log && [...log.committed].find((commit) => !coordinator.has(commit))
    if (missed !== undefined) return broken('G6', `coordinator ${broker} does not know ${missed}, which is committed`)
  }
  return null
}

const isServing = ({ phase }: CoordinatorView): boolean => phase === 'active' || phase === 'loading'

/** G7: a late word changes nothing. */
function checkWords({ told }: CoordinatorGhost, coordinators: readonly CoordinatorView[]): Violation | null {
  for (const coordinator of coordinators) {
    const { broker, leaderEpoch, phase } = coordinator
    const word = told.get(broker)
    if (word === undefined) continue
    const { epoch, leads } = word
    if (leads && phase === 'unloaded') return broken('G7', `${broker} is elected in epoch ${epoch}, and unloaded`)
    if (!isServing(coordinator)) continue
    if (!leads) return broken('G7', `${broker} has resigned in epoch ${epoch}, and is ${phase} in ${leaderEpoch}`)
    if (leaderEpoch !== epoch)
      return broken('G7', `${broker} is elected in epoch ${epoch}, and ${phase} in ${leaderEpoch}`)
  }
  return null
}

/** G7: two are never active in one epoch. */
function checkAlone(coordinators: readonly CoordinatorView[]): Violation | null {
  const active = coordinators.filter(({ phase }) => phase === 'active')
  for (const one of active) {
    const other = active.find((each) => each !== one && each.leaderEpoch === one.leaderEpoch)
    if (other) return broken('G7', `${one.broker} and ${other.broker} are coordinators of epoch ${one.leaderEpoch}`)
  }
  return null
}

/** Interesting states, so that no rule holds only because nothing happened. */
export function coordinatorWitnesses(
  { acked }: CoordinatorGhost,
  latestEpoch: number,
  coordinators: readonly CoordinatorView[],
  logs: readonly OffsetsLogView[],
): string[] {
  const names: string[] = []
  const latest = coordinators.find(({ phase, leaderEpoch }) => phase === 'active' && leaderEpoch === latestEpoch)
  if (acked.length > 0) names.push('A1: a commit is answered')
  if (latest !== undefined && latestEpoch > 0 && acked.length > 0) names.push('G5: a new coordinator has loaded')
  if (coordinators.filter(({ phase }) => phase === 'active').length > 1)
    names.push('G7: the old coordinator is active too')
  const [one, other] = logs
  if (one && other && [...one.commits].some((commit) => !other.commits.has(commit))) names.push('A1: a log is ahead')
  if (one && other && isParted(one, other)) names.push('A1: two logs differ')
  return names
}

const isParted = (one: OffsetsLogView, other: OffsetsLogView): boolean =>
  [...one.commits].some((commit) => !other.commits.has(commit)) &&
  [...other.commits].some((commit) => !one.commits.has(commit))
