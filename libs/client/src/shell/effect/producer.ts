/** The producer as effects; a transaction is a region that commits or aborts. */
import { Context, Effect, Exit, Layer, Semaphore, type Scope } from 'effect'
import type { GroupMetadata } from '../../messages.ts'
import type { OffsetAndMetadata } from '../offsets.ts'
import {
  Producer as PromiseProducer,
  type Bytes,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
} from '../producer.ts'
import type { ProducerConfig } from '../property.ts'
import { attempt, type KafkaFailure } from './failure.ts'
import { KafkaClient } from './kafka-client.ts'

export interface ProducerService<K = Bytes, V = Bytes> {
  /** Succeeds when the record is acknowledged; waits first while more than `buffer.memory` is under way. */
  send(record: ProducerRecord<K, V>): Effect.Effect<RecordMetadata, KafkaFailure>
  sendBatch(records: readonly ProducerRecord<K, V>[]): Effect.Effect<readonly RecordMetadata[], KafkaFailure>
  readonly flush: Effect.Effect<void, KafkaFailure>
  /**
   * Everything that the effect sends, and the offsets it hands over, count together: committed when it succeeds, aborted
   * when it fails, dies or is interrupted. One at a time: others wait.
   */
  transaction<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | KafkaFailure, R>
  /** Within a transaction: how far its input was read. `group` is the consumer's `groupMetadata`. */
  sendOffsets(offsets: readonly OffsetAndMetadata[], group: GroupMetadata): Effect.Effect<void, KafkaFailure>
  /** Anything else of the Promise face. */
  use<A>(call: (producer: PromiseProducer<K, V>) => A | PromiseLike<A>): Effect.Effect<A, KafkaFailure>
}

export type ProducerLayerOptions<K, V> = Omit<ProducerOptions<K, V>, 'node' | 'connector'>

/** With serdes of one's own; closed with the scope. With a `transactional.id` it is initialised. */
export function makeProducer<K = Bytes, V = Bytes>(
  properties: ProducerConfig = {},
  options: ProducerLayerOptions<K, V> = {},
): Effect.Effect<ProducerService<K, V>, KafkaFailure, KafkaClient | Scope.Scope> {
  return Effect.gen(function* () {
    const { node, properties: shared } = yield* KafkaClient
    const all = { ...shared, ...properties }
    const open = attempt(() => new PromiseProducer<K, V>(all, { ...options, node }))
    // What failed to be sent has been said to whoever sent it.
    const producer = yield* Effect.acquireRelease(open, (opened) => Effect.ignore(attempt(() => opened.close())))
    if (all['transactional.id'] != null) yield* attempt(() => producer.initTransactions())
    const turn = yield* Semaphore.make(1)
    return {
      send: (record) => attempt(() => producer.ready().then(() => producer.send(record))),
      sendBatch: (records) => attempt(() => producer.ready().then(() => producer.sendBatch(records))),
      flush: attempt(() => producer.flush()),
      transaction: (effect) => Semaphore.withPermit(turn, inTransaction(producer, effect)),
      sendOffsets: (offsets, group) => attempt(() => producer.sendOffsetsToTransaction(offsets, group)),
      use: (call) => attempt(() => call(producer)),
    }
  })
}

interface Transactional {
  beginTransaction(): Promise<void>
  commitTransaction(): Promise<void>
  abortTransaction(): Promise<void>
}

/** A commit that timed out goes on in the producer: the same call waits for it again. */
const COMMIT_AGAIN = 3

function inTransaction<A, E, R>(
  producer: Transactional,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | KafkaFailure, R> {
  const abort = Effect.ignore(attempt(() => producer.abortTransaction()))
  const commit = attempt(() => producer.commitTransaction()).pipe(
    Effect.retry({ while: ({ retriable, indefinite }) => retriable && indefinite, times: COMMIT_AGAIN }),
    Effect.tapError(({ abortable }) => (abortable ? abort : Effect.void)),
  )
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* attempt(() => producer.beginTransaction())
      const exit = yield* Effect.exit(restore(effect))
      yield* Exit.isSuccess(exit) ? commit : abort
      return yield* exit
    }),
  )
}

export class Producer extends Context.Service<Producer, ProducerService>()('@troupe/client/effect/Producer') {
  static layer(
    properties: ProducerConfig = {},
    options: ProducerLayerOptions<Bytes, Bytes> = {},
  ): Layer.Layer<Producer, KafkaFailure, KafkaClient> {
    return Layer.effect(Producer, makeProducer(properties, options))
  }
}
