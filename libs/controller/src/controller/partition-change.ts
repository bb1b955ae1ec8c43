/**
 * One change of a partition: completes reassignments, keeps the eligible leader replicas (KIP-966), elects a leader.
 *
 * A clean leader is an active member of the ISR, or of the ELR when the ISR is empty; with neither, the last known
 * leader may lead when it is back, and any active replica where unclean election is allowed.
 * Source: Kafka's PartitionChangeBuilder, PartitionReassignmentReplicas.
 */
import type { PartitionChangeRecordInput } from '@troupe/wire/messages'
import {
  LEADER_UNCHANGED,
  NO_LEADER,
  RECOVERING,
  UNASSIGNED_DIRECTORY,
  type PartitionImage,
  type TopicImage,
} from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { effectiveMinIsr, isActive, isElrEnabled } from './cluster.ts'
import { sameItems, type ControllerState, type DecideEnv } from './decision.ts'

export type Election = 'online' | 'preferred' | 'unclean'

export interface PartitionTarget {
  readonly election?: Election
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly adding?: readonly number[]
  readonly removing?: readonly number[]
  readonly leaderRecoveryState?: number
  /** Replicas that may have lost what they had: they leave the ELR. */
  readonly uncleanShutdown?: readonly number[]
  /** Who may lead; by default every active broker. */
  readonly isAcceptable?: (broker: number) => boolean
}

/** Where the partition is heading; filled step by step. */
interface Target {
  isr: readonly number[]
  replicas: readonly number[]
  adding: readonly number[]
  removing: readonly number[]
  elr: readonly number[]
}

interface Elected {
  readonly leader: number
  readonly unclean: boolean
}

type Change = { -readonly [Field in keyof PartitionChangeRecordInput]: PartitionChangeRecordInput[Field] }

/** The record that takes the partition there, or null when it is there. */
export function changePartition(
  state: ControllerState,
  env: DecideEnv,
  topic: TopicImage,
  before: PartitionImage,
  wanted: PartitionTarget,
): (KnownRecord & { type: 'PartitionChangeRecord' }) | null {
  const elrEnabled = env.safeguards.eligibleLeaderReplicas && isElrEnabled(state)
  const isAcceptable = wanted.isAcceptable ?? ((broker: number) => isActive(state, broker))
  const target: Target = {
    isr: wanted.isr ?? before.isr,
    replicas: wanted.replicas ?? before.replicas,
    adding: wanted.adding ?? before.addingReplicas,
    removing: wanted.removing ?? before.removingReplicas,
    elr: before.elr,
  }
  completeReassignment(target)
  target.elr = elrEnabled
    ? nextElr(target, before, effectiveMinIsr(state, env, topic), wanted.uncleanShutdown ?? [])
    : []
  const elected = elect(target, before, wanted.election ?? 'online', isAcceptable, elrEnabled)
  const change: Change = { topicId: topic.id, partitionId: before.partition }
  applyElection(change, target, before, elected)
  applyMembers(change, target, before, elrEnabled)
  const recovery = wanted.leaderRecoveryState
  if (change.leaderRecoveryState === undefined && recovery !== undefined && recovery !== before.leaderRecoveryState) {
    change.leaderRecoveryState = recovery
  }
  return Object.keys(change).length === 2 ? null : { type: 'PartitionChangeRecord', value: change }
}

/** A reassignment ends when every replica that stays is in the ISR. */
function completeReassignment(target: Target): void {
  const { adding, removing } = target
  if (adding.length === 0 && removing.length === 0) return
  const isr = target.isr.filter((id) => !removing.includes(id))
  const replicas = target.replicas.filter((id) => !removing.includes(id))
  if (isr.length === 0 || replicas.length === 0 || !replicas.every((id) => isr.includes(id))) return
  Object.assign(target, { isr, replicas, adding: [], removing: [] })
}

