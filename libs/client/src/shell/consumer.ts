/**
 * The consumer as Promises and an async iterator: the methods of Java's KafkaConsumer.
 *
 * Everything happens within `poll` (the iterator polls too), as in Java: joining the group, rebalances and their
 * listener, automatic commits. Nothing is read ahead but what the next polls bring, bounded by `fetch.max.bytes`. A
 * record counts as consumed when it was handed out: what a loop has pulled and not come to yet is not committed.
 */
import type { Message } from '@troupe/actor'
import type { Assignor } from '../consumer/assignors/assignor.ts'
import type { Committed, ConsumerClosed, OffsetsAnswer, Polled } from '../consumer/messages.ts'
import type { GroupMetadata } from '../messages.ts'
import type { Serde } from '../serdes.ts'
import type { TokenProvider } from './sasl-tokens.ts'
import { ClientNode } from './client-node.ts'
import type { Connector } from './connector.ts'
import { KafkaError, illegalState, kafkaError } from './errors.ts'
import { silentLogger, type Logger } from './logger.ts'
import { toCommit, type OffsetAndMetadata, type OffsetAndTimestamp, type TopicPartition } from './offsets.ts'
import { Polling, type PollOptions } from './polling.ts'
import { consumerProperties } from './properties.ts'
import type { ConsumerConfig } from './property.ts'
import { RecordStream } from './record-stream.ts'
import { Subscription, type RebalanceListener } from './subscription.ts'
import { consumerTelemetry } from './telemetry.ts'
import { Unread, type ConsumerRecord } from './unread.ts'

/** Kafka's ConsumerInterceptor. What it throws is logged. */
export interface ConsumerInterceptor<K, V> {
  /** What the application gets instead. */
  onConsume?(records: readonly ConsumerRecord<K, V>[]): readonly ConsumerRecord<K, V>[]
  onCommit?(offsets: readonly OffsetAndMetadata[]): void
}

export interface ConsumerOptions<K, V> {
  /** Default: TCP and TLS. */
  readonly connector?: Connector | undefined
  /** Shared with others, and closed by whoever made it. Default: one of its own. */
  readonly node?: ClientNode | undefined
  /** Tokens for OAUTHBEARER. Default: as `sasl.jaas.config` and `sasl.oauthbearer.token.endpoint.url` say. */
  readonly tokens?: TokenProvider | undefined
  /** Default: bytes as they are. */
  readonly key?: Serde<K> | undefined
  readonly value?: Serde<V> | undefined
  /** The application's own, named in `partition.assignment.strategy`. */
  readonly assignors?: readonly Assignor[] | undefined
  readonly interceptors?: readonly ConsumerInterceptor<K, V>[] | undefined
  readonly logger?: Logger | undefined
}

export interface CommitOptions {
  /** Tried once, as Java's commitAsync. Default: again and again until `default.api.timeout.ms`. */
  readonly once?: boolean
  readonly timeoutMs?: number
}

export interface TimeoutOptions {
  /** Default: `default.api.timeout.ms`. */
  readonly timeoutMs?: number
}

const FOREVER_MS = 3_600_000

export class Consumer<K = Uint8Array | null, V = Uint8Array | null> implements AsyncIterable<ConsumerRecord<K, V>> {
  readonly node: ClientNode
  readonly #actor: string
  readonly #ownsNode: boolean
  readonly #groupId: string | null
  readonly #apiTimeoutMs: number
  readonly #interceptors: readonly ConsumerInterceptor<K, V>[]
  readonly #logger: Logger
  readonly #subscription = new Subscription()
  readonly #unread: Unread<K, V>
  readonly #polling: Polling
  #closing: Promise<void> | null = null
  /** Not before the listener has had its say: it may commit. */
  #closed = false

