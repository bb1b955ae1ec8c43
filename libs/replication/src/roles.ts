/**
 * Role changes. `become…` are the only functions that set the role; the edges are in state.ts.
 *
 * Source: Kafka's Partition.{makeLeader,makeFollower,updateAssignmentAndIsr,markOffline}, ReplicaManager.applyDelta.
 */
import { actorNames, type Outbox, type PartitionView } from '@troupe/actor'
import type { DirectoryFailed } from '@troupe/controller/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { failAwaiting, failCoordinators } from './awaiting.ts'
import { completeDeletes, failDeletes } from './delete-records.ts'
import { startFetching, stopFetching } from './follower.ts'
import { advance } from './high-watermark.ts'
import { confirmRecovery, expandCaughtUp, scheduleIsrTick, stopIsrTick } from './isr.ts'
import { newFollower } from './leader.ts'
import type { PartitionUpdate } from './messages.ts'
import { failParkedFetch } from './parked-fetches.ts'
import { logOf, roleEdges, timers, type ReplicaEnv, type ReplicaState, type Role } from './state.ts'
import { failVerifications } from './verification.ts'
import { failWatches } from './watch.ts'

/** PartitionView.leaderRecoveryState after an unclean election. */
const RECOVERING = 1

function setRole(state: ReplicaState, role: Role): void {
  state.role = roleEdges(state.role, role)
}

export function onPartition(state: ReplicaState, message: PartitionUpdate, env: ReplicaEnv, out: Outbox): void {
  const { view, config } = message
  state.eligibleBrokers = message.eligibleBrokers
  state.brokerEpoch = message.brokerEpoch
  if (state.role === 'offline') return
  if (config !== state.config) {
    state.config = config
    logOf(state).configure(config.log)
  }
  // An AlterPartition's answer may have told us more than the metadata that is here by now. Equal is current (Z07c).
  const oldest = env.safeguards.acceptEqualPartitionEpoch ? state.partitionEpoch : state.partitionEpoch + 1
  if (view.leaderEpoch < state.leaderEpoch || view.partitionEpoch < oldest) {
    return reconsider(state, env, out)
  }
  if (view.leader === state.id) becomeLeader(state, view, env, out)
  else becomeFollower(state, view, env, out)
}

/** Configuration or the brokers' state has changed: what hinges on them is looked at again. */
function reconsider(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.role !== 'leader') return
  advance(state, env, out)
  expandCaughtUp(state, env, out)
  completeDeletes(state, out)
}

export function becomeLeader(state: ReplicaState, view: PartitionView, env: ReplicaEnv, out: Outbox): void {
  const wasLeader = state.role === 'leader'
  const isNewEpoch = view.leaderEpoch > state.leaderEpoch || !wasLeader
  const isNewPartitionEpoch = view.partitionEpoch > state.partitionEpoch
  const log = logOf(state)
  if (!wasLeader) stopFetching(state, out)
  setRole(state, 'leader')

  if (isNewEpoch) {
    // Also when nothing is appended in it: a follower may come with a later epoch than our last record's (Z03).
    if (env.safeguards.recordEpochOnElection) log.assignLeaderEpoch(view.leaderEpoch, log.logEndOffset)
    state.leaderEpochStartOffset = log.logEndOffset
    out.trace('replica.leader', {
      leaderEpoch: view.leaderEpoch,
      from: log.logEndOffset,
      highWatermark: log.highWatermark,
      isr: view.isr,
    })
  }
  if (isNewEpoch && wasLeader) endEpoch(state, env, out)
  state.leader = state.id
  state.leaderEpoch = view.leaderEpoch
  state.partitionEpoch = view.partitionEpoch
  // An open proposal outlives metadata that says nothing new, or two proposals could be on their way (Z07a).
  const isOpen = env.safeguards.keepPendingOnMetadata && state.pendingIsr !== null && !state.pendingIsr.refused
  if (isNewPartitionEpoch || isNewEpoch || !isOpen) {
    state.isr = view.isr
    if (state.pendingIsr !== null) out.cancelTimer(timers.alterPartition)
    state.pendingIsr = null
  }
  assignFollowers(state, view, isNewEpoch, env, out)
  if (isNewEpoch) {
    state.seenHighWatermark = log.highWatermark
    state.seenLastStableOffset = log.lastStableOffset
    scheduleIsrTick(state, env, out)
  }
  advance(state, env, out)
  expandCaughtUp(state, env, out)
  completeDeletes(state, out)
  if (view.leaderRecoveryState === RECOVERING) confirmRecovery(state, env, out)
}

