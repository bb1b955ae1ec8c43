/**
 * Polls of the core, until there is something for the application: what rebalances bring is told to the listener on the
 * way, and a wakeup or an aborted signal ends the wait without losing what the core has said meanwhile.
 */
import type { ConsumerRecord as CoreRecord, LogTruncation, Polled } from '../consumer/messages.ts'
import { KafkaError, kafkaError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Subscription } from './subscription.ts'

export interface PollOptions {
  /** Default: a second. */
  readonly timeoutMs?: number
  /** Default, and upper bound: `max.poll.records`. */
  readonly maxRecords?: number
  /** When it is aborted the poll ends with its reason. */
  readonly signal?: AbortSignal
}

/** Positions that the log does not have any more, and no reset policy to follow: the application has to seek. */
export class LogTruncationError extends KafkaError {
  readonly truncations: readonly LogTruncation[]

  constructor(truncations: readonly LogTruncation[]) {
    const where = truncations.map(({ topic, partition, offset }) => `${topic}-${partition} at ${offset}`).join(', ')
    super('LogTruncationException', `Detected log truncation: ${where}`)
    this.truncations = truncations
  }
}

interface PollingOptions {
  readonly ask: (timeoutMs: number, maxRecords: number | undefined) => Promise<Polled>
  /** Records go there at once, whatever else happens: until they are handed out they count as not seen. */
  readonly unread: { readonly isEmpty: boolean; fill(records: readonly CoreRecord[]): void }
  readonly subscription: Subscription
  readonly logger: Logger
}

export class Polling {
  readonly #options: PollingOptions
  /** News of the core that the application has not heard yet. */
  readonly #news: Polled[] = []
  #asking = false
  #running: Promise<unknown> | null = null
  #interruption: Promise<void> | null = null
  #woken = false
  #ended = false

  constructor(options: PollingOptions) {
    this.#options = options
  }

  /** Until there are records, or the time is over. */
  async poll(options: PollOptions): Promise<void> {
    if (this.#running !== null)
      throw new KafkaError('ConcurrentModificationException', 'a poll is under way; a consumer has one at a time')
    const { signal } = options
    const onAbort = (): void => this.#interrupt()
    signal?.addEventListener('abort', onAbort)
    const running = this.#poll(options)
    this.#running = running
    try {
      await running
    } finally {
      this.#running = null
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #poll({ timeoutMs = 1000, maxRecords, signal }: PollOptions): Promise<void> {
    const { unread } = this.#options
    const deadline = performance.now() + timeoutMs
    for (;;) {
      if (this.#ended) return
      signal?.throwIfAborted()
      this.#throwIfWoken()
      const news = this.#news.shift()
      if (news !== undefined) {
        await this.#tell(news)
        continue
      }
      if (!unread.isEmpty) return
      const left = Math.max(0, Math.ceil(deadline - performance.now()))
      await this.#ask(left, maxRecords)
      if (left === 0 && this.#news.length === 0) return
    }
  }

  async #ask(timeoutMs: number, maxRecords: number | undefined): Promise<void> {
    this.#asking = true
    try {
      this.#heard(await this.#options.ask(timeoutMs, maxRecords))
    } finally {
      this.#asking = false
    }
    await this.#interruption
  }

  #heard(polled: Polled): void {
    const { error, events, revoking, truncations, records } = polled
    if (records.length > 0) this.#options.unread.fill(records)
    if (error !== 0 || events.length > 0 || revoking.length > 0 || truncations.length > 0) this.#news.push(polled)
  }

  async #tell({ error, detail, events, revoking, truncations }: Polled): Promise<void> {
    const { subscription, logger } = this.#options
    let failure: unknown = null
    const attempt = async (told: Promise<void>): Promise<void> => {
      try {
        await told
      } catch (thrown) {
        failure ??= thrown
      }
    }
    for (const event of events) await attempt(subscription.heard(event))
    if (revoking.length > 0) await attempt(subscription.revoke(revoking))
    for (const each of truncations.filter(({ reset }) => reset)) logger.warn('the log was truncated', { ...each })
    const lost = truncations.filter(({ reset }) => !reset)
    if (error !== 0) throw kafkaError(error, detail)
    if (failure !== null) throw failure
    if (lost.length > 0) throw new LogTruncationError(lost)
  }

  wakeup(): void {
    this.#woken = true
    this.#interrupt()
  }

  /** A poll that waits ends with nothing; no further ones. */
  async end(): Promise<void> {
    this.#ended = true
    this.#interrupt()
    await this.#running?.catch(() => {})
  }

  /** A second poll ends the first with nothing. What the second says is kept. */
  #interrupt(): void {
    if (!this.#asking || this.#interruption !== null) return
    this.#interruption = this.#options
      .ask(0, 0)
      .then((polled) => this.#heard(polled))
      .catch(() => {})
      .finally(() => (this.#interruption = null))
  }

  #throwIfWoken(): void {
    if (!this.#woken) return
    this.#woken = false
    throw new KafkaError('WakeupException', 'the consumer was woken up')
  }
}
