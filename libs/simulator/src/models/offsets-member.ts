/**
 * A tiny member of a consumer group that reads one partition and commits how far it has come: plainly, or in a
 * transaction together with what it made of each record (KIP-447). It joins, brings or takes the assignment, asks where
 * to begin, and goes on record by record. It sends no heartbeats: whoever is slow is taken for dead, and goes on.
 *
 * TxnOffsetCommit goes through `txnFront`, which does what the front does: verify at the group's partition, then ask the
 * group coordinator.
 */
import {
  actorNames,
  isFailed,
  type ActorDefinition,
  type Env,
  type Message,
  type Outbox,
  type Reply,
  type ReplyToken,
} from '@troupe/actor'
import type { JoinGroup, OffsetCommit, OffsetFetch, SyncGroup, TxnOffsetCommit } from '@troupe/groups/messages'
import type { Produce, Verified, VerifyTransaction } from '@troupe/replication/messages'
import type { EndTxn, InitProducerId } from '@troupe/transactions/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import { buildBatch } from '@troupe/wire/record-batch'
import type { TxnAttempt } from '../invariants/transactions-view.ts'
import { COORDINATOR, topicIds, TRANSACTIONS } from './transactions-parts.ts'
import { withLast } from './transactions-producer.ts'

export const GROUP = 'g'
export const GROUPS = actorNames.groups(0)
export const INPUT = 'in'

export interface MemberArgs {
  readonly name: string
  readonly instanceId: string | null
  readonly transactional: boolean
  readonly records: number
  /** Of the group coordinator and of the output partition. */
  readonly broker: number
  readonly withOutput: boolean
}

export type MemberStep = 'init' | 'join' | 'sync' | 'fetch' | 'out' | 'commit' | 'end'

export interface MemberState {
  readonly args: MemberArgs
  phase: 'joining' | 'working' | 'done' | 'dead'
  memberId: string
  generation: number
  producerId: number
  producerEpoch: number
  /** The next input offset; −1 before the first answer. */
  position: number
  transaction: number
  /** Replaced, never changed, as is `acked`. */
  attempts: readonly TxnAttempt[]
  /** Names of plain commits that were acknowledged. */
  acked: readonly string[]
  readonly waiting: Map<MemberStep, number>
  readonly refused: Set<MemberStep>
}

interface Again extends Message {
  readonly kind: 'again'
  readonly step: MemberStep
}

const encoder = new TextEncoder()
/** Version 0, one topic: `in`; no more. */
const subscription = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 2, 105, 110, 0, 0, 0, 0)
const steps: readonly MemberStep[] = ['init', 'join', 'sync', 'fetch', 'out', 'commit', 'end']

export const memberActor: ActorDefinition<MemberState, Again | Reply, Env, MemberArgs> = {
  kind: 'member',
  start(args, env, out) {
    const state: MemberState = {
      args,
      phase: 'joining',
      memberId: '',
      generation: -1,
      producerId: -1,
      producerEpoch: -1,
      position: -1,
      transaction: 0,
      attempts: [],
      acked: [],
      waiting: new Map(),
      refused: new Set(),
    }
    if (args.transactional) ask(state, 'init', env, out)
    ask(state, 'join', env, out)
    return state
  },
  step(state, message, env, out) {
    if (message.kind === 'reply') return onReply(state, message as Reply, env, out)
    const { step } = message as Again
    if (state.refused.delete(step)) ask(state, step, env, out)
  },
}

/** What a record of input is called in what is made of it. */
const nameOf = ({ args, transaction, position }: MemberState, what: 'o' | 'p'): string =>
  `${args.name}.${transaction}.${what}${position}`