/** Re-elected: what belongs to the old epoch ends with it. Produces go on, their records are still ours. */
function endEpoch(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  for (const follower of state.followers.values()) failParkedFetch(state, follower, KafkaError.FENCED_LEADER_EPOCH, out)
  failWatches(state, KafkaError.NOT_LEADER_OR_FOLLOWER, out)
  failCoordinators(state, KafkaError.NOT_LEADER_OR_FOLLOWER, env, out)
}

/** Progress of an earlier epoch proves nothing in this one: a follower may have been truncated or wiped (Z04, Z12a). */
function assignFollowers(
  state: ReplicaState,
  view: PartitionView,
  isNewEpoch: boolean,
  env: ReplicaEnv,
  out: Outbox,
): void {
  for (const [id, follower] of state.followers) {
    if (view.replicas.includes(id)) continue
    failParkedFetch(state, follower, KafkaError.UNKNOWN_LEADER_EPOCH, out)
    state.followers.delete(id)
  }
  const added = view.replicas.some((id) => id !== state.id && !state.followers.has(id))
  for (const id of view.replicas) {
    if (id === state.id) continue
    const known = state.followers.get(id)
    if (known !== undefined && !isNewEpoch) continue
    const follower = known !== undefined && !env.safeguards.resetFollowersOnEpoch ? known : newFollower(id)
    // Members of the ISR have replica.lag.time.max.ms to show themselves; others must not hold anything back.
    follower.lastCaughtUpTimeMs = view.isr.includes(id) ? env.now : -Infinity
    state.followers.set(id, follower)
  }
  if (added && !isNewEpoch) scheduleIsrTick(state, env, out)
}

export function becomeFollower(state: ReplicaState, view: PartitionView, env: ReplicaEnv, out: Outbox): void {
  const isNewEpoch = view.leaderEpoch > state.leaderEpoch || state.role !== 'follower'
  const wasLeader = state.role === 'leader'
  setRole(state, 'follower')
  // A partition that is assigned elsewhere is not copied any more.
  const leader = view.replicas.includes(state.id) ? view.leader : -1
  const isNewLeader = leader !== state.leader
  state.leader = leader
  state.leaderEpoch = view.leaderEpoch
  state.partitionEpoch = view.partitionEpoch
  state.leaderEpochStartOffset = -1
  if (wasLeader) resign(state, KafkaError.NOT_LEADER_OR_FOLLOWER, env, out)
  if (!isNewEpoch && !isNewLeader) return
  const log = logOf(state)
  out.trace('replica.follower', {
    leader,
    leaderEpoch: view.leaderEpoch,
    from: log.logEndOffset,
    highWatermark: log.highWatermark,
  })
  if (!env.safeguards.truncateByEpoch) log.truncateTo(log.highWatermark)
  startFetching(state, env, out)
}

/** The log has met a storage error. Nothing is written any more; everyone who waits is told. */
export function becomeOffline(state: ReplicaState, reason: string, env: ReplicaEnv, out: Outbox): void {
  if (state.role === 'offline') return
  setRole(state, 'offline')
  state.offlineReason = reason
  out.trace('replica.offline', {
    directory: state.log?.directory ?? null,
    topic: state.topic,
    partition: state.partition,
    reason,
  })
  const failed: DirectoryFailed = { kind: 'directoryFailed', reason }
  out.send({ broker: state.id, actor: actorNames.broker }, failed)
  resign(state, KafkaError.KAFKA_STORAGE_ERROR, env, out)
  stopFetching(state, out)
}

/** Everyone who waits for this leader is answered; nothing of its reign is left. */
function resign(state: ReplicaState, error: ErrorCode, env: ReplicaEnv, out: Outbox): void {
  for (const follower of state.followers.values()) failParkedFetch(state, follower, error, out)
  state.followers.clear()
  failAwaiting(state, error, env, out)
  failVerifications(state, error, out)
  failDeletes(state, error, out)
  failWatches(state, error, out)
  state.isr = []
  if (state.pendingIsr !== null) out.cancelTimer(timers.alterPartition)
  state.pendingIsr = null
  stopIsrTick(state, out)
}
