/**
 * How a shard writes: decisions of one turn gather in one batch; each decision's effects wait in the queue, in order,
 * until the replica says that everything before them is committed. Decisions that write nothing wait there too, so no
 * answer ever rests on a record that may still be lost (the read barrier).
 */
import {
  actorNames,
  isFailed,
  type Address,
  type Message,
  type Outbox,
  type Reply,
  type ReplyToken,
} from '@troupe/actor'
import type {
  Appended,
  AwaitCommitted,
  CoordinatorAppend,
  MarkerWritten,
  WriteTxnMarker,
} from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { BATCH_OVERHEAD, buildBatch, recordSizeUpperBound, type RecordInput } from '@troupe/wire/record-batch'
import type { CoordinatorEnv, Decision, ShardEndTxn, TransactionalWrite } from './contract.ts'
import { coordinatorError } from './errors.ts'
import { encodeRecord } from './record-codec.ts'
import { tokenKey, type ApplyMarker, type Entry, type Held, type Shard } from './shard-state.ts'

export function replicaOf<State>({ args }: Shard<State>, env: CoordinatorEnv): Address {
  return { broker: env.self.broker, actor: actorNames.replica(args.topicId, args.partition) }
}

/** From now on this request is owed an answer. */
export function accept<State>(shard: Shard<State>, request: Message): void {
  if (request.replyTo !== undefined) shard.outstanding.set(tokenKey(request.replyTo), request)
}

function answer<State>(shard: Shard<State>, token: ReplyToken, body: unknown, out: Outbox): void {
  // A request that was refused meanwhile (commit timeout) has had its one answer.
  if (shard.outstanding.delete(tokenKey(token))) out.reply(token, body)
}

export function refuse<State>(shard: Shard<State>, token: ReplyToken, error: ErrorCode, out: Outbox): void {
  const request = shard.outstanding.get(tokenKey(token))
  if (request !== undefined) answer(shard, token, shard.coordinator.refuse(request as never, error), out)
}

/** Nobody waits for an answer any more after this. */
export function refuseAll<State>(shard: Shard<State>, error: ErrorCode, out: Outbox): void {
  for (const request of shard.outstanding.values()) {
    out.reply(request.replyTo!, shard.coordinator.refuse(request as never, error))
  }
  shard.outstanding.clear()
  for (const { marker } of shard.queue) if (marker !== null) out.reply(marker.replyTo, { error })
  shard.queue = []
  shard.open = null
}

/** Writes what a decision writes, sets its timers, and holds the rest until all that is committed. */
export function carryOut<State>(
  shard: Shard<State>,
  request: Message | undefined,
  decision: Decision,
  env: CoordinatorEnv,
  out: Outbox,
): void {
  for (const name of decision.cancelTimers ?? []) {
    if (shard.timers.delete(name)) out.cancelTimer(name)
  }
  for (const { name, at, message } of decision.timers ?? []) {
    shard.timers.add(name)
    const timer = { kind: 'coordinatorTimer', name, incarnation: shard.incarnation, message }
    out.setTimer(name, at, timer)
  }
  const held = { token: request?.replyTo, decision }
  if (decision.records.length > 0) write(shard, held, env, out)
  else if (shard.open !== null) shard.open.held.push(held)
  else if (shard.queue.length > 0) shard.queue[shard.queue.length - 1].held.push(held)
  else settle(shard, [held], env, out)
  for (const message of decision.atOnce ?? []) {
    carryOut(shard, message, shard.coordinator.decide(shard.state!, message as never, env), env, out)
  }
}

function write<State>(shard: Shard<State>, held: Held, env: CoordinatorEnv, out: Outbox): void {
  const { decision, token } = held
  const transaction = decision.transaction ?? null
  const limit = maxBatchBytes(shard, env)
  const records = decision.records.map((record) => ({ ...encodeRecord(record), timestamp: env.now }))
  const sizes = records.map(recordSizeUpperBound)
  const size = sizes.reduce((sum, each) => sum + each, BATCH_OVERHEAD)
  const atomic = decision.atomic !== false || transaction !== null
  if (atomic ? size > limit : sizes.some((each) => each + BATCH_OVERHEAD > limit)) {
    // Refused before anything is replayed, so there is nothing to take back.
    const error = coordinatorError(KafkaError.MESSAGE_TOO_LARGE)
    out.trace('too-large', { sizeInBytes: size, limit })
    const request = token === undefined ? undefined : shard.outstanding.get(tokenKey(token))
    if (token !== undefined) refuse(shard, token, error, out)
    for (const reply of decision.replies ?? []) refuse(shard, reply.token, error, out)
    const after = request && shard.coordinator.onRefused?.(shard.state!, request as never, env)
    if (after !== undefined) carryOut(shard, undefined, after, env, out)
    return
  }
  if (transaction !== null && markerUnderWay(shard, transaction.producerId)) {
    // The transaction before this one ends only when its marker is replayed; mixing the two is Z28.
    if (token !== undefined) refuse(shard, token, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, out)
    return
  }
  if (atomic) makeRoom(shard, size, transaction, limit, env, out)
  for (let i = 0; i < records.length; i++) {
    if (!atomic) makeRoom(shard, sizes[i] + BATCH_OVERHEAD, transaction, limit, env, out)
    shard.open!.records.push(records[i] as RecordInput)
    shard.open!.sizeInBytes += sizes[i]
    shard.coordinator.replay(shard.state!, decision.records[i], transaction)
  }
  shard.open!.held.push(held)
}

