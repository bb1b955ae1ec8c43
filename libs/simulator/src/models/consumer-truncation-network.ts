/**
 * The stub of a client's `network` actor for a consumer of one partition: metadata that is as old as the model says, and
 * what the front of a broker makes of Fetch, ListOffsets and OffsetForLeaderEpoch.
 *
 * Answers name no fetch session, as a broker without room for one. Fetch below version 12 does not carry the epoch of the
 * last record that was fetched.
 */
import { actorNames, isFailed, type ActorDefinition, type Env, type Message, type Reply } from '@troupe/actor'
import type { ReplyToken } from '@troupe/actor'
import {
  clientActorNames,
  type MetadataSnapshot,
  type NetworkAnswer,
  type NetworkRequest,
} from '@troupe/client/messages'
import { payloadBytes } from '@troupe/coordinator/load'
import type { EpochOffset, Fetch, Fetched, ListOffset, OffsetForLeaderEpoch } from '@troupe/replication/messages'
import type { OffsetListed } from '@troupe/replication/messages'

export const CLIENT = 101
export const BROKERS = [1, 2]
export const TOPIC = 'a'
export const TOPIC_ID = 'dHJvdXBlLXRvcGljLWlkMA'
export const REPLICA = actorNames.replica(TOPIC_ID, 0)
export const CONSUMER = clientActorNames.consumer('c')
export const NETWORK = clientActorNames.network

const FETCH = 1
const LIST_OFFSETS = 2
const OFFSET_FOR_LEADER_EPOCH = 23
const LAST_FETCHED_EPOCH_SINCE = 12

export interface WireArgs {
  readonly fetchVersion: number
}

export interface Wire {
  readonly fetchVersion: number
  /** Index: leader epoch; what the client has heard of last is the last one. */
  leaderEpoch: number
  leader: number
  next: number
  readonly waiting: Map<number, { readonly token: ReplyToken; readonly api: number; readonly broker: number }>
}

/** The client hears who leads. */
export interface Learn extends Message {
  readonly kind: 'learn'
  readonly leader: number
  readonly leaderEpoch: number
}

function snapshot({ leader, leaderEpoch }: Wire): MetadataSnapshot {
  const placed = { replicas: BROKERS, isr: [leader], offlineReplicas: [], error: 0 }
  const partitions = [{ partition: 0, leader, leaderEpoch, ...placed }]
  return {
    version: leaderEpoch + 1,
    clusterId: null,
    controllerId: -1,
    brokers: BROKERS.map((id) => ({ id, host: `b${id}`, port: 9092, rack: null })),
    topics: new Map([[TOPIC, { name: TOPIC, id: TOPIC_ID, error: 0, internal: false, partitions }]]),
    features: { epoch: -1, levels: new Map() },
  }
}

export const wire: ActorDefinition<Wire, Message | NetworkRequest | Reply | Learn, Env, WireArgs> = {
  kind: 'wire',
  start: ({ fetchVersion }) => ({ fetchVersion, leaderEpoch: 0, leader: BROKERS[0], next: 0, waiting: new Map() }),
  step(state, message, env, out) {
    const tell = (): void =>
      out.send({ broker: CLIENT, actor: CONSUMER }, { kind: 'metadataChanged', metadata: snapshot(state) } as Message)
    switch (message.kind) {
      case 'watchMetadata':
        return tell()
      case 'learn': {
        const { leader, leaderEpoch } = message as Learn
        state.leader = leader
        state.leaderEpoch = leaderEpoch
        return tell()
      }
      case 'request': {
        const { api, replyTo: token, body, to } = message as NetworkRequest
        const id = state.next++
        const broker = to as number
        state.waiting.set(id, { token, api, broker })
        return out.send({ broker, actor: REPLICA }, question(state, api, body, { ...env.self, id }))
      }
      case 'reply': {
        const { id, body } = message as Reply
        const asked = state.waiting.get(id)
        if (asked === undefined) return
        state.waiting.delete(id)
        out.reply(asked.token, answer(state, asked.api, asked.broker, body))
      }
    }
  },
}

interface FetchBody {
  readonly maxBytes: number
  readonly topics: readonly { readonly partitions: readonly FetchPartition[] }[]
}

interface FetchPartition {
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
}

interface OtherBody {
  readonly topics: readonly {
    readonly partitions: readonly { currentLeaderEpoch: number; timestamp: number; leaderEpoch: number }[]
  }[]
}

function question({ fetchVersion }: Wire, api: number, body: object, replyTo: ReplyToken): Message {
  if (api === FETCH) {
    const { maxBytes, topics } = body as FetchBody
    const { currentLeaderEpoch, fetchOffset: offset, lastFetchedEpoch } = topics[0].partitions[0]
    const last = fetchVersion >= LAST_FETCHED_EPOCH_SINCE ? lastFetchedEpoch : -1
    const how = { maxBytes, minOneBatch: true, isolation: 'read_uncommitted' } as const
    const fetch: Fetch = { kind: 'fetch', replyTo, offset, currentLeaderEpoch, lastFetchedEpoch: last, ...how }
    return fetch
  }
  const { currentLeaderEpoch, timestamp, leaderEpoch } = (body as OtherBody).topics[0].partitions[0]
  if (api === LIST_OFFSETS) {
    const isolation = 'read_uncommitted'
    const list: ListOffset = { kind: 'listOffset', replyTo, timestamp, isolation, currentLeaderEpoch }
    return list
  }
  const ask: OffsetForLeaderEpoch = { kind: 'offsetForLeaderEpoch', replyTo, leaderEpoch, currentLeaderEpoch }
  return ask
}

function answer({ fetchVersion }: Wire, api: number, broker: number, body: unknown): NetworkAnswer {
  if (isFailed(body)) return { kind: 'unanswered', reason: 'disconnected', broker }
  const version = api === FETCH ? fetchVersion : 4
  return { kind: 'response', version, body: responses[api](body as never), broker }
}

const responses: Readonly<Record<number, (body: never) => object>> = {
  [FETCH]: fetched,
  [LIST_OFFSETS]: ({ error: errorCode, offset, timestamp, leaderEpoch }: OffsetListed) => ({
    topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, errorCode, offset, timestamp, leaderEpoch }] }],
  }),
  [OFFSET_FOR_LEADER_EPOCH]: ({ error: errorCode, leaderEpoch, endOffset }: EpochOffset) => ({
    topics: [{ topic: TOPIC, partitions: [{ partition: 0, errorCode, leaderEpoch, endOffset }] }],
  }),
}

function fetched(body: Fetched): object {
  const { error: errorCode, slice, highWatermark, lastStableOffset, logStartOffset, divergingEpoch } = body
  const partition = {
    partitionIndex: 0,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    divergingEpoch: divergingEpoch ?? { epoch: -1, endOffset: -1 },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    abortedTransactions: null,
    records: slice === null ? null : payloadBytes(slice),
  }
  const responses = [{ topic: TOPIC, topicId: TOPIC_ID, partitions: [partition] }]
  return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses, nodeEndpoints: [] }
}