  constructor(properties: ConsumerConfig, options: ConsumerOptions<K, V> = {}) {
    const { connector, assignors = [], interceptors = [], logger = options.node?.logger ?? silentLogger } = options
    const own = assignors.map(({ name }) => name)
    const values = consumerProperties(properties, logger, own)
    this.#ownsNode = options.node === undefined
    this.node =
      options.node ??
      new ClientNode({
        properties: { ...properties, 'client.id': values['client.id'] as string },
        client: 'consumer',
        logger,
        ...(connector && { connector }),
        ...(options.tokens && { tokens: options.tokens }),
      })
    this.#groupId = values['group.id']
    this.#apiTimeoutMs = values['default.api.timeout.ms']
    const telemetry = consumerTelemetry<K, V>(values['client.id'] as string, this.#groupId)
    this.#interceptors = [...telemetry, ...interceptors]
    this.#logger = logger
    this.#unread = new Unread(options.key, options.value)
    this.#actor = this.node.newName('consumer')
    this.node.spawn(this.#actor, 'consumer', { properties: values, assignors })
    this.#polling = new Polling({
      logger,
      subscription: this.#subscription,
      unread: this.#unread,
      ask: (timeoutMs, maxRecords) => {
        const message = { kind: 'poll', timeoutMs, ...(maxRecords !== undefined && { maxRecords }) }
        return this.node.ask<Polled>(this.#actor, message as Message)
      },
    })
  }

  // --- what is consumed

  /**
   * Joins the group at the next poll and takes its share of these topics, or of all whose name the expression finds,
   * also of those that are made later. Again: replaces what was subscribed to.
   */
  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener = {}): void {
    this.#open()
    this.#needGroup()
    if (topics instanceof RegExp) {
      this.#subscription.become('pattern', listener)
      // Java's Pattern is held against the whole name; a JavaScript expression looks for itself.
      const pattern = { source: `[^]*(?:${topics.source})[^]*`, flags: topics.flags.replaceAll(/[gy]/g, '') }
      return this.#tell({ kind: 'subscribe', topics: [], pattern })
    }
    if (topics.some((topic) => topic.trim() === ''))
      throw new KafkaError(
        'IllegalArgumentException',
        'Topic collection to subscribe to cannot contain null or empty topic',
      )
    this.#subscription.become('topics', listener)
    this.#subscription.topics = [...topics]
    this.#tell({ kind: 'subscribe', topics: [...topics] })
  }

