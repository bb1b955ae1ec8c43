/**
 * One stream thread in a worker thread. The pipeline's functions cannot be sent there: the worker imports the module
 * that exports it. Asked by messages, each answered under its number.
 */
import { Worker } from 'node:worker_threads'
import { KafkaError } from '@troupe/client/shell/errors'
import type { Logger } from '@troupe/client/shell/logger'
import type { Properties } from '@troupe/client/shell/property'
import type { StoreQueried, ThreadChanged, ThreadDescribed } from '../thread/messages.ts'
import type { StreamThread } from './local-thread.ts'

export interface WorkerData {
  readonly module: string
  readonly exportName: string | undefined
  readonly applicationId: string
  readonly properties: Properties
  readonly thread: string
  readonly index: number
  readonly instance: string
}

export type ToWorker =
  | { readonly kind: 'close'; readonly id: number; readonly timeoutMs: number }
  | { readonly kind: 'describe'; readonly id: number }
  | { readonly kind: 'query'; readonly id: number; readonly store: string }

export type FromWorker =
  | { readonly kind: 'changed'; readonly change: ThreadChanged }
  | { readonly kind: 'answer'; readonly id: number; readonly body: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly message: string }

type Question = ToWorker extends infer Each ? (Each extends { id: number } ? Omit<Each, 'id'> : never) : never

export interface WorkerThreadOptions extends WorkerData {
  readonly logger: Logger
  readonly onChanged: (change: ThreadChanged) => void
}

export class WorkerThread implements StreamThread {
  readonly thread: string
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (body: unknown) => void; reject: (error: Error) => void }>()
  readonly #ended: Promise<void>
  #next = 1
  #isDead = false

  constructor({ logger, onChanged, ...data }: WorkerThreadOptions) {
    this.thread = data.thread
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#worker = new Worker(new URL(`./worker-entry.${extension}`, import.meta.url), { workerData: data })
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind !== 'changed') return this.#answered(message)
      this.#isDead ||= message.change.phase === 'DEAD'
      onChanged(message.change)
    })
    this.#worker.on('error', (error: Error) => {
      logger.error(`${data.thread} has ended with an error`, { error: error.message })
      if (this.#isDead) return
      this.#isDead = true
      const failure = { name: error.name, message: error.message, record: null, cause: error }
      onChanged({ kind: 'threadChanged', thread: data.thread, phase: 'DEAD', failure })
    })
    this.#ended = new Promise((resolve) =>
      this.#worker.once('exit', () => {
        for (const { reject } of this.#waiting.values()) reject(gone(this.thread))
        this.#waiting.clear()
        this.#isDead = true
        resolve()
      }),
    )
  }

  #answered(message: Exclude<FromWorker, { kind: 'changed' }>): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message.body)
    else waiting?.reject(new KafkaError('KafkaException', message.message))
  }

  #ask<T>(question: Question): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const id = this.#next++
      this.#waiting.set(id, { resolve: resolve as (body: unknown) => void, reject })
      this.#worker.postMessage({ ...question, id })
    })
  }

  async close(timeoutMs: number): Promise<boolean> {
    const clean = this.#isDead ? false : await this.#ask<boolean>({ kind: 'close', timeoutMs }).catch(() => false)
    await this.#worker.terminate()
    await this.#ended
    return clean
  }

  describe(): Promise<ThreadDescribed> {
    return this.#isDead ? Promise.reject(gone(this.thread)) : this.#ask({ kind: 'describe' })
  }

  query(store: string): Promise<StoreQueried['entries']> {
    return this.#isDead ? Promise.reject(gone(this.thread)) : this.#ask({ kind: 'query', store })
  }

  async crash(): Promise<void> {
    await this.#worker.terminate()
    await this.#ended
  }
}

function gone(thread: string): KafkaError {
  return new KafkaError('IllegalStateException', `${thread} is closed`)
}
