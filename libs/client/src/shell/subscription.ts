/**
 * What the application has subscribed to or assigned, what it has of it now, and its rebalance listener.
 *
 * The listener is awaited: before partitions are given up it can finish its work with them and commit. It hears of
 * everything within the application's own calls (`poll`, `unsubscribe`, `close`), as in Java.
 */
import type { RebalanceEvent } from '../consumer/messages.ts'
import { KafkaError, illegalState } from './errors.ts'
import { partitionKey, type TopicPartition } from './offsets.ts'

export interface RebalanceListener {
  /** These were added. */
  onAssigned?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** These are about to be given up; still this consumer's until the Promise is kept. */
  onRevoked?(partitions: readonly TopicPartition[]): void | Promise<void>
  /** These may be somebody else's already. Default: `onRevoked`. */
  onLost?(partitions: readonly TopicPartition[]): void | Promise<void>
}

export type SubscriptionKind = 'none' | 'topics' | 'pattern' | 'assigned'

export class Subscription {
  kind: SubscriptionKind = 'none'
  topics: readonly string[] = []
  readonly #assigned = new Map<string, TopicPartition>()
  readonly #paused = new Set<string>()
  #listener: RebalanceListener = {}

  /** Refuses what Java refuses: names, a pattern and partitions exclude each other. */
  become(kind: SubscriptionKind, listener: RebalanceListener = {}): void {
    if (this.kind !== 'none' && this.kind !== kind)
      throw illegalState('Subscription to topics, partitions and pattern are mutually exclusive')
    this.kind = kind
    this.#listener = listener
  }

  clear(): void {
    this.kind = 'none'
    this.topics = []
    this.#listener = {}
    this.#assigned.clear()
    this.#paused.clear()
  }

  get assigned(): TopicPartition[] {
    return [...this.#assigned.values()]
  }

  get paused(): TopicPartition[] {
    return this.assigned.filter((each) => this.#paused.has(partitionKey(each)))
  }

  set(partitions: readonly TopicPartition[]): void {
    const keys = new Set(partitions.map(partitionKey))
    this.#remove(this.assigned.filter((each) => !keys.has(partitionKey(each))))
    this.#add(partitions)
  }

  #add(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions)
      this.#assigned.set(partitionKey({ topic, partition }), { topic, partition })
  }

  #remove(partitions: readonly TopicPartition[]): void {
    for (const each of partitions) {
      this.#assigned.delete(partitionKey(each))
      this.#paused.delete(partitionKey(each))
    }
  }

  check(partition: TopicPartition): void {
    if (!this.#assigned.has(partitionKey(partition)))
      throw illegalState(`No current assignment for partition ${partitionKey(partition)}`)
  }

  pause(partitions: readonly TopicPartition[], paused: boolean): void {
    for (const each of partitions) {
      if (paused) this.#paused.add(partitionKey(each))
      else this.#paused.delete(partitionKey(each))
    }
  }

  /** What a poll reports. `revoked` was announced by the poll before, and heard then. */
  async heard({ kind, partitions }: RebalanceEvent): Promise<void> {
    if (kind === 'assigned') {
      this.#add(partitions)
      return this.#call(this.#listener.onAssigned, partitions)
    }
    if (kind === 'revoked') return this.#remove(partitions)
    return this.lose(partitions)
  }

  async revoke(partitions: readonly TopicPartition[]): Promise<void> {
    const mine = partitions.filter((each) => this.#assigned.has(partitionKey(each)))
    if (mine.length === 0) return
    try {
      await this.#call(this.#listener.onRevoked, mine)
    } finally {
      this.#remove(mine)
    }
  }

  async lose(partitions: readonly TopicPartition[]): Promise<void> {
    const mine = partitions.filter((each) => this.#assigned.has(partitionKey(each)))
    if (mine.length === 0) return
    this.#remove(mine)
    await this.#call(this.#listener.onLost ?? this.#listener.onRevoked, mine)
  }

  async #call(
    callback: ((partitions: readonly TopicPartition[]) => void | Promise<void>) | undefined,
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    try {
      await callback?.call(this.#listener, partitions)
    } catch (cause) {
      throw new KafkaError('KafkaException', 'User rebalance callback throws an error', { cause })
    }
  }
}
