/** The consumer as effects, its records as a stream that polls when somebody pulls. */
import { Context, Effect, Layer, Stream, type Scope } from 'effect'
import type { GroupMetadata } from '../../messages.ts'
import { Consumer as PromiseConsumer, type CommitOptions, type ConsumerOptions } from '../consumer.ts'
import type { OffsetAndMetadata, TopicPartition } from '../offsets.ts'
import type { ConsumerConfig } from '../property.ts'
import type { RebalanceListener } from '../subscription.ts'
import type { ConsumerRecord } from '../unread.ts'
import { attempt, type KafkaFailure } from './failure.ts'
import { KafkaClient } from './kafka-client.ts'

type Bytes = Uint8Array | null

export interface ConsumerService<K = Bytes, V = Bytes> {
  subscribe(topics: readonly string[] | RegExp, listener?: RebalanceListener): Effect.Effect<void, KafkaFailure>
  assign(partitions: readonly TopicPartition[]): Effect.Effect<void, KafkaFailure>
  /**
   * Polls when more is wanted and never before: who is slow is not overrun. Ends when it is interrupted; what was not
   * handed out then comes with the next stream.
   */
  readonly records: Stream.Stream<ConsumerRecord<K, V>, KafkaFailure>
  /** The same poll by poll. */
  readonly batches: Stream.Stream<readonly ConsumerRecord<K, V>[], KafkaFailure>
  /** Default: everything that was handed out. */
  commit(offsets?: readonly OffsetAndMetadata[], options?: CommitOptions): Effect.Effect<void, KafkaFailure>
  /** The offset behind this record. */
  commitRecord(record: ConsumerRecord<K, V>): Effect.Effect<void, KafkaFailure>
  readonly groupMetadata: Effect.Effect<GroupMetadata, KafkaFailure>
  /** Anything else of the Promise face. */
  use<A>(
    call: (consumer: PromiseConsumer<K, V>, signal: AbortSignal) => A | PromiseLike<A>,
  ): Effect.Effect<A, KafkaFailure>
}

export type ConsumerLayerOptions<K, V> = Omit<ConsumerOptions<K, V>, 'node' | 'connector'>

/** How long one poll may wait; the next one follows. */
const POLL_MS = 60_000

/** With serdes of one's own; leaves its group and is closed with the scope. */
export function makeConsumer<K = Bytes, V = Bytes>(
  properties: ConsumerConfig = {},
  options: ConsumerLayerOptions<K, V> = {},
): Effect.Effect<ConsumerService<K, V>, KafkaFailure, KafkaClient | Scope.Scope> {
  return Effect.gen(function* () {
    const { node, properties: shared } = yield* KafkaClient
    const open = attempt(() => new PromiseConsumer<K, V>({ ...shared, ...properties }, { ...options, node }))
    const consumer = yield* Effect.acquireRelease(open, (opened) => Effect.ignore(attempt(() => opened.close())))
    const poll = attempt((signal) => consumer.poll({ timeoutMs: POLL_MS, signal }))
    return {
      subscribe: (topics, listener) => attempt(() => consumer.subscribe(topics, listener)),
      assign: (partitions) => attempt(() => consumer.assign(partitions)),
      records: Stream.fromIterableEffectRepeat(poll),
      batches: Stream.filter(Stream.fromEffectRepeat(poll), (batch) => batch.length > 0),
      commit: (offsets, commitOptions) => attempt(() => consumer.commit(offsets, commitOptions)),
      commitRecord: ({ topic, partition, offset, leaderEpoch }) =>
        attempt(() => consumer.commit([{ topic, partition, offset: offset + 1, leaderEpoch }])),
      groupMetadata: attempt(() => consumer.groupMetadata()),
      use: (call) => attempt((signal) => call(consumer, signal)),
    }
  })
}

export class Consumer extends Context.Service<Consumer, ConsumerService>()('@troupe/client/effect/Consumer') {
  static layer(
    properties: ConsumerConfig = {},
    options: ConsumerLayerOptions<Bytes, Bytes> = {},
  ): Layer.Layer<Consumer, KafkaFailure, KafkaClient> {
    return Layer.effect(Consumer, makeConsumer(properties, options))
  }
}