/** Below min ISR, whoever leaves the ISR stays eligible: the high watermark can't have moved without it. */
function nextElr(target: Target, before: PartitionImage, minIsr: number, unclean: readonly number[]): number[] {
  if (target.isr.length >= minIsr) return []
  const candidates = new Set([...before.elr, ...before.isr])
  return [...candidates].filter(
    (id) => !target.isr.includes(id) && !unclean.includes(id) && target.replicas.includes(id),
  )
}

function elect(
  target: Target,
  before: PartitionImage,
  election: Election,
  isAcceptable: (broker: number) => boolean,
  elrEnabled: boolean,
): Elected {
  const isClean = (id: number): boolean =>
    (target.isr.includes(id) || (target.isr.length === 0 && target.elr.includes(id))) && isAcceptable(id)
  const preferred = target.replicas[0] ?? NO_LEADER
  if (election === 'preferred' && isClean(preferred)) return { leader: preferred, unclean: false }
  if (isClean(before.leader)) return { leader: before.leader, unclean: false }
  const online = target.replicas.find(isClean)
  if (online !== undefined) return { leader: online, unclean: false }
  const [lastKnown] = before.lastKnownElr
  const onlyLastKnown = target.isr.length === 0 && target.elr.length === 0 && before.lastKnownElr.length === 1
  if (elrEnabled && onlyLastKnown && isAcceptable(lastKnown!)) return { leader: lastKnown!, unclean: true }
  if (election === 'unclean') {
    const any = target.replicas.find(isAcceptable)
    if (any !== undefined) return { leader: any, unclean: true }
  }
  return { leader: NO_LEADER, unclean: false }
}

function applyElection(change: Change, target: Target, before: PartitionImage, { leader, unclean }: Elected): void {
  if (leader !== before.leader) {
    change.leader = leader
    if (unclean) {
      // Data may be lost: only the leader itself is known to have what it has.
      target.isr = [leader]
      target.elr = []
      if (before.leaderRecoveryState !== RECOVERING) change.leaderRecoveryState = RECOVERING
    } else if (target.elr.includes(leader)) {
      target.isr = [leader]
      target.elr = target.elr.filter((id) => id !== leader)
    }
  }
  // A replica that is taken away must learn that it follows no more: raise the leader epoch.
  if (change.leader === undefined && !before.replicas.every((id) => target.replicas.includes(id)))
    change.leader = before.leader
}

function applyMembers(change: Change, target: Target, before: PartitionImage, elrEnabled: boolean): void {
  // Without ELR the last member stays in the ISR, so that only it can be elected cleanly.
  if ((target.isr.length > 0 || elrEnabled) && !sameItems(target.isr, before.isr)) change.isr = [...target.isr]
  if (!sameItems(target.elr, before.elr)) change.eligibleLeaderReplicas = [...target.elr]
  applyLastKnownLeader(change, before, elrEnabled)
  if (!sameItems(target.replicas, before.replicas)) {
    change.replicas = [...target.replicas]
    change.directories = target.replicas.map(
      (id) => before.directories[before.replicas.indexOf(id)] ?? UNASSIGNED_DIRECTORY,
    )
  }
  if (!sameItems(target.removing, before.removingReplicas)) change.removingReplicas = [...target.removing]
  if (!sameItems(target.adding, before.addingReplicas)) change.addingReplicas = [...target.adding]
}

/** `lastKnownElr` holds the last leader of a partition that has none. */
function applyLastKnownLeader(change: Change, before: PartitionImage, elrEnabled: boolean): void {
  const { leader = LEADER_UNCHANGED, isr } = change
  const [lastKnown] = before.lastKnownElr
  if (
    elrEnabled &&
    isr?.length === 0 &&
    before.leader !== NO_LEADER &&
    (before.lastKnownElr.length !== 1 || lastKnown !== before.leader)
  ) {
    change.lastKnownElr = [before.leader]
  } else if (
    before.lastKnownElr.length > 0 &&
    (leader >= 0 || (leader === LEADER_UNCHANGED && before.leader !== NO_LEADER))
  ) {
    change.lastKnownElr = []
  }
}