  /** These partitions, without a group's help. Replaces what was assigned; what stays keeps its position. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#open()
    this.#subscription.become('assigned')
    const kept = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`))
    for (const each of this.#subscription.assigned)
      if (!kept.has(`${each.topic}-${each.partition}`)) this.#unread.drop(each)
    this.#subscription.set(partitions)
    this.#tell({ kind: 'assign', partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) })
  }

  /** Leaves the group, and gives up everything that was subscribed to or assigned. */
  async unsubscribe(): Promise<void> {
    this.#open()
    try {
      await this.#subscription.revoke(this.#subscription.assigned)
    } finally {
      this.#unread.clear()
      this.#subscription.clear()
      await this.node.ask<ConsumerClosed>(this.#actor, { kind: 'unsubscribe' })
    }
  }

  subscription(): readonly string[] {
    return this.#subscription.topics
  }

  assignment(): readonly TopicPartition[] {
    return this.#subscription.assigned
  }

  // --- records

  /**
   * Records, as soon as there are some, at most `max.poll.records`; none after `timeoutMs` (default one second). Throws
   * what the group or a partition has come to: a KafkaError.
   */
  async poll(options: PollOptions = {}): Promise<readonly ConsumerRecord<K, V>[]> {
    this.#open()
    if (this.#subscription.kind === 'none')
      throw illegalState('Consumer is not subscribed to any topics or assigned any partitions')
    if (this.#unread.isEmpty) await this.#polling.poll(options)
    const records = this.#unread.take(options.maxRecords ?? Infinity)
    return this.#interceptors.length === 0 ? records : this.#intercepted(records)
  }

  /** Record by record, until the consumer is closed: polls when it is asked for more, and never before. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConsumerRecord<K, V>> {
    return this.records()
  }

  /** The same, until `signal` is aborted. */
  records({ signal }: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<ConsumerRecord<K, V>> {
    return new RecordStream({
      next: () => {
        if (this.#unread.isEmpty || this.#closing !== null || signal?.aborted === true) return null
        const record = this.#unread.next()
        return this.#interceptors.length === 0 ? record : (this.#intercepted([record])[0] ?? null)
      },
      more: () => this.#more(signal),
    })
  }

  /** Poll by poll: an array of at least one record each time. */
  async *batches({ signal, maxRecords }: Omit<PollOptions, 'timeoutMs'> = {}): AsyncGenerator<
    readonly ConsumerRecord<K, V>[],
    void
  > {
    while (await this.#more(signal, maxRecords)) {
      const records = await this.poll({ timeoutMs: 0, ...(maxRecords !== undefined && { maxRecords }) })
      if (records.length > 0) yield records
    }
  }

  async #more(signal: AbortSignal | undefined, maxRecords?: number): Promise<boolean> {
    const isOver = (): boolean => this.#closing !== null || signal?.aborted === true
    if (this.#subscription.kind === 'none' && !isOver())
      throw illegalState('Consumer is not subscribed to any topics or assigned any partitions')
    try {
      while (!isOver() && this.#unread.isEmpty) {
        const options = { timeoutMs: FOREVER_MS, ...(signal && { signal }), ...(maxRecords && { maxRecords }) }
        await this.#polling.poll(options)
      }
    } catch (error) {
      if (!isOver()) throw error
    }
    return !isOver()
  }

  #intercepted(records: readonly ConsumerRecord<K, V>[]): readonly ConsumerRecord<K, V>[] {
    let current = records
    for (const interceptor of this.#interceptors) {
      try {
        current = interceptor.onConsume?.(current) ?? current
      } catch (error) {
        this.#logger.warn('an interceptor failed in onConsume', { error: String(error) })
      }
    }
    return current
  }

  /** Ends the poll that waits, or the next one, with a WakeupException. */
  wakeup(): void {
    this.#polling.wakeup()
  }

  // --- positions

  /** Where the next poll reads on. */
  seek(partition: TopicPartition, to: number | Omit<OffsetAndMetadata, keyof TopicPartition>): void {
    const { offset, leaderEpoch } = typeof to === 'number' ? { offset: to } : to
    if (!(offset >= 0)) throw new KafkaError('IllegalArgumentException', 'seek offset must not be a negative number')
    this.#seek([partition], offset, leaderEpoch === undefined || leaderEpoch < 0 ? undefined : leaderEpoch)
  }

  /** Default: everything that is assigned. */
  seekToBeginning(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#seek(partitions, 'beginning')
  }

  seekToEnd(partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#seek(partitions, 'end')
  }

  /** To the first record that is not older than `timestamp` (ms since the epoch), or to the end. */
  seekToTime(timestamp: number, partitions: readonly TopicPartition[] = this.assignment()): void {
    this.#seek(partitions, { timestamp })
  }

  #seek(partitions: readonly TopicPartition[], to: unknown, leaderEpoch?: number): void {
    this.#open()
    for (const each of partitions) this.#subscription.check(each)
    for (const { topic, partition } of partitions) {
      this.#unread.drop({ topic, partition })
      this.#tell({ kind: 'seek', topic, partition, to, ...(leaderEpoch !== undefined && { leaderEpoch }) })
    }
  }

  /** Their records are not handed out until they are resumed; they stay this consumer's. */
  pause(partitions: readonly TopicPartition[]): void {
    this.#open()
    for (const each of partitions) this.#subscription.check(each)
    for (const { topic, partition } of partitions) {
      const offset = this.#unread.drop({ topic, partition })
      if (offset !== null) this.#tell({ kind: 'seek', topic, partition, to: offset })
    }
    this.#subscription.pause(partitions, true)
    this.#tell({ kind: 'pause', partitions })
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#open()
    for (const each of partitions) this.#subscription.check(each)
    this.#subscription.pause(partitions, false)
    this.#tell({ kind: 'resume', partitions })
  }

  paused(): readonly TopicPartition[] {
    return this.#subscription.paused
  }

  /** The offset of the next record that will be handed out. */
  async position(partition: TopicPartition, options: TimeoutOptions = {}): Promise<number> {
    this.#open()
    this.#subscription.check(partition)
    const { topic, partition: index } = partition
    const unread = this.#unread.offsets().find((each) => each.topic === topic && each.partition === index)
    if (unread !== undefined) return unread.offset
    const [found] = await this.#ask({ kind: 'position', topic, partition: index }, options)
    return found!.offset
  }

  /** What the group has committed; partitions without are left out. */
  committed(
    partitions: readonly TopicPartition[],
    options: TimeoutOptions = {},
  ): Promise<readonly OffsetAndMetadata[]> {
    this.#needGroup()
    return this.#ask({ kind: 'committed', partitions }, options)
  }

  beginningOffsets(
    partitions: readonly TopicPartition[],
    options: TimeoutOptions = {},
  ): Promise<readonly OffsetAndMetadata[]> {
    return this.#ask({ kind: 'beginningOffsets', partitions }, options)
  }

  /** The high watermark, or the last stable offset with `isolation.level=read_committed`. */
  endOffsets(
    partitions: readonly TopicPartition[],
    options: TimeoutOptions = {},
  ): Promise<readonly OffsetAndMetadata[]> {
    return this.#ask({ kind: 'endOffsets', partitions }, options)
  }

  /** The first record of each partition that is not older than its timestamp; partitions without are left out. */
  async offsetsForTimes(
    partitions: readonly (TopicPartition & { readonly timestamp: number })[],
    options: TimeoutOptions = {},
  ): Promise<readonly OffsetAndTimestamp[]> {
    const found = await this.#ask({ kind: 'offsetsForTimes', partitions }, options)
    return found.map(({ metadata: _, timestamp = -1, ...rest }) => ({ ...rest, timestamp }))
  }

  async #ask(question: object, { timeoutMs = this.#apiTimeoutMs }: TimeoutOptions): Promise<OffsetsAnswer['offsets']> {
    this.#open()
    const message = { ...question, timeoutMs } as object as Message
    const { error, detail, offsets } = await this.node.ask<OffsetsAnswer>(this.#actor, message)
    if (error !== 0) throw kafkaError(error, detail)
    return offsets
  }

  // --- the group

  /** Default: everything that was handed out. */
  async commit(offsets?: readonly OffsetAndMetadata[] | null, options: CommitOptions = {}): Promise<void> {
    this.#open()
    this.#needGroup()
    const { once = false, timeoutMs = this.#apiTimeoutMs } = options
    const what = offsets ? { offsets: offsets.map(toCommit) } : { offsets: null, unseen: this.#unread.offsets() }
    const message = { kind: 'commit', ...what, once, timeoutMs } as object as Message
    const committed = await this.node.ask<Committed>(this.#actor, message)
    const { error, detail, indefinite } = committed
    if (error !== 0) throw kafkaError(error, detail, { indefinite })
    for (const interceptor of this.#interceptors) {
      try {
        interceptor.onCommit?.(committed.offsets)
      } catch (thrown) {
        this.#logger.warn('an interceptor failed in onCommit', { error: String(thrown) })
      }
    }
  }

  /** For `producer.sendOffsetsToTransaction`. */
  groupMetadata(): Promise<GroupMetadata> {
    this.#open()
    this.#needGroup()
    return this.node.ask(this.#actor, { kind: 'groupMetadata' })
  }

  /** The next poll rejoins the group though nothing has changed. */
  enforceRebalance(reason?: string): void {
    this.#open()
    this.#tell({ kind: 'enforceRebalance', ...(reason !== undefined && { reason }) })
  }

  // --- the end

  /** Commits if `enable.auto.commit` says so, lets the listener have its say, leaves the group (a static member stays). */
  close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    try {
      await this.#polling.end()
      await this.#subscription.revoke(this.#subscription.kind === 'assigned' ? [] : this.#subscription.assigned)
    } finally {
      this.#closed = true
      const unseen = this.#unread.offsets()
      this.#unread.clear()
      await this.node.ask<ConsumerClosed>(this.#actor, { kind: 'close', timeoutMs, unseen } as Message)
      if (this.#ownsNode) this.node.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #tell(message: object): void {
    this.node.tell(this.#actor, message as Message)
  }

  #open(): void {
    if (this.#closed) throw illegalState('This consumer has already been closed.')
  }

  #needGroup(): void {
    if (this.#groupId !== null && this.#groupId !== '') return
    throw new KafkaError(
      'InvalidGroupIdException',
      'To use the group management or offset commit APIs, you must provide a valid group.id in the consumer configuration.',
    )
  }
}