/** After this, the open batch is of this transaction and takes `size` more bytes. */
function makeRoom<State>(
  shard: Shard<State>,
  size: number,
  transaction: TransactionalWrite | null,
  limit: number,
  env: CoordinatorEnv,
  out: Outbox,
): void {
  const { open } = shard
  if (open !== null) {
    const fits = open.sizeInBytes + size - BATCH_OVERHEAD <= limit
    if (fits && sameTransaction(open.transaction, transaction)) return
    flush(shard, env, out)
  }
  shard.open = { records: [], sizeInBytes: BATCH_OVERHEAD, held: [], transaction }
  // Delivered in this turn, after all that waits for us already: one append for a whole burst of commits.
  out.send(env.self, { kind: 'flush' })
}

function sameTransaction(a: TransactionalWrite | null, b: TransactionalWrite | null): boolean {
  if (a === null || b === null) return a === b
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch && a.guard === b.guard
}

function markerUnderWay<State>(shard: Shard<State>, producerId: number): boolean {
  return shard.queue.some((entry) => entry.marker?.producerId === producerId)
}

function maxBatchBytes<State>(shard: Shard<State>, env: CoordinatorEnv): number {
  const ofTopic = env.cluster.configs('topic', shard.args.topic).get('max.message.bytes')
  return ofTopic === undefined ? ((env.config['message.max.bytes'] as number | undefined) ?? 1048588) : Number(ofTopic)
}

/** Appends the open batch, if there is one. */
export function flush<State>(shard: Shard<State>, env: CoordinatorEnv, out: Outbox): void {
  const { open } = shard
  if (open === null) return
  shard.open = null
  const { transaction } = open
  const id = enqueue(shard, open.held, null, env, out)
  const records = buildBatch({
    records: open.records,
    ...(transaction === null
      ? {}
      : {
          producerId: transaction.producerId,
          producerEpoch: transaction.producerEpoch,
          baseSequence: 0, // as Kafka writes it; the log does not check the sequences of coordinators
          isTransactional: true,
        }),
  })
  const append: CoordinatorAppend = {
    kind: 'append',
    replyTo: { ...env.self, id },
    records,
    leaderEpoch: shard.leaderEpoch,
    ...(transaction === null ? {} : { guard: transaction.guard }),
  }
  out.send(replicaOf(shard, env), append)
}

export function appendMarker<State>(shard: Shard<State>, marker: ShardEndTxn, env: CoordinatorEnv, out: Outbox): void {
  flush(shard, env, out)
  const id = enqueue(shard, [], marker, env, out)
  const write: WriteTxnMarker = { ...marker, replyTo: { ...env.self, id } }
  out.send(replicaOf(shard, env), write)
}

/** Effects that follow wait until the partition is committed up to `offset`. */
export function awaitCommitted<State>(shard: Shard<State>, offset: number, env: CoordinatorEnv, out: Outbox): void {
  const id = enqueue(shard, [], null, env, out)
  const wait: AwaitCommitted = {
    kind: 'awaitCommitted',
    replyTo: { ...env.self, id },
    offset,
    leaderEpoch: shard.leaderEpoch,
  }
  out.send(replicaOf(shard, env), wait)
}

function enqueue<State>(
  shard: Shard<State>,
  held: Held[],
  marker: ShardEndTxn | null,
  env: CoordinatorEnv,
  out: Outbox,
): number {
  const id = --shard.lastId
  shard.queue.push({ id, sinceMs: env.now, held, marker, committed: false })
  if (!shard.commitTimeoutArmed) {
    shard.commitTimeoutArmed = true
    out.setTimer('commit-timeout', env.now + commitTimeoutMs(shard, env), { kind: 'commitTimeout' })
  }
  return id
}

/**
 * The replica's answer to an append, a marker or a barrier. Returns the error for clients if the state must be
 * rebuilt.
 */
