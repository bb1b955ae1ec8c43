/** `for await (const record of consumer)`: pulls a poll's worth of records, hands them out one by one, then pulls again. */
import type { ConsumerRecord } from './unread.ts'

export interface RecordSource<K, V> {
  /** The next record that is here already. */
  next(): ConsumerRecord<K, V> | null
  /** Waits until some are here. False: no more will come. */
  more(): Promise<boolean>
}

/** An iterator by hand: most of its steps have their record at once, and a generator would cost each of them thrice. */
export class RecordStream<K, V> implements AsyncIterableIterator<ConsumerRecord<K, V>> {
  readonly #source: RecordSource<K, V>
  #done = false

  constructor(source: RecordSource<K, V>) {
    this.#source = source
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    if (this.#done) return Promise.resolve({ done: true, value: undefined })
    try {
      const value = this.#source.next()
      return value === null ? this.#pull() : Promise.resolve({ done: false, value })
    } catch (error) {
      this.#done = true
      return Promise.reject(error as Error)
    }
  }

  async #pull(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    try {
      while (await this.#source.more()) {
        const value = this.#source.next()
        if (value !== null) return { done: false, value }
      }
    } catch (error) {
      this.#done = true
      throw error
    }
    this.#done = true
    return { done: true, value: undefined }
  }

  /** What was pulled and not handed out stays with the consumer: the next poll, or the next loop, begins with it. */
  return(): Promise<IteratorResult<ConsumerRecord<K, V>, undefined>> {
    this.#done = true
    return Promise.resolve({ done: true, value: undefined })
  }
}
