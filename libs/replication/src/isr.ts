/**
 * Changes of the in-sync replica set: the leader proposes, the controller decides (AlterPartition).
 *
 * One proposal at a time, compared and set on the partition epoch, naming the broker epoch of every member. While it
 * is open, an expansion counts for the high watermark already (Z06) and a shrink does not yet. A reply that is lost is
 * asked for again; newer metadata settles it in any case (Z07).
 *
 * Source: Kafka's Partition.{maybeExpandIsr,maybeShrinkIsr,submitAlterPartition,handleAlterPartitionError,
 * handleAlterPartitionUpdate}, AlterPartitionManager.
 */
import { actorNames, isFailed, type Outbox } from '@troupe/actor'
import type { ControllerRefused, ControllerRequest } from '@troupe/controller/messages'
import { KafkaError } from '@troupe/wire/errors'
import type { AlterPartitionRequest, AlterPartitionResponseInput } from '@troupe/wire/messages'
import { advance } from './high-watermark.ts'
import { isCaughtUp, isEligible } from './isr-state.ts'
import { logOf, timers, type FollowerProgress, type PendingIsr, type ReplicaEnv, type ReplicaState } from './state.ts'

/** AlterPartitionManager's pause between attempts. */
const RETRY_MS = 50
/** After this the request or its answer counts as lost. */
const ANSWER_TIMEOUT_MS = 5_000

/** In sync again: has all that is committed, and all that there was when this leader epoch began (Z04). */
export function maybeExpandIsr(state: ReplicaState, follower: FollowerProgress, env: ReplicaEnv, out: Outbox): void {
  if (state.pendingIsr !== null || state.isr.includes(follower.id)) return
  if (follower.logEndOffset < 0 || follower.logEndOffset < logOf(state).highWatermark) return
  if (env.safeguards.isrRequiresEpochStart && follower.logEndOffset < state.leaderEpochStartOffset) return
  if (!isEligible(state, follower, env)) return
  propose(state, 'expand', [...state.isr, follower.id], env, out)
}

/** Every half replica.lag.time.max.ms, as Kafka's isr-expiration does. */
export function onIsrTick(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.role !== 'leader') return
  scheduleIsrTick(state, env, out)
  if (state.pendingIsr === null) {
    const { logEndOffset } = logOf(state)
    const remaining = state.isr.filter((id) => {
      if (id === state.id) return true
      const follower = state.followers.get(id)
      return follower !== undefined && isCaughtUp(state, follower, logEndOffset, env.now)
    })
    if (remaining.length < state.isr.length) propose(state, 'shrink', remaining, env, out)
  }
  // A follower that stopped catching up holds nothing back any more; an expansion that was refused is tried again.
  advance(state, env, out)
  expandCaughtUp(state, env, out)
}

/**
 * When something else than a fetch may have made a follower eligible. One that is not behind the high watermark only
 * because that cannot move must show itself first: it may have been dropped a moment ago.
 */
export function expandCaughtUp(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const { logEndOffset } = logOf(state)
  for (const follower of state.followers.values()) {
    if (isCaughtUp(state, follower, logEndOffset, env.now)) maybeExpandIsr(state, follower, env, out)
  }
}

/**
 * After an unclean election: this log is the truth now, as it is. Every AlterPartition says so; where no follower is there
 * to bring one about, it is sent for this alone (Kafka leaves such a partition marked as recovering).
 */
export function confirmRecovery(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.pendingIsr === null) propose(state, 'expand', state.isr, env, out)
}

export function scheduleIsrTick(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (state.followers.size === 0) return stopIsrTick(state, out)
  state.isrTimerSet = true
  const intervalMs = Math.max(1, Math.floor(state.config['replica.lag.time.max.ms'] / 2))
  out.setTimer(timers.isr, env.now + intervalMs, { kind: 'isr' })
}

export function stopIsrTick(state: ReplicaState, out: Outbox): void {
  if (state.isrTimerSet) out.cancelTimer(timers.isr)
  state.isrTimerSet = false
}

function propose(
  state: ReplicaState,
  kind: PendingIsr['kind'],
  isr: readonly number[],
  env: ReplicaEnv,
  out: Outbox,
): void {
  const brokerEpochs = isr.map((id) => brokerEpochOf(state, id))
  state.pendingIsr = { kind, isr, brokerEpochs, requestId: -1, attempts: 0, refused: false }
  out.trace(`isr.${kind}`, { from: state.isr, to: isr, partitionEpoch: state.partitionEpoch })
  submit(state, state.pendingIsr, env, out)
}

function submit(state: ReplicaState, pending: PendingIsr, env: ReplicaEnv, out: Outbox): void {
  pending.requestId = state.nextId++
  pending.attempts++
  const body: AlterPartitionRequest = {
    brokerId: state.id,
    brokerEpoch: state.brokerEpoch,
    topics: [
      {
        topicId: state.topicId,
        partitions: [
          {
            partitionIndex: state.partition,
            leaderEpoch: state.leaderEpoch,
            newIsr: [],
            newIsrWithEpochs: membersOf(state, pending, env),
            leaderRecoveryState: 0,
            partitionEpoch: state.partitionEpoch,
          },
        ],
      },
    ],
  }
  const request: ControllerRequest<'AlterPartition', AlterPartitionRequest> = {
    kind: 'controllerRequest',
    replyTo: { ...env.self, id: pending.requestId },
    api: 'AlterPartition',
    body,
  }
  out.send({ broker: state.id, actor: actorNames.controller }, request)
  out.setTimer(timers.alterPartition, env.now + ANSWER_TIMEOUT_MS, { kind: 'alterPartitionDue' })
}

