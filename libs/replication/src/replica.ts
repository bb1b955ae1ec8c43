/**
 * The partition replica: one actor per partition and broker, the only one that touches its log.
 *
 * `step` is a switch with one function per message; each lives in the file of its concern:
 *
 *   roles.ts               who we are: metadata, become…
 *   leader.ts, parked-fetches.ts, high-watermark.ts, isr.ts    followers' fetches, what is committed, AlterPartition
 *   follower.ts            copying the leader's log
 *   produce.ts, awaiting.ts    clients' batches, and who waits until they are committed
 *   verification.ts, markers.ts    KIP-890 before a transaction opens, and its end
 *   coordinator-append.ts  coordinators' own log
 *   fetch.ts, watch.ts, offsets.ts, delete-records.ts, describe.ts    clients' reads
 *   flush.ts, maintenance.ts   upkeep
 *
 * A storage error in a step takes the replica offline; the step's request is told so, and nothing more is written.
 * Source: Kafka's Partition and ReplicaManager.
 */
import { actorNames, type ActorDefinition, type Outbox, type Reply } from '@troupe/actor'
import type { RefreshPartition } from '@troupe/controller/messages'
import { StorageError } from '@troupe/log/file-system'
import { KafkaError } from '@troupe/wire/errors'
import { expireAwaiting } from './awaiting.ts'
import { onAppend, onAwaitCommitted, onReadLog } from './coordinator-append.ts'
import { expireDeletes, onDeleteRecords } from './delete-records.ts'
import { onDescribe, onDescribeProducers } from './describe.ts'
import { onFetch } from './fetch.ts'
import { onFlushDue, releaseSettled } from './flush.ts'
import { onFetchDue, onFetched, resumeFetching } from './follower.ts'
import { advance } from './high-watermark.ts'
import { invariants } from './invariants.ts'
import { onAlterPartitionAnswer, onAlterPartitionDue, onIsrTick } from './isr.ts'
import { onFollowerFetch } from './leader.ts'
import { onMaintain } from './maintenance.ts'
import { onWriteTxnMarker } from './markers.ts'
import type { FollowerFetched, ReplicaArgs, ReplicaRequest } from './messages.ts'
import { onListOffset, onOffsetForLeaderEpoch } from './offsets.ts'
import { expireParkedFetches, onPropagate } from './parked-fetches.ts'
import { onProduce } from './produce.ts'
import { refusal } from './refusals.ts'
import { becomeOffline, onPartition } from './roles.ts'
import { answer, expireAt, newState, type ReplicaEnv, type ReplicaMessage, type ReplicaState } from './state.ts'
import { expireVerifications, onVerificationAnswer, onVerificationDue, onVerifyTransaction } from './verification.ts'
import { onUnwatch, onWatch } from './watch.ts'

/** There is no `stop`: the log stays open in its directory, which closes it, or hands it to the replica's next life. */
export const replicaActor: ActorDefinition<ReplicaState, ReplicaMessage, ReplicaEnv, ReplicaArgs> = {
  kind: 'replica',
  start,
  step,
  invariants,
}

function start(args: ReplicaArgs, env: ReplicaEnv, out: Outbox): ReplicaState {
  const state = newState(args, env)
  // After a crash nobody tells this life of it what to be; the first life has been told in the same breath.
  const refresh: RefreshPartition = { kind: 'refreshPartition', topicId: args.topicId, partition: args.partition }
  out.send({ broker: env.self.broker, actor: actorNames.broker }, refresh)
  try {
    state.log = env.logs.open(args.topic, args.topicId, args.partition, args.config.log, env.now)
    if (state.log.offlineReason !== null) becomeOffline(state, state.log.offlineReason, env, out)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    becomeOffline(state, error.message, env, out)
  }
  return state
}

function step(state: ReplicaState, message: ReplicaMessage, env: ReplicaEnv, out: Outbox): void {
  state.request = 'replyTo' in message ? (message.replyTo ?? null) : null
  if (state.role === 'offline') return refuseOffline(state, message, out)
  try {
    dispatch(state, message, env, out)
    if (state.log !== null && state.log.offlineReason !== null) becomeOffline(state, state.log.offlineReason, env, out)
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    becomeOffline(state, error.message, env, out)
    if (state.request !== null) {
      answer(state, out, state.request, refusal(state, message as ReplicaRequest, KafkaError.KAFKA_STORAGE_ERROR))
    }
  }
}

