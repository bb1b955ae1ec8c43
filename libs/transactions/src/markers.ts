/**
 * Transaction markers: one message per partition to its leader, sent again until it is written, then COMPLETE_* once.
 *
 * | answer                                                | what follows                                         |
 * | ----------------------------------------------------- | ---------------------------------------------------- |
 * | NONE, UNSUPPORTED_VERSION, UNSUPPORTED_FOR_MESSAGE_FORMAT | the partition is done                             |
 * | TRANSACTION_COORDINATOR_FENCED, INVALID_PRODUCER_EPOCH | a newer coordinator owns the transaction: give it up |
 * | anything else, no answer in time, another leader       | again, with backoff                                  |
 * | the topic is deleted                                   | the partition is done                                |
 *
 * Source: Kafka's TransactionMarkerChannelManager, TransactionMarkerRequestCompletionHandler; KIP-1228.
 */
import { actorNames, isFailed, type Address } from '@troupe/actor'
import type { CoordinatorEnv, Decision, ShardEndTxn } from '@troupe/coordinator/contract'
import type { MarkerWritten, WriteTxnMarker } from '@troupe/replication/messages'
import { KafkaError } from '@troupe/wire/errors'
import { recordOf } from './records.ts'
import { number, release, tick, TICK_MS, transactionVersion } from './requests.ts'
import type { Ask, Completion, PendingMarker, TransactionShardState } from './shard-state.ts'
import { completed, type TransactionMetadata } from './transaction-metadata.ts'
import { isPrepared } from './transaction-state.ts'

export const CONSUMER_OFFSETS = '__consumer_offsets'
const MAX_BACKOFF_MS = 1000
/**
 * After a load this broker's metadata may be older than the transaction: a topic it lacks is not taken for deleted yet.
 */
const METADATA_GRACE_MS = 5000

type Sends = NonNullable<Decision['sends']>
type MarkerAsk = Extract<Ask, { kind: 'marker' }>

/** No entry in `completions` afterwards: there was no marker to write. */
export function startMarkers(
  state: TransactionShardState,
  metadata: TransactionMetadata,
  env: CoordinatorEnv,
  recovered = false,
): Sends {
  // Its partition may have been added before this broker heard of the topic (AddOffsetsToTxn).
  const isYoung =
    env.cluster.topic(CONSUMER_OFFSETS) === undefined && metadata.topics.some(({ topic }) => topic === CONSUMER_OFFSETS)
  const completion: Completion = {
    transactionalId: metadata.transactionalId,
    prepared: metadata,
    producerId: metadata.producerId,
    producerEpoch: metadata.producerEpoch,
    commit: metadata.state === 'PREPARE_COMMIT',
    clientVersion: metadata.clientVersion,
    waiting: new Map(),
    trustMetadataAt: recovered || isYoung ? env.now + METADATA_GRACE_MS : 0,
  }
  for (const { topic, partitions } of metadata.topics) {
    for (const partition of partitions) {
      completion.waiting.set(`${topic}:${partition}`, {
        topic,
        partition,
        askId: 0,
        leader: -1,
        dueAt: env.now,
        attempts: 0,
      })
    }
  }
  const sends = sendDue(state, completion, env)
  if (completion.waiting.size > 0) state.completions.set(metadata.transactionalId, completion)
  return sends
}

/**
 * Sends what was not sent yet, is to be tried again, had no answer in time, or went to a leader that is none any more.
 */