function ask(state: MemberState, step: MemberStep, { self }: Env, out: Outbox): void {
  const { args, producerId, producerEpoch } = state
  const id = state.transaction * steps.length + steps.indexOf(step) + 1
  state.waiting.set(step, id)
  const replyTo: ReplyToken = { ...self, id }
  const client = { clientId: args.name, clientHost: '' }
  const member = { groupId: GROUP, memberId: state.memberId, groupInstanceId: args.instanceId }
  const toGroup = (message: Message): void => out.send({ broker: args.broker, actor: GROUPS }, message)
  const transactionalId = args.name
  switch (step) {
    case 'init': {
      const owner = { producerId, producerEpoch, enable2Pc: false, keepPreparedTxn: false }
      const body = { transactionalId, transactionTimeoutMs: 1, ...owner } as InitProducerId['body']
      const message: InitProducerId = { kind: 'initProducerId', replyTo, body, version: 5, clientHost: '' }
      return out.send({ broker: COORDINATOR, actor: TRANSACTIONS }, message)
    }
    case 'join': {
      const protocol = { protocolType: 'consumer', protocols: [{ name: 'range', metadata: subscription }] }
      const times = { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 6000, reason: null }
      const version = args.instanceId === null ? 3 : 5
      return toGroup({
        kind: 'joinGroup',
        replyTo,
        body: { ...member, ...protocol, ...times },
        version,
        client,
      } as JoinGroup)
    }
    case 'sync': {
      const assignments = [{ memberId: state.memberId, assignment: encoder.encode(`${INPUT}:0`) }]
      const body = { ...member, generationId: state.generation, protocolType: null, protocolName: null, assignments }
      return toGroup({ kind: 'syncGroup', replyTo, body, version: 5, client } as SyncGroup)
    }
    case 'fetch': {
      const topics = [{ name: INPUT, topicId: zeroUuid, partitionIndexes: [0] }]
      const body = { groupId: GROUP, memberId: null, memberEpoch: -1, topics }
      return toGroup({
        kind: 'offsetFetch',
        replyTo,
        body,
        version: 9,
        client,
        requireStable: true,
      } as unknown as OffsetFetch)
    }
    case 'out':
      return out.send({ broker: args.broker, actor: actorNames.replica(topicIds.data, 0) }, produce(state, replyTo))
    case 'commit':
      return commit(state, replyTo, client, out)
    case 'end': {
      const committed = state.attempts.at(-1)!.asked === 'commit'
      const body = { transactionalId, producerId, producerEpoch, committed } as EndTxn['body']
      const message: EndTxn = { kind: 'endTxn', replyTo, body, version: 5 }
      return out.send({ broker: COORDINATOR, actor: TRANSACTIONS }, message)
    }
  }
}

function produce(state: MemberState, replyTo: ReplyToken): Produce {
  const { args, producerId, producerEpoch } = state
  const records = buildBatch({
    records: [{ key: null, value: encoder.encode(nameOf(state, 'p')), timestamp: 0 }],
    producerId,
    producerEpoch,
    baseSequence: 0,
    isTransactional: true,
  })
  const coordinator = { broker: COORDINATOR, actor: TRANSACTIONS }
  const transaction = { transactionalId: args.name, coordinator, addPartition: true, supportsAbortable: true }
  return { kind: 'produce', replyTo, records, acks: -1, timeoutMs: 30_000, transaction }
}

function commit(state: MemberState, replyTo: ReplyToken, client: OffsetCommit['client'], out: Outbox): void {
  const { args, memberId, generation, position, producerId, producerEpoch } = state
  const committedMetadata = nameOf(state, 'o')
  const partitions = [{ partitionIndex: 0, committedOffset: position + 1, committedLeaderEpoch: -1, committedMetadata }]
  const topics = [{ name: INPUT, topicId: zeroUuid, partitions }]
  const member = { groupId: GROUP, memberId, groupInstanceId: args.instanceId }
  if (args.transactional) {
    const owner = { transactionalId: args.name, producerId, producerEpoch, generationId: generation }
    const body = { ...member, ...owner, topics } as TxnOffsetCommit['body']
    const message = { kind: 'commitInTransaction', replyTo, body, version: 5, client }
    return out.send({ broker: args.broker, actor: TXN_FRONT }, message)
  }
  const body = {
    ...member,
    generationIdOrMemberEpoch: generation,
    retentionTimeMs: -1,
    topics,
  } as unknown as OffsetCommit['body']
  const message: OffsetCommit = { kind: 'offsetCommit', replyTo, body, version: 8, client }
  out.send({ broker: args.broker, actor: GROUPS }, message)
}

interface Answer {
  readonly errorCode: ErrorCode
  readonly error: ErrorCode
  readonly memberId: string
  readonly generationId: number
  readonly assignment: Uint8Array
  readonly producerId: number
  readonly producerEpoch: number
  readonly topics: readonly {
    readonly partitions: readonly { readonly errorCode: ErrorCode; readonly committedOffset: number }[]
  }[]
}

function onReply(state: MemberState, { id, body }: Reply, env: Env, out: Outbox): void {
  const step = [...state.waiting].find(([, asked]) => asked === id)?.[0]
  if (step === undefined) return
  state.waiting.delete(step)
  const answer = body as Answer
  const error = isFailed(body) ? KafkaError.NETWORK_EXCEPTION : errorOf(step, answer)
  if (retriable.has(error)) {
    state.refused.add(step)
    return out.setTimer(`again ${step}`, env.now, { kind: 'again', step } satisfies Again as Message)
  }
  if (error !== KafkaError.NONE) return refusedFor(state, step, env, out)
  onAnswer(state, step, answer, env, out)
}

function errorOf(step: MemberStep, { errorCode, error, topics }: Answer): ErrorCode {
  if (step === 'out') return error
  if (step !== 'fetch' && step !== 'commit') return errorCode
  return errorCode || topics[0].partitions[0].errorCode
}

