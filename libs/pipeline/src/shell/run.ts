/**
 * Runs a pipeline: `num.stream.threads` threads, each a member of the group `application.id`. Other processes that run
 * the same pipeline share its work. Source: KafkaStreams.
 */
import { KafkaError } from '@troupe/client/shell/errors'
import type { Connector } from '@troupe/client/shell/connector'
import { silentLogger, type Logger } from '@troupe/client/shell/logger'
import type { Properties } from '@troupe/client/shell/property'
import type { Pipeline } from '../dsl/pipeline.ts'
import type { StoreEntry } from '../engine/contract.ts'
import type { ThreadChanged, ThreadDescribed, ThreadFailure, ThreadMetrics, ThreadPhase } from '../thread/messages.ts'
import { LocalThread, type StreamThread } from './local-thread.ts'
import { runProperties, type RunProperties } from './properties.ts'
import { WorkerThread } from './worker-thread.ts'

/** As `KafkaStreams.State`. */
export type State =
  | 'CREATED'
  | 'REBALANCING'
  | 'RUNNING'
  | 'PENDING_SHUTDOWN'
  | 'NOT_RUNNING'
  | 'PENDING_ERROR'
  | 'ERROR'

/** As `StreamsUncaughtExceptionHandler`'s: what becomes of the application when a thread has died. */
export type UncaughtExceptionResponse = 'REPLACE_THREAD' | 'SHUTDOWN_CLIENT'

export interface RunOptions {
  /** The way to the brokers; default: TCP. Not with `module`. */
  readonly connector?: Connector
  /**
   * The threads become worker threads. Functions cannot go there, so each of them imports this module's URL, which
   * exports the pipeline: as `default`, as `app`, or under the name in `export`.
   */
  readonly module?: string | URL
  readonly export?: string
  /** Hears why a thread has died. Default: `SHUTDOWN_CLIENT`. */
  readonly uncaughtExceptionHandler?: (error: KafkaError, thread: string) => UncaughtExceptionResponse
  readonly onStateChange?: (to: State, from: State) => void
  readonly logger?: Logger
}

export interface Metrics extends ThreadMetrics {
  readonly threads: readonly ThreadDescribed[]
}

export class Running {
  readonly applicationId: string
  /** Of this process; part of every transactional.id. */
  readonly instance: string
  readonly #app: Pipeline
  readonly #options: RunOptions
  readonly #properties: RunProperties
  readonly #given: Properties
  readonly #threads = new Map<string, StreamThread>()
  readonly #phases = new Map<string, ThreadPhase>()
  readonly #waiting = new Set<() => void>()
  readonly #failures: KafkaError[] = []
  #state: State = 'CREATED'
  #closed: Promise<boolean> | null = null

  constructor(app: Pipeline, given: Properties, options: RunOptions) {
    const logger = options.logger ?? silentLogger
    this.#app = app
    this.#options = options
    this.#given = given
    this.applicationId = String(given['application.id'] ?? app.name)
    this.instance = crypto.randomUUID()
    this.#properties = runProperties(given, this.applicationId, logger)
    for (let index = 1; index <= this.#properties.threads; index++) this.#startThread(index)
  }

  get state(): State {
    return this.#state
  }

  /** Why threads have died, in that order. */
  get errors(): readonly KafkaError[] {
    return this.#failures
  }

  /** Sums over the threads that live, and each of them. */
  async metrics(): Promise<Metrics> {
    const asked = await Promise.allSettled([...this.#threads.values()].map((thread) => thread.describe()))
    const threads = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const sums: Record<string, number> = {}
    for (const { metrics } of threads) {
      for (const [name, value] of Object.entries(metrics)) sums[name] = (sums[name] ?? 0) + value
    }
    return { ...(sums as unknown as ThreadMetrics), threads }
  }

  /** What this process's tasks have in a store: uncommitted changes included, other processes' tasks not. */
  async query(store: string): Promise<readonly StoreEntry[]> {
    const entries = await Promise.all([...this.#threads.values()].map((thread) => thread.query(store)))
    return entries.flat()
  }

  /** Resolves when the state is this one; rejects when it cannot become it any more. */
  async becomes(state: State): Promise<void> {
    while (this.#state !== state) {
      const over = this.#state === 'ERROR' || this.#state === 'NOT_RUNNING'
      if (over) throw this.#failures[0] ?? new KafkaError('IllegalStateException', `the pipeline is ${this.#state}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Commits what is processed and leaves the group. True: everything was committed. */
  close({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    this.#closed ??= this.#close(timeoutMs)
    return this.#closed
  }

  /** As if the process had been killed: no commit, no farewell. For tests. */
  async crash(): Promise<void> {
    this.#closed ??= Promise.resolve(false)
    this.#become('NOT_RUNNING')
    await Promise.all([...this.#threads.values()].map((thread) => thread.crash()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(timeoutMs: number): Promise<boolean> {
    const failed = this.#failures.length > 0
    this.#become(failed ? 'PENDING_ERROR' : 'PENDING_SHUTDOWN')
    const closed = await Promise.all([...this.#threads.values()].map((thread) => thread.close(timeoutMs)))
    this.#become(failed ? 'ERROR' : 'NOT_RUNNING')
    return closed.every(Boolean) && !failed
  }

  #startThread(index: number): void {
    const thread = `StreamThread-${index}`
    const { connector, module, logger = silentLogger } = this.#options
    const onChanged = (change: ThreadChanged): void => this.#changed(index, change)
    const common = { thread, index, instance: this.instance, logger, onChanged }
    this.#phases.set(thread, 'CREATED')
    const started =
      module === undefined
        ? new LocalThread({
            ...common,
            topology: this.#app.topology({ 'application.id': this.applicationId }),
            properties: this.#properties,
            connector,
          })
        : new WorkerThread({
            ...common,
            module: String(module),
            exportName: this.#options.export,
            applicationId: this.applicationId,
            properties: this.#given,
          })
    this.#threads.set(thread, started)
  }

  #changed(index: number, { thread, phase, failure }: ThreadChanged): void {
    this.#phases.set(thread, phase)
    if (this.#closed !== null) return
    if (phase === 'DEAD' && failure !== null) return this.#died(index, thread, failure)
    const phases = [...this.#phases.values()]
    this.#become(phases.every((each) => each === 'RUNNING') ? 'RUNNING' : 'REBALANCING')
  }

  #died(index: number, thread: string, failure: ThreadFailure): void {
    const error = new KafkaError(failure.name, failure.message, { fatal: true, cause: failure.cause ?? undefined })
    this.#failures.push(error)
    const { logger = silentLogger, uncaughtExceptionHandler } = this.#options
    logger.error(`${thread} has died: ${failure.message}`, { name: failure.name })
    const response = uncaughtExceptionHandler?.(error, thread) ?? 'SHUTDOWN_CLIENT'
    if (response === 'SHUTDOWN_CLIENT') return void this.close()
    const before = this.#threads.get(thread)!
    void before.close(0).then(() => {
      if (this.#closed === null) this.#startThread(index)
    })
  }

  #become(state: State): void {
    if (this.#state === state) return
    const from = this.#state
    this.#state = state
    this.#options.onStateChange?.(state, from)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}

/** Starts the threads; they join the group by themselves: `await running.becomes('RUNNING')` waits for that. */
export function run(app: Pipeline, properties: Properties, options: RunOptions = {}): Promise<Running> {
  return Promise.resolve(new Running(app, properties, options))
}
