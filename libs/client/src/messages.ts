/**
 * Everything said to and by a client's actors: `network`, `producer:<name>`, `consumer:<name>` and `admin`.
 *
 * They live on one node of their own (`Address.broker` is that node's number, not a Kafka broker's). The `network`
 * actor owns all connections and the metadata; the others ask it with `request` and watch the metadata. Message bodies
 * are immutable: whoever gets one may keep it, nobody writes to it.
 */
import type { Address, Message, ReplyToken } from '@troupe/actor'
import type { OperationName } from './admin/operations.ts'

/** The names of a client's actors. */
export const clientActorNames = {
  network: 'network',
  admin: 'admin',
  producer: (name: string): string => `producer:${name}`,
  consumer: (name: string): string => `consumer:${name}`,
} as const

// --- network: requests

export interface BrokerEndpoint {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/**
 * Sends one request of the protocol and answers it exactly once, with a `NetworkAnswer`.
 *
 * Requests of one channel to one broker are sent in the order of these messages and answered in that order. Until a
 * connection stands they wait; when it cannot be opened they are answered `no-connection`.
 */
export interface NetworkRequest extends Message {
  readonly kind: 'request'
  readonly replyTo: ReplyToken
  /**
   * A broker's id as metadata names it; a broker as FindCoordinator names it; `any`: the least loaded one;
   * `controller`: the one that metadata names.
   */
  readonly to: number | BrokerEndpoint | 'any' | 'controller'
  readonly api: number
  /** The request as the codec's `Input`. */
  readonly body: object
  /** Versions outside are not chosen though both sides know them: Produce ≤ 11 in a transaction of version 1. */
  readonly minVersion?: number
  readonly maxVersion?: number
  /** From this message on. When it passes after sending, the connection is closed, as in Java. */
  readonly timeoutMs: number
  /**
   * Connections are not shared between channels: brokers answer one request at a time, so a fetch that waits would
   * hold back a heartbeat. Default: the name of the asking actor.
   */
  readonly channel?: string
  /** Produce with acks=0: answered as soon as it is sent, with a null body. */
  readonly noResponse?: boolean
}

export type NetworkAnswer<Body = unknown> = NetworkResponse<Body> | Unanswered

export interface NetworkResponse<Body = unknown> {
  readonly kind: 'response'
  readonly version: number
  readonly body: Body
  /** Who answered: of interest after `any`. */
  readonly broker: number
}

/**
 * `no-connection`, `unsupported-version`: never sent. `disconnected`, `timed-out`: sent, nobody knows whether it took
 * effect. `malformed`: answered with bytes that are no response; the connection is closed. `authentication-failed`: never
 * sent, because the broker does not accept who we are (or we do not accept it); `error` and `detail` say why.
 */
export interface Unanswered {
  readonly kind: 'unanswered'
  readonly reason:
    | 'no-connection'
    | 'unsupported-version'
    | 'disconnected'
    | 'timed-out'
    | 'malformed'
    | 'authentication-failed'
  readonly broker: number
  /** With `authentication-failed`. */
  readonly error?: number
  readonly detail?: string
}

/** Closes the connections of a channel; what waits there is answered `disconnected` or `no-connection`. */
export interface CloseChannel extends Message {
  readonly kind: 'closeChannel'
  readonly channel: string
}

// --- network: metadata

/**
 * From now on `metadataChanged` goes to `from`: at once when something is known, and after every metadata response.
 * Again with other topics: replaces what this watcher wanted. Topics that nobody watches are forgotten.
 */
export interface WatchMetadata extends Message {
  readonly kind: 'watchMetadata'
  readonly from: Address
  /** null: all topics of the cluster (for subscriptions by pattern). */
  readonly topics: readonly string[] | null
  /** Consumer's `allow.auto.create.topics`; producers ask for it. Default false. */
  readonly allowAutoTopicCreation?: boolean
}

export interface UnwatchMetadata extends Message {
  readonly kind: 'unwatchMetadata'
  readonly from: Address
}

/** Something was out of date: ask again, after `retry.backoff.ms` at the earliest since the last time. */
export interface RefreshMetadata extends Message {
  readonly kind: 'refreshMetadata'
}

/** A response named a newer leader (KIP-951). Older epochs than the known one are ignored. */
export interface LeaderHints extends Message {
  readonly kind: 'leaderHints'
  readonly leaders: readonly LeaderHint[]
  readonly brokers: readonly BrokerEndpoint[]
}

export interface LeaderHint {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly leaderEpoch: number
}

export interface MetadataChanged extends Message {
  readonly kind: 'metadataChanged'
  readonly metadata: MetadataSnapshot
}

/** To all watchers: metadata was asked for in vain, and asking again will not help. */
export interface MetadataFailed extends Message {
  readonly kind: 'metadataFailed'
  readonly error: number
  readonly detail: string
}

/**
 * From the shell, the answer to `tokens.request(id)`: a token for OAUTHBEARER, or none. `extensions` are sent with it
 * (KIP-342).
 */
export interface OAuthToken extends Message {
  readonly kind: 'oauthToken'
  readonly id: number
  readonly token: string | null
  readonly extensions?: Readonly<Record<string, string>>
  readonly error?: string
}

/** What is known of the cluster. A value: it never changes, a newer one replaces it. */
export interface MetadataSnapshot {
  /** Grows with every snapshot. */
  readonly version: number
  readonly clusterId: string | null
  /** −1: none known. */
  readonly controllerId: number
  /** By id. */
  readonly brokers: readonly BrokerEndpoint[]
  /** Topics that some actor of this node watches, with their errors. In the order of their names. */
  readonly topics: ReadonlyMap<string, TopicMetadata>
  /** These are all topics of the cluster (somebody watches all), not only those that are watched by name. */
  readonly all?: boolean
  /** Finalised feature levels as the brokers announce them, of the highest epoch seen (`transaction.version`). */
  readonly features: FinalizedFeatures
}

export interface FinalizedFeatures {
  /** −1: none announced yet. */
  readonly epoch: number
  readonly levels: ReadonlyMap<string, number>
}

export interface TopicMetadata {
  readonly name: string
  /** The zero uuid when the broker sends none, or the topic does not exist. */
  readonly id: string
  /** A Kafka error, 0 for none; UNKNOWN_TOPIC_OR_PARTITION when there is no such topic (yet). */
  readonly error: number
  readonly internal: boolean
  /** Index = partition number. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** −1: none. */
  readonly leader: number
  /** −1: not known. Never falls while the topic's id stays the same (KIP-320). */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
  readonly error: number
}

export type NetworkMessage =
  | NetworkRequest
  | CloseChannel
  | WatchMetadata
  | UnwatchMetadata
  | RefreshMetadata
  | LeaderHints
  | OAuthToken

// --- producer: what the application says

export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface ProducerRecord {
  readonly topic: string
  /** null: the partitioner decides. */
  readonly partition: number | null
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
  /** Default: now. */
  readonly timestamp?: number
}

/** Answered once with a `SendResult`: acknowledged, or given up. */
export interface Send extends Message, ProducerRecord {
  readonly kind: 'send'
  readonly replyTo: ReplyToken
}

/**
 * As many `send`s in this order, with one answer when the last of them has its own: a `SendManyResult`. Without
 * `replyTo` nobody hears: `flush`, and the transaction's errors, are left. For throughput: what a message costs beside
 * its records is paid once.
 */
export interface SendMany extends Message {
  readonly kind: 'sendMany'
  readonly records: readonly ProducerRecord[]
  /**
   * `results`: one `SendResult` for each record; `firstError`: nothing of those that went well. `each`: as `firstError`,
   * and record i is answered for itself, as a `send` is, under the i-th number behind that of `replyTo`.
   */
  readonly answer: 'results' | 'firstError' | 'each'
}

export interface SendManyResult {
  /** Of the first record in order that failed; null: none has. */
  readonly firstError: (SendResult & { readonly index: number }) | null
  /** In the order of the records; empty when only the first error was asked for. */
  readonly results: readonly SendResult[]
}

/** Answered with a `TopicAnswer` as soon as the topic's partitions are known, after `max.block.ms` at the latest. */
export interface PartitionsFor extends Message {
  readonly kind: 'partitionsFor'
  readonly replyTo: ReplyToken
  readonly topic: string
}

export interface TopicAnswer {
  readonly error: number
  readonly detail: string | null
  /** null with an error. */
  readonly topic: TopicMetadata | null
}

export interface SendResult {
  /** A Kafka error; 0: acknowledged as `acks` asks. */
  readonly error: number
  /** Which of the causes that share an error, for people and tests. */
  readonly detail: string | null
  readonly topic: string
  /** −1 when none was chosen. */
  readonly partition: number
  /** −1: not known (acks=0, a duplicate whose batch the broker forgot, an error). */
  readonly offset: number
  readonly timestamp: number
  /** With an error: whether the record may be, or come to be, in the log nevertheless. */
  readonly indefinite: boolean
  /** With an error: what the application can do; of a producer without transactions never `abortable`. */
  readonly severity?: OperationResult['severity']
}

/** Answered with an `OperationResult` when everything sent before it is acknowledged or given up; does not wait for `linger.ms`. */
export interface Flush extends Message {
  readonly kind: 'flush'
  readonly replyTo: ReplyToken
}

/** The transactional methods of Java's Producer. One at a time; each answered once with an `OperationResult`. */
export interface InitTransactions extends Message {
  readonly kind: 'initTransactions'
  readonly replyTo: ReplyToken
}

export interface BeginTransaction extends Message {
  readonly kind: 'beginTransaction'
  readonly replyTo: ReplyToken
}

export interface SendOffsets extends Message {
  readonly kind: 'sendOffsets'
  readonly replyTo: ReplyToken
  readonly offsets: readonly OffsetToCommit[]
  readonly group: GroupMetadata
}

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** −1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string | null
}

