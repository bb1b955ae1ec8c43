/**
 * What stands beside the production producer on a client of `expired-id`: an application that makes one output of each
 * input, and the stub of the `network` actor, which asks the coordinator and the leader what a front would ask them.
 *
 * The application does as the javadoc of KafkaProducer says: after an abortable error it aborts and does its work again,
 * after a fatal one it ends.
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
import {
  clientActorNames,
  type MetadataSnapshot,
  type NetworkAnswer,
  type NetworkRequest,
  type OperationResult,
} from '@troupe/client/messages'
import type { Produce, Produced } from '@troupe/replication/messages'
import type { EndTxn, InitProducerId } from '@troupe/transactions/messages'
import { COORDINATOR, TOPIC, topicIds, TRANSACTIONS } from './transactions-parts.ts'

/** What coordinator and leader say to each other is no matter here: they stand on one broker. */
export const LEADER = COORDINATOR
export const ID = 'T'
export const PRODUCER = clientActorNames.producer('p')
export const NETWORK = clientActorNames.network
export const APPLICATION = 'application'
export const REPLICA = actorNames.replica(topicIds.data, 0)

// --- the application

export interface ApplicationState {
  readonly name: string
  phase: 'initialising' | 'idle' | 'working' | 'committing' | 'aborting' | 'dead'
  /** The input that it has read and not finished; 0: it has read none. */
  input: number
  attempt: number
}

interface TakeInput extends Message {
  readonly kind: 'takeInput'
  readonly input: number
}

type Told = Message | TakeInput | Reply<OperationResult>

const encoder = new TextEncoder()
/** Operations have numbers of their own, one at a time. */
const operations = { initTransactions: 1, beginTransaction: 2, commitTransaction: 3, abortTransaction: 4 } as const
const SEND = 5

export const application: ActorDefinition<ApplicationState, Told, Env, { readonly name: string }> = {
  kind: 'application',
  start({ name }, env, out) {
    ask('initTransactions', env, out)
    return { name, phase: 'initialising', input: 0, attempt: 0 }
  },
  step(state, message, env, out) {
    switch (message.kind) {
      case 'takeInput':
        state.input = (message as TakeInput).input
        return
      case 'process':
        return work(state, env, out)
      case 'reply': {
        const { id, body } = message as Reply<OperationResult>
        // What becomes of a record the commit says.
        if (id !== SEND) onResult(state, body as OperationResult, env, out)
      }
    }
  },
}

function ask(kind: keyof typeof operations, { self }: Env, out: Outbox): void {
  out.send({ ...self, actor: PRODUCER }, { kind, replyTo: { ...self, id: operations[kind] } })
}

function work(state: ApplicationState, env: Env, out: Outbox): void {
  state.phase = 'working'
  state.attempt++
  ask('beginTransaction', env, out)
}

function onResult(state: ApplicationState, { severity }: OperationResult, env: Env, out: Outbox): void {
  if (severity === 'abortable' && state.phase !== 'aborting') {
    state.phase = 'aborting'
    return ask('abortTransaction', env, out)
  }
  if (severity !== 'none') {
    state.phase = 'dead'
    return
  }
  switch (state.phase) {
    case 'initialising':
      state.phase = 'idle'
      return
    case 'working': {
      const value = encoder.encode(`${state.name}.${state.attempt}.p${state.input}`)
      const replyTo = { ...env.self, id: SEND }
      const record = { topic: TOPIC, partition: 0, key: null, value, timestamp: 0 }
      out.send({ ...env.self, actor: PRODUCER }, { kind: 'send', replyTo, ...record } as Message)
      state.phase = 'committing'
      return ask('commitTransaction', env, out)
    }
    case 'committing':
      state.phase = 'idle'
      state.input = 0
      return
    case 'aborting':
      return work(state, env, out)
  }
}

// --- the network

export interface Wire {
  next: number
  readonly waiting: Map<number, { readonly token: ReplyToken; readonly api: number; readonly broker: number }>
}

const PRODUCE = 0
const FIND_COORDINATOR = 10
const INIT_PRODUCER_ID = 22
const END_TXN = 26
/** Of each API, with transaction.version 2. */
const versions: Readonly<Record<number, number>> = { [PRODUCE]: 13, [INIT_PRODUCER_ID]: 5, [END_TXN]: 5 }

