/**
 * The actor that every coordinator runs on: it loads by leader epoch, appends what is decided, holds every effect
 * until the records before it are committed, and rebuilds the state from the log when an append fails.
 *
 * | message          | from                     | what happens                                                   |
 * | ---------------- | ------------------------ | -------------------------------------------------------------- |
 * | elected          | the `broker` actor       | load under this leader epoch (Z32)                              |
 * | resigned         | the `broker` actor       | refuse everything unanswered, forget the state                  |
 * | writeTxnMarker   | transaction coordinators | append the marker, replay it when committed, then answer (Z28)  |
 * | reply            | the local replica        | commit answers (ids < 0); positive ids go to the coordinator    |
 * | flush            | itself, same turn        | append what this turn's decisions gathered                      |
 * | coordinatorTimer | itself                   | a timer of the coordinator                                      |
 * | anything else    | front, coordinators      | `decide`                                                        |
 *
 * Source: Kafka's CoordinatorRuntime (load, deferred events, batching, read barrier).
 */
import { isFailed, type ActorDefinition, type Message, type Outbox, type Reply } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { LogRead, ReadLog } from '@troupe/replication/messages'
import type { Coordinator, CoordinatorEnv, ShardElected, ShardResigned } from './contract.ts'
import { payloadBytes, replayBatches, replayInto } from './load.ts'
import {
  newShard,
  shardEdges,
  type CoordinatorTimer,
  type Shard,
  type ShardArgs,
  type ShardOwnMessage,
} from './shard-state.ts'
import {
  accept,
  appendMarker,
  applyMarker,
  awaitCommitted,
  carryOut,
  expireHeld,
  flush,
  onCommitAnswer,
  refuse,
  refuseAll,
  replicaOf,
} from './shard-writes.ts'

const LOAD_RETRY_MS = 50

export function coordinatorShard<State, Request extends Message>(
  coordinator: Coordinator<State, Request>,
): ActorDefinition<Shard<State>, ShardOwnMessage | Request, CoordinatorEnv, ShardArgs> {
  return {
    kind: coordinator.kind,
    start(args, env, out) {
      const shard = newShard(coordinator as Coordinator<State, never>, args)
      // After a crash of this actor nobody elects it again: what the metadata says is as good.
      const view = env.cluster.topicById(args.topicId)?.partitions[args.partition]
      if (view !== undefined && view.leader === env.self.broker) becomeLoading(shard, view.leaderEpoch, env, out)
      return shard
    },
    step(shard, message, env, out) {
      onMessage(shard, message as ShardOwnMessage, env, out)
    },
    invariants,
  }
}

function onMessage<State>(shard: Shard<State>, message: ShardOwnMessage, env: CoordinatorEnv, out: Outbox): void {
  switch (message.kind) {
    case 'elected':
      return onElected(shard, message, env, out)
    case 'resigned':
      return onResigned(shard, message, env, out)
    case 'reply':
      return onReply(shard, message, env, out)
    case 'flush':
      return flush(shard, env, out)
    case 'commitTimeout':
      return expireHeld(shard, env, out)
    case 'coordinatorTimer':
      return onTimer(shard, message, env, out)
    case 'writeTxnMarker':
      if (shard.phase === 'active') return appendMarker(shard, message, env, out)
      return out.reply(message.replyTo, { error: refusal(shard) })
    case 'applyMarker':
      if (message.incarnation === shard.incarnation && shard.phase === 'active') applyMarker(shard, message.marker)
      return
    case 'loadAgain':
      if (message.incarnation === shard.incarnation && shard.phase === 'loading') readOn(shard, env, out)
      return
    default:
      return onRequest(shard, message, env, out)
  }
}

/** Z32: elections and resignations reach us late and out of order, so only the leader epoch says which is newer. */
function comesLate(leaderEpoch: number, expected: number, env: CoordinatorEnv): boolean {
  return env.safeguards.coordinatorEpochGate && leaderEpoch < expected
}

function onElected<State>(shard: Shard<State>, { leaderEpoch }: ShardElected, env: CoordinatorEnv, out: Outbox): void {
  if (comesLate(leaderEpoch, shard.leaderEpoch + 1, env)) return
  becomeLoading(shard, leaderEpoch, env, out)
}