export function onCommitAnswer<State>(
  shard: Shard<State>,
  reply: Reply,
  env: CoordinatorEnv,
  out: Outbox,
): ErrorCode | null {
  const entry = shard.queue.find((each) => each.id === reply.id)
  if (entry === undefined) return null // of an earlier incarnation
  const body = reply.body as Appended | MarkerWritten
  const error = isFailed(body) ? failedError(body.reason) : body.error
  if (error !== KafkaError.NONE) {
    out.trace('append-failed', { id: -entry.id, error })
    if (entry.marker === null) {
      if (env.safeguards.rebuildAfterFailedAppend) return coordinatorError(error)
      refuseEntry(shard, entry, coordinatorError(error), out)
    } else {
      if (!surelyNotWritten(error)) return coordinatorError(error)
      out.reply(entry.marker.replyTo, { error })
      withdraw(shard, entry)
    }
  }
  entry.committed = true
  while (shard.queue.length > 0 && shard.queue[0].committed) settleEntry(shard, shard.queue.shift()!, env, out)
  return null
}

/** A crashed replica may or may not have written; a missing one has not. */
function failedError(reason: string): ErrorCode {
  return reason === 'no-such-actor' ? KafkaError.NOT_LEADER_OR_FOLLOWER : KafkaError.REQUEST_TIMED_OUT
}

/** Refusals of a marker that leave the log as it was: nothing to rebuild. */
function surelyNotWritten(error: ErrorCode): boolean {
  return (
    error === KafkaError.INVALID_PRODUCER_EPOCH ||
    error === KafkaError.PRODUCER_FENCED ||
    error === KafkaError.TRANSACTION_COORDINATOR_FENCED ||
    error === KafkaError.INVALID_TXN_STATE ||
    error === KafkaError.NOT_ENOUGH_REPLICAS ||
    error === KafkaError.NOT_LEADER_OR_FOLLOWER
  )
}

/** Z26: what was decided is not in the log, and stays in memory all the same. */
function refuseEntry<State>(shard: Shard<State>, entry: Entry, error: ErrorCode, out: Outbox): void {
  for (const { token } of entry.held.splice(0)) if (token !== undefined) refuse(shard, token, error, out)
}

/** The entry keeps its place, for what is held behind it, but is no marker any more. */
function withdraw<State>(shard: Shard<State>, entry: Entry): void {
  shard.queue[shard.queue.indexOf(entry)] = { ...entry, marker: null, committed: true }
}

function settleEntry<State>(shard: Shard<State>, entry: Entry, env: CoordinatorEnv, out: Outbox): void {
  const { marker } = entry
  if (marker !== null) {
    if (env.safeguards.replyAfterApply) applyMarker(shard, marker)
    else {
      const later: ApplyMarker = { kind: 'applyMarker', marker, incarnation: shard.incarnation }
      out.send(env.self, later)
    }
    out.reply(marker.replyTo, { error: KafkaError.NONE } satisfies MarkerWritten)
  }
  settle(shard, entry.held, env, out)
}

export function applyMarker<State>({ coordinator, state }: Shard<State>, marker: ShardEndTxn): void {
  coordinator.replayEndTxn?.(state!, marker.producerId, marker.producerEpoch, marker.commit)
}

/** Everything these decisions rest on is committed: let their effects go. */
function settle<State>(shard: Shard<State>, held: readonly Held[], env: CoordinatorEnv, out: Outbox): void {
  for (const { token, decision } of held) {
    if (token !== undefined && decision.response !== undefined) answer(shard, token, decision.response, out)
    for (const reply of decision.replies ?? []) answer(shard, reply.token, reply.body, out)
    for (const { to, message } of decision.sends ?? []) out.send(to, message)
    for (const message of decision.then ?? []) {
      const next = shard.coordinator.decide(shard.state!, message as never, env)
      carryOut(shard, message, next, env, out)
    }
  }
}

function commitTimeoutMs<State>(shard: Shard<State>, env: CoordinatorEnv): number {
  const property = shard.coordinator.kind === 'transactions' ? 'request.timeout.ms' : 'offsets.commit.timeout.ms'
  return (env.config[property] as number | undefined) ?? 5000
}

/**
 * Requests whose records are not committed in time are told so; the records stay and may still be committed.
 * Only the request itself is answered: parked ones that the decision would release keep waiting for it.
 */
export function expireHeld<State>(shard: Shard<State>, env: CoordinatorEnv, out: Outbox): void {
  shard.commitTimeoutArmed = false
  const timeoutMs = commitTimeoutMs(shard, env)
  for (const entry of shard.queue) {
    if (entry.sinceMs + timeoutMs > env.now) continue
    for (const { token, decision } of entry.held) {
      if (token === undefined || decision.response === undefined) continue
      refuse(shard, token, coordinatorError(KafkaError.REQUEST_TIMED_OUT), out)
    }
  }
  const waiting = shard.queue.find((entry) => entry.sinceMs + timeoutMs > env.now)
  const next = waiting !== undefined ? waiting.sinceMs + timeoutMs : env.now + timeoutMs
  if (shard.queue.length === 0) return
  shard.commitTimeoutArmed = true
  out.setTimer('commit-timeout', next, { kind: 'commitTimeout' })
}