const retriable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  KafkaError.CONCURRENT_TRANSACTIONS,
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.NOT_COORDINATOR,
  KafkaError.NOT_ENOUGH_REPLICAS,
  KafkaError.NOT_LEADER_OR_FOLLOWER,
  KafkaError.NETWORK_EXCEPTION,
  KafkaError.UNSTABLE_OFFSET_COMMIT,
])

/** Whoever is not a member any more has its transaction aborted, and is done for. */
function refusedFor(state: MemberState, step: MemberStep, env: Env, out: Outbox): void {
  const attempt = state.attempts.at(-1)
  if ((step !== 'commit' && step !== 'out') || attempt === undefined) {
    state.phase = 'dead'
    return
  }
  state.attempts = withLast(state.attempts, () => ({ asked: 'abort' }))
  ask(state, 'end', env, out)
}

function onAnswer(state: MemberState, step: MemberStep, answer: Answer, env: Env, out: Outbox): void {
  switch (step) {
    case 'init':
      state.producerId = answer.producerId
      state.producerEpoch = answer.producerEpoch
      return goOn(state, env, out)
    case 'join':
      state.memberId = answer.memberId
      state.generation = answer.generationId
      return ask(state, 'sync', env, out)
    case 'sync':
      if (answer.assignment.length > 0) return ask(state, 'fetch', env, out)
      state.phase = 'done'
      return
    case 'fetch':
      state.position = Math.max(0, answer.topics[0].partitions[0].committedOffset)
      state.phase = 'working'
      return goOn(state, env, out)
    case 'out':
      note(state, nameOf(state, 'p'))
      return ask(state, 'commit', env, out)
    case 'commit':
      if (state.args.transactional) {
        note(state, nameOf(state, 'o'))
        state.attempts = withLast(state.attempts, () => ({ asked: 'commit' }))
        return ask(state, 'end', env, out)
      }
      state.acked = [...state.acked, nameOf(state, 'o')]
      return recordDone(state, env, out)
    case 'end':
      return onEnded(state, answer, env, out)
  }
}

function note(state: MemberState, value: string): void {
  state.attempts = withLast(state.attempts, ({ acked }) => ({ acked: [...acked, value] }))
}

function onEnded(state: MemberState, answer: Answer, env: Env, out: Outbox): void {
  state.attempts = withLast(state.attempts, ({ asked }) => ({ told: asked }))
  const wasCommit = state.attempts.at(-1)!.asked === 'commit'
  state.producerId = answer.producerId
  state.producerEpoch = answer.producerEpoch
  if (wasCommit) recordDone(state, env, out)
  else state.phase = 'dead'
}

function recordDone(state: MemberState, env: Env, out: Outbox): void {
  state.position++
  goOn(state, env, out)
}

function goOn(state: MemberState, env: Env, out: Outbox): void {
  const { args } = state
  if (state.phase !== 'working' || (args.transactional && state.producerId < 0)) return
  if (state.position >= args.records) {
    state.phase = 'done'
    return
  }
  state.transaction++
  if (!args.transactional) return ask(state, 'commit', env, out)
  const id = `${args.name}.${state.transaction}`
  state.attempts = [...state.attempts, { id, asked: null, told: null, acked: [] }]
  ask(state, args.withOutput ? 'out' : 'commit', env, out)
}

export const TXN_FRONT = 'txn-front'

interface FrontState {
  lastId: number
  readonly asked: Map<number, TxnOffsetCommit>
}

/** TxnOffsetCommit, as the front serves it: two messages, because the transaction may end in between. */
export const txnFront: ActorDefinition<FrontState, Message, Env> = {
  kind: 'txn-front',
  start: () => ({ lastId: 0, asked: new Map() }),
  step(state, message, { self }, out) {
    if (message.kind !== 'reply') {
      const request = message as TxnOffsetCommit
      const { producerId, producerEpoch, transactionalId } = request.body
      const id = ++state.lastId
      state.asked.set(id, { ...request, kind: 'txnOffsetCommit' })
      const coordinator = { broker: COORDINATOR, actor: TRANSACTIONS }
      const transaction = { transactionalId, coordinator, addPartition: true, supportsAbortable: true }
      const replyTo = { ...self, id }
      const verify: VerifyTransaction = { kind: 'verifyTransaction', replyTo, producerId, producerEpoch, transaction }
      return out.send({ broker: self.broker, actor: actorNames.replica(topicIds.offsets, 0) }, verify)
    }
    const { id, body } = message as Reply
    const request = state.asked.get(id)
    if (request === undefined) return
    state.asked.delete(id)
    const { error, guard } = isFailed(body) ? { error: KafkaError.NETWORK_EXCEPTION, guard: 0 } : (body as Verified)
    // Answered to the client by the coordinator itself.
    if (error === KafkaError.NONE)
      return out.send({ broker: self.broker, actor: GROUPS }, { ...request, guard } as Message)
    const partitions = [{ partitionIndex: 0, errorCode: error }]
    out.reply(request.replyTo, { topics: [{ name: INPUT, partitions }] })
  },
}