function onResigned<State>(
  shard: Shard<State>,
  { leaderEpoch }: ShardResigned,
  env: CoordinatorEnv,
  out: Outbox,
): void {
  if (comesLate(leaderEpoch, shard.leaderEpoch, env)) return
  shard.leaderEpoch = leaderEpoch
  if (shard.phase !== 'unloaded') becomeUnloaded(shard, out)
}

function becomeUnloaded<State>(shard: Shard<State>, out: Outbox): void {
  forget(shard, KafkaError.NOT_COORDINATOR, out)
  shard.phase = shardEdges(shard.phase, 'unloaded')
  out.trace('unloaded', { leaderEpoch: shard.leaderEpoch })
}

function becomeLoading<State>(shard: Shard<State>, leaderEpoch: number, env: CoordinatorEnv, out: Outbox): void {
  forget(shard, KafkaError.NOT_COORDINATOR, out)
  shard.phase = shardEdges(shard.phase, 'loading')
  shard.leaderEpoch = leaderEpoch
  shard.state = shard.coordinator.create(shard.args.partition, env, leaderEpoch)
  shard.loadOffset = -1
  out.trace('loading', { leaderEpoch })
  readOn(shard, env, out)
}

function becomeFailed<State>(shard: Shard<State>, reason: string, out: Outbox): void {
  forget(shard, KafkaError.NOT_COORDINATOR, out)
  shard.phase = shardEdges(shard.phase, 'failed')
  out.trace('failed', { leaderEpoch: shard.leaderEpoch, reason })
}

function becomeActive<State>(shard: Shard<State>, committed: boolean, env: CoordinatorEnv, out: Outbox): void {
  shard.phase = shardEdges(shard.phase, 'active')
  out.trace('active', { leaderEpoch: shard.leaderEpoch, endOffset: shard.loadOffset })
  // What was read may lie past the high watermark: until it is committed nothing that rests on it is said.
  if (!committed) awaitCommitted(shard, shard.loadOffset, env, out)
  carryOut(shard, undefined, shard.coordinator.onLoaded(shard.state!, env), env, out)
}

/** Drops the state with everything that rests on it. */
function forget<State>(shard: Shard<State>, error: ErrorCode, out: Outbox): void {
  refuseAll(shard, error, out)
  for (const name of shard.timers) out.cancelTimer(name)
  shard.timers.clear()
  shard.state = null
  shard.loadId = 0
  shard.incarnation++
}

function readOn<State>(shard: Shard<State>, env: CoordinatorEnv, out: Outbox): void {
  shard.loadId = --shard.lastId
  const read: ReadLog = {
    kind: 'readLog',
    replyTo: { ...env.self, id: shard.loadId },
    leaderEpoch: shard.leaderEpoch,
    offset: shard.loadOffset,
    maxBytes: loadBufferSize(shard, env),
  }
  out.send(replicaOf(shard, env), read)
}

function loadBufferSize<State>(shard: Shard<State>, env: CoordinatorEnv): number {
  const property =
    shard.coordinator.kind === 'transactions' ? 'transaction.state.log.load.buffer.size' : 'offsets.load.buffer.size'
  return (env.config[property] as number | undefined) ?? 5 * 1024 * 1024
}

function onReply<State>(shard: Shard<State>, reply: Reply, env: CoordinatorEnv, out: Outbox): void {
  if (reply.id > 0) {
    if (shard.phase === 'active') decide(shard, reply, env, out)
  } else if (reply.id === shard.loadId) {
    onLogRead(shard, reply.body as LogRead, env, out)
  } else {
    const failure = onCommitAnswer(shard, reply, env, out)
    if (failure !== null) reload(shard, failure, env, out)
  }
}

