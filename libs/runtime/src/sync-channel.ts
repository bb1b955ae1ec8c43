/** What a broker and the sync thread say to each other. */
import type { MessagePort } from 'node:worker_threads'

export interface SyncChannel {
  readonly port: MessagePort
  /** One Int32: 0 while a blocking request is under way, then its outcome. */
  readonly outcome: SharedArrayBuffer
}

/** `id` 0: the broker's thread is blocked on `outcome`; else the answer is posted. */
export interface SyncRequest {
  readonly id: number
  readonly call: 'fsync' | 'fdatasync'
  readonly descriptor: number
}

export interface SyncAnswer {
  readonly id: number
  /** Negative system error number, 0 when all is well. */
  readonly errno: number
}

export const outcomes = { pending: 0, done: 1 } as const