/**
 * The incarnations that were found in sync. When the proposal is sent again, one of them may have come back empty: who
 * it is by now proves nothing (KAFKA-15221).
 */
function membersOf(
  state: ReplicaState,
  { isr, brokerEpochs }: PendingIsr,
  { safeguards }: ReplicaEnv,
): { brokerId: number; brokerEpoch: number }[] {
  return isr.map((brokerId, index) => ({
    brokerId,
    brokerEpoch: safeguards.eligibilitySingleSnapshot ? brokerEpochs[index] : brokerEpochOf(state, brokerId),
  }))
}

/** −1: has not fetched in this epoch, and the controller need not compare; a crash of it bumps the partition epoch. */
function brokerEpochOf(state: ReplicaState, id: number): number {
  return id === state.id ? state.brokerEpoch : (state.followers.get(id)?.brokerEpoch ?? -1)
}

export function onAlterPartitionDue(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  const pending = state.pendingIsr
  if (state.role === 'leader' && pending !== null && !pending.refused) submit(state, pending, env, out)
}

export function onAlterPartitionAnswer(state: ReplicaState, body: unknown, env: ReplicaEnv, out: Outbox): void {
  const pending = state.pendingIsr as PendingIsr
  pending.requestId = -1
  const answer = read(state, body)
  if (answer.error === KafkaError.NONE) return apply(state, pending, answer, env, out)
  out.trace('isr.refused', { error: answer.error, isr: pending.isr })
  switch (answer.error) {
    case KafkaError.OPERATION_NOT_ATTEMPTED:
    case KafkaError.INELIGIBLE_REPLICA:
      // The controller says that our partition epoch is right and that nothing was changed, now or ever.
      state.pendingIsr = null
      out.cancelTimer(timers.alterPartition)
      return advance(state, env, out)
    case KafkaError.UNKNOWN_TOPIC_OR_PARTITION:
    case KafkaError.UNKNOWN_TOPIC_ID:
    case KafkaError.FENCED_LEADER_EPOCH:
    case KafkaError.INVALID_UPDATE_VERSION:
    case KafkaError.INVALID_REQUEST:
    case KafkaError.NEW_LEADER_ELECTED:
      // What holds now is in metadata that is on its way; until then the proposal may be true or not.
      pending.refused = true
      return out.cancelTimer(timers.alterPartition)
    default:
      out.setTimer(timers.alterPartition, env.now + RETRY_MS, { kind: 'alterPartitionDue' })
  }
}

interface Answered {
  error: number
  leaderEpoch: number
  partitionEpoch: number
  isr: readonly number[]
}

function read(state: ReplicaState, body: unknown): Answered {
  const nothing = { leaderEpoch: -1, partitionEpoch: -1, isr: [] }
  if (isFailed(body)) return { error: KafkaError.NETWORK_EXCEPTION, ...nothing }
  if ((body as ControllerRefused).kind === 'refused') return { error: (body as ControllerRefused).error, ...nothing }
  const { errorCode, topics } = body as AlterPartitionResponseInput
  if (errorCode) return { error: retriableAtTop(errorCode), ...nothing }
  const partition = topics
    ?.find((topic) => topic.topicId === state.topicId)
    ?.partitions?.find((candidate) => (candidate.partitionIndex ?? 0) === state.partition)
  if (partition === undefined) return { error: KafkaError.UNKNOWN_SERVER_ERROR, ...nothing }
  return {
    error: partition.errorCode ?? 0,
    leaderEpoch: partition.leaderEpoch ?? 0,
    partitionEpoch: partition.partitionEpoch ?? 0,
    isr: partition.isr ?? [],
  }
}

/** Errors of the whole request (a stale broker epoch, no controller) say nothing about the partition: retried. */
function retriableAtTop(error: number): number {
  return error === KafkaError.STALE_BROKER_EPOCH ? error : KafkaError.NETWORK_EXCEPTION
}

function apply(state: ReplicaState, pending: PendingIsr, answer: Answered, env: ReplicaEnv, out: Outbox): void {
  out.cancelTimer(timers.alterPartition)
  // Of another epoch: the metadata that made it so settles the proposal too.
  if (answer.leaderEpoch !== state.leaderEpoch || answer.partitionEpoch < state.partitionEpoch) {
    pending.refused = true
    return
  }
  state.isr = answer.isr
  state.partitionEpoch = answer.partitionEpoch
  state.pendingIsr = null
  out.trace('isr.changed', { isr: state.isr, partitionEpoch: state.partitionEpoch })
  advance(state, env, out)
  expandCaughtUp(state, env, out)
}