function onLogRead<State>(shard: Shard<State>, read: LogRead, env: CoordinatorEnv, out: Outbox): void {
  shard.loadId = 0
  if (isFailed(read) || read.error !== KafkaError.NONE) {
    if (!isFailed(read) && read.error === KafkaError.KAFKA_STORAGE_ERROR) return becomeFailed(shard, 'log offline', out)
    // The replica may learn of its election after us, and is restarted after a crash.
    return readAgainSoon(shard, env, out)
  }
  let replayedTo = -1
  try {
    if (read.records !== null) replayedTo = replayChunk(shard, payloadBytes(read.records))
  } catch (error) {
    return becomeFailed(shard, String(error), out)
  }
  const next = read.nextOffset >= 0 ? read.nextOffset : replayedTo
  if (next < 0 || (next === shard.loadOffset && next < read.logEndOffset)) return readAgainSoon(shard, env, out)
  shard.loadOffset = next
  if (next < read.logEndOffset) readOn(shard, env, out)
  else becomeActive(shard, read.highWatermark >= read.logEndOffset, env, out)
}

function replayChunk<State>({ coordinator, state }: Shard<State>, bytes: Uint8Array): number {
  const family = coordinator.recordFamily ?? (coordinator.kind === 'transactions' ? 'transaction' : 'group')
  return replayBatches(bytes, family, replayInto(coordinator, state!))
}

function readAgainSoon<State>(shard: Shard<State>, env: CoordinatorEnv, out: Outbox): void {
  out.setTimer('load-again', env.now + LOAD_RETRY_MS, { kind: 'loadAgain', incarnation: shard.incarnation } as Message)
}

/** An append failed, so the state has seen records that the log may not hold: build it again. */
function reload<State>(shard: Shard<State>, error: ErrorCode, env: CoordinatorEnv, out: Outbox): void {
  refuseAll(shard, error, out)
  becomeLoading(shard, shard.leaderEpoch, env, out)
}

function onTimer<State>(shard: Shard<State>, timer: CoordinatorTimer, env: CoordinatorEnv, out: Outbox): void {
  if (timer.incarnation !== shard.incarnation) return
  shard.timers.delete(timer.name)
  if (shard.phase === 'active') decide(shard, timer.message, env, out)
}

function onRequest<State>(shard: Shard<State>, request: Message, env: CoordinatorEnv, out: Outbox): void {
  if (shard.phase === 'active') {
    accept(shard, request)
    serve(shard, request, env, out)
  } else if (request.replyTo !== undefined) {
    out.reply(request.replyTo, shard.coordinator.refuse(request as never, refusal(shard)))
  }
}

/**
 * A request that breaks the coordinator is refused, and the state, which may be half-changed, is built again from the log.
 * Were it to end this actor, a client that repeats it would use up the budget of restarts. What nobody asked for (a
 * timer, a load) has no such excuse: that does end the actor.
 */
function serve<State>(shard: Shard<State>, request: Message, env: CoordinatorEnv, out: Outbox): void {
  try {
    decide(shard, request, env, out)
  } catch (error) {
    if (request.replyTo === undefined) throw error
    out.trace('decide-failed', {
      level: 'error',
      request: request.kind,
      error: error instanceof Error ? error.stack : String(error),
    })
    refuse(shard, request.replyTo, KafkaError.UNKNOWN_SERVER_ERROR, out)
    reload(shard, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, env, out)
  }
}

function decide<State>(shard: Shard<State>, request: Message, env: CoordinatorEnv, out: Outbox): void {
  const decision = shard.coordinator.decide(shard.state!, request as never, env)
  if (decision.records.length > 0 && shard.coordinator.isRead(request as never)) {
    throw new BrokenInvariant(`${request.kind} only reads, and writes`)
  }
  carryOut(shard, request, decision, env, out)
}

function refusal<State>(shard: Shard<State>): ErrorCode {
  return shard.phase === 'loading' ? KafkaError.COORDINATOR_LOAD_IN_PROGRESS : KafkaError.NOT_COORDINATOR
}

function invariants<State>(shard: Shard<State>): void {
  const broken = (rule: string): never => {
    throw new BrokenInvariant(rule)
  }
  if (shard.phase !== 'active' && (shard.queue.length > 0 || shard.open !== null)) broken('writes of an inactive shard')
  if (shard.phase !== 'active' && shard.outstanding.size > 0) broken('unanswered requests of an inactive shard')
  if ((shard.phase === 'active' || shard.phase === 'loading') === (shard.state === null))
    broken('state without a phase')
  if (shard.queue.length > 0 && shard.queue[0].committed) broken('a committed entry was not settled')
  if (shard.state !== null && shard.phase === 'active') shard.coordinator.invariants?.(shard.state)
}

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}