/** What fences a transactional offset commit (KIP-447); the consumer gives it. */
export interface GroupMetadata {
  readonly groupId: string
  /** −1: none. */
  readonly generationId: number
  /** '': none. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  /**
   * A join is under way, or an assignment waits for a poll: offsets committed in this name may find a group that has
   * moved on. Whoever would be fenced for good polls first. Not part of the protocol; absent when there is none.
   */
  readonly rebalancing?: boolean
}

export interface CommitTransaction extends Message {
  readonly kind: 'commitTransaction'
  readonly replyTo: ReplyToken
}

export interface AbortTransaction extends Message {
  readonly kind: 'abortTransaction'
  readonly replyTo: ReplyToken
}

/** Sends what is left for at most `timeoutMs`, then gives the rest up; the actor stops after the answer. */
export interface CloseProducer extends Message {
  readonly kind: 'close'
  readonly replyTo: ReplyToken
  readonly timeoutMs: number
}

export interface OperationResult {
  readonly error: number
  readonly detail: string | null
  /**
   * What the application can do. `none`: the same call again. `abortable`: abortTransaction and go on. `fatal`: close.
   * `usage`: it was the wrong moment to ask, nothing has changed. `timed-out`: it goes on; the same call again waits
   * for it.
   */
  readonly severity: 'none' | 'abortable' | 'fatal' | 'usage' | 'timed-out'
}

export type ProducerMessage =
  | Send
  | SendMany
  | PartitionsFor
  | Flush
  | InitTransactions
  | BeginTransaction
  | SendOffsets
  | CommitTransaction
  | AbortTransaction
  | CloseProducer

// --- admin

/** A question of `admin/operations.ts`. Answered once, with an `AdminResult`, when each of its items is settled. */
export interface AdminCall extends Message {
  readonly kind: 'adminCall'
  readonly replyTo: ReplyToken
  readonly operation: OperationName
  /** As the operation's `items` takes them. */
  readonly args: unknown
  /** Default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
}

/** In the order of the question: by topic, `topic-partition`, group, broker, … */
export interface AdminResult {
  readonly items: readonly AdminItem[]
}

export interface AdminItem<Value = unknown> {
  readonly key: string
  /** A Kafka error; 0: none. */
  readonly error: number
  readonly detail: string | null
  /** What the operation's `read` makes of the response; null with an error. */
  readonly value: Value | null
}

export type AdminMessage = AdminCall