export function sendDue(state: TransactionShardState, completion: Completion, env: CoordinatorEnv): Sends {
  const sends: { to: Address; message: ShardEndTxn | WriteTxnMarker }[] = []
  for (const [key, marker] of completion.waiting) {
    const topic = env.cluster.topic(marker.topic)
    const view = topic?.partitions[marker.partition]
    if (topic === undefined || view === undefined) {
      if (env.now >= completion.trustMetadataAt) forget(state, completion, key, marker)
      continue
    }
    const waits = env.now < marker.dueAt && (marker.askId === 0 || marker.leader === view.leader)
    if (waits || view.leader < 0) continue
    state.asks.delete(marker.askId)
    marker.askId = ++state.lastAskId
    marker.leader = view.leader
    marker.dueAt = env.now + number(env, 'request.timeout.ms')
    marker.attempts++
    state.asks.set(marker.askId, { kind: 'marker', completion, marker })
    const actor =
      marker.topic === CONSUMER_OFFSETS
        ? actorNames.groups(marker.partition)
        : actorNames.replica(topic.id, marker.partition)
    const message: ShardEndTxn = {
      kind: 'writeTxnMarker',
      replyTo: { ...env.self, id: marker.askId },
      producerId: completion.producerId,
      producerEpoch: completion.producerEpoch,
      coordinatorEpoch: state.coordinatorEpoch,
      commit: completion.commit,
      transactionVersion: completion.clientVersion,
    }
    sends.push({ to: { broker: view.leader, actor }, message })
  }
  return sends
}

export function onMarkerReply(
  state: TransactionShardState,
  askId: number,
  { completion, marker }: MarkerAsk,
  body: unknown,
  env: CoordinatorEnv,
): Decision {
  state.asks.delete(askId)
  // Z27: by value, not by transactional.id: it may be the answer to a marker of the transaction before.
  const isTheOne = state.completions.get(completion.transactionalId) === completion && marker.askId === askId
  if (!isTheOne && env.safeguards.removePendingMarkerByValue) return { records: [] }
  switch (outcome(body as MarkerWritten)) {
    case 'done':
      forget(state, completion, `${marker.topic}:${marker.partition}`, marker)
      return completion.waiting.size === 0 ? complete(state, completion, env) : { records: [] }
    case 'again':
      marker.askId = 0
      marker.dueAt = env.now + Math.min(TICK_MS * 2 ** Math.min(marker.attempts - 1, 8), MAX_BACKOFF_MS)
      return { records: [], timers: tick(state, env) }
    case 'fenced':
      giveUp(state, completion)
      return { records: [] }
  }
}

function outcome(body: MarkerWritten): 'done' | 'again' | 'fenced' {
  if (isFailed(body)) return 'again'
  switch (body.error) {
    case KafkaError.NONE:
    case KafkaError.UNSUPPORTED_VERSION:
    case KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT:
      return 'done'
    case KafkaError.TRANSACTION_COORDINATOR_FENCED:
    case KafkaError.INVALID_PRODUCER_EPOCH:
      return 'fenced'
    default:
      return 'again'
  }
}

/** COMPLETE_*, once. */
export function complete(state: TransactionShardState, completion: Completion, env: CoordinatorEnv): Decision {
  const ended = env.safeguards.completeOnce ? take(state, completion) : completion.prepared
  if (ended === null) return { records: [] }
  return {
    records: [recordOf(completed(ended, env.now), transactionVersion(env))],
    // Decided on the replayed state: the next transaction's first record goes into the same append.
    atOnce: release(state, completion.transactionalId),
  }
}

/** Z27: taken out first, so nobody finds it again; null when its transaction is not the current one any more. */
function take(state: TransactionShardState, completion: Completion): TransactionMetadata | null {
  state.completions.delete(completion.transactionalId)
  const current = state.transactions.get(completion.transactionalId)
  const isSame =
    current !== undefined &&
    isPrepared(current.state) &&
    current.producerId === completion.producerId &&
    current.producerEpoch === completion.producerEpoch
  return isSame ? current : null
}

function forget(state: TransactionShardState, completion: Completion, key: string, marker: PendingMarker): void {
  state.asks.delete(marker.askId)
  completion.waiting.delete(key)
}

/** As Kafka: the transaction stays prepared; whoever coordinates it next sends its markers again. */
function giveUp(state: TransactionShardState, completion: Completion): void {
  for (const [key, marker] of completion.waiting) forget(state, completion, key, marker)
  state.completions.delete(completion.transactionalId)
}