function dispatch(state: ReplicaState, message: ReplicaMessage, env: ReplicaEnv, out: Outbox): void {
  switch (message.kind) {
    case 'produce':
      return onProduce(state, message, env, out)
    case 'followerFetch':
      return onFollowerFetch(state, message, env, out)
    case 'fetch':
      return onFetch(state, message, env, out)
    case 'reply':
      return onReply(state, message, env, out)
    case 'watch':
      return onWatch(state, message, out)
    case 'unwatch':
      return onUnwatch(state, message)
    case 'append':
      return onAppend(state, message, env, out)
    case 'writeTxnMarker':
      return onWriteTxnMarker(state, message, env, out)
    case 'verifyTransaction':
      return onVerifyTransaction(state, message, env, out)
    case 'awaitCommitted':
      return onAwaitCommitted(state, message, env, out)
    case 'readLog':
      return onReadLog(state, message, env, out)
    case 'listOffset':
      return onListOffset(state, message, out)
    case 'offsetForLeaderEpoch':
      return onOffsetForLeaderEpoch(state, message, out)
    case 'deleteRecords':
      return onDeleteRecords(state, message, env, out)
    case 'describeProducers':
      return onDescribeProducers(state, message, out)
    case 'describe':
      return onDescribe(state, message, out)
    case 'partition':
      return onPartition(state, message, env, out)
    case 'maintain':
      return onMaintain(state, env, out)
    case 'expiry':
      return onExpiry(state, env, out)
    case 'propagate':
      return onPropagate(state, out)
    case 'isr':
      return onIsrTick(state, env, out)
    case 'alterPartitionDue':
      return onAlterPartitionDue(state, env, out)
    case 'fetchDue':
      return onFetchDue(state, env, out)
    case 'verificationDue':
      return onVerificationDue(state, message.producerId, env, out)
    case 'flushDue':
      return onFlush(state, env, out)
  }
}

/** Answers to what we have asked: our leader, the controller, transaction coordinators. Others are of the past. */
function onReply(state: ReplicaState, { id, body }: Reply, env: ReplicaEnv, out: Outbox): void {
  if (state.fetcher.inFlight?.id === id) return onFetched(state, body, env, out)
  if (state.pendingIsr?.requestId === id) return onAlterPartitionAnswer(state, body, env, out)
  if (state.verificationRequests.has(id)) return onVerificationAnswer(state, id, body, env, out)
  // Z12b: what an answer to an earlier fetch would do if it were believed.
  if (!env.safeguards.matchFetchResponse && state.role === 'follower' && isFollowerFetched(body)) {
    onFetched(state, body, env, out)
  }
}

function isFollowerFetched(body: unknown): body is FollowerFetched {
  return typeof body === 'object' && body !== null && 'divergingEpoch' in body && 'records' in body
}

/** One timer for all that is parked with a deadline. It may fire too early, never too late. */
function onExpiry(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  state.expiryTimerAt = Infinity
  if (state.role !== 'leader') return
  const next = Math.min(
    expireAwaiting(state, env.now, out),
    expireParkedFetches(state, env.now, out),
    expireDeletes(state, env.now, out),
    expireVerifications(state, env.now, out),
  )
  if (next < Infinity) expireAt(state, out, next)
}

function onFlush(state: ReplicaState, env: ReplicaEnv, out: Outbox): void {
  if (!onFlushDue(state, env, out)) return
  releaseSettled(state, out)
  if (state.role === 'leader') advance(state, env, out)
  resumeFetching(state, env, out)
}

function refuseOffline(state: ReplicaState, message: ReplicaMessage, out: Outbox): void {
  if (message.kind === 'describe') return onDescribe(state, message, out)
  if (message.kind === 'partition') {
    state.leader = message.view.leader
    state.leaderEpoch = message.view.leaderEpoch
  } else if (state.request !== null) {
    answer(state, out, state.request, refusal(state, message as ReplicaRequest, KafkaError.KAFKA_STORAGE_ERROR))
  }
}