const leads = { partition: 0, leader: LEADER, leaderEpoch: 0, replicas: [LEADER], isr: [LEADER] }
const partitions = [{ ...leads, offlineReplicas: [], error: 0 }]

/** One object in all worlds. */
const snapshot: MetadataSnapshot = {
  version: 1,
  clusterId: null,
  controllerId: -1,
  brokers: [{ id: COORDINATOR, host: 'b1', port: 9092, rack: null }],
  topics: new Map([[TOPIC, { name: TOPIC, id: topicIds.data, error: 0, internal: false, partitions }]]),
  features: { epoch: 1, levels: new Map([['transaction.version', 2]]) },
}

export const wire: ActorDefinition<Wire, Message | NetworkRequest | Reply, Env> = {
  kind: 'wire',
  start: () => ({ next: 0, waiting: new Map() }),
  step(state, message, env, out) {
    switch (message.kind) {
      case 'watchMetadata':
        return out.send({ ...env.self, actor: PRODUCER }, { kind: 'metadataChanged', metadata: snapshot } as Message)
      case 'request':
        return onRequest(state, message as NetworkRequest, env, out)
      case 'reply': {
        const { id, body } = message as Reply
        const asked = state.waiting.get(id)
        if (asked === undefined) return
        state.waiting.delete(id)
        const { api, broker, token } = asked
        if (isFailed(body)) return out.reply(token, { kind: 'unanswered', reason: 'disconnected', broker })
        const answer = api === PRODUCE ? produceResponse(body as Produced) : (body as object)
        out.reply(token, response(broker, versions[api], answer))
      }
    }
  },
}

const response = (broker: number, version: number, body: object): NetworkAnswer => ({
  kind: 'response',
  version,
  body,
  broker,
})

interface ProduceBody {
  readonly transactionalId: string
  readonly topicData: readonly { readonly partitionData: readonly { readonly records: Uint8Array }[] }[]
}

function onRequest(state: Wire, { api, replyTo: token, body, timeoutMs }: NetworkRequest, env: Env, out: Outbox): void {
  if (api === FIND_COORDINATOR) {
    const found = { key: ID, nodeId: COORDINATOR, host: 'b1', port: 9092, errorCode: 0, errorMessage: null }
    return out.reply(token, response(COORDINATOR, 6, { coordinators: [found] }))
  }
  const id = state.next++
  const broker = api === PRODUCE ? LEADER : COORDINATOR
  state.waiting.set(id, { token, api, broker })
  const replyTo = { ...env.self, id }
  const coordinator = { broker: COORDINATOR, actor: TRANSACTIONS }
  if (api === PRODUCE) {
    const { transactionalId, topicData } = body as ProduceBody
    const transaction = { transactionalId, coordinator, addPartition: true, supportsAbortable: true }
    const { records } = topicData[0].partitionData[0]
    const produce: Produce = { kind: 'produce', replyTo, records, acks: -1, timeoutMs, transaction }
    return out.send({ broker: LEADER, actor: REPLICA }, produce)
  }
  if (api === END_TXN) {
    const end: EndTxn = { kind: 'endTxn', replyTo, body: body as EndTxn['body'], version: versions[api] }
    return out.send(coordinator, end)
  }
  const init: InitProducerId = {
    kind: 'initProducerId',
    replyTo,
    body: { enable2Pc: false, keepPreparedTxn: false, ...body } as InitProducerId['body'],
    version: versions[api],
    clientHost: '',
  }
  out.send(coordinator, init)
}

function produceResponse({ error: errorCode, baseOffset, logAppendTimeMs, logStartOffset }: Produced): object {
  const currentLeader = { leaderId: -1, leaderEpoch: -1 }
  const place = { index: 0, errorCode, baseOffset, logAppendTimeMs, logStartOffset }
  const partition = { ...place, recordErrors: [], errorMessage: null, currentLeader }
  const responses = [{ name: TOPIC, topicId: topicIds.data, partitionResponses: [partition] }]
  return { responses, throttleTimeMs: 0, nodeEndpoints: [] }
}
