/**
 * What the applications of simulated clients share: the history they write, the values they send, the order to finish.
 *
 * Applications are actors like the client's own; what they know of the run comes through the `notebook`, which stays
 * when a client is killed.
 */
import type { Env, Message } from '@troupe/actor'
import { HistoryRecorder, type Invocation } from '../history/record.ts'

/** One for the whole run: what clients asked and heard. */
export class Notebook {
  readonly recorder = new HistoryRecorder()
  /** No new work is begun: what is under way is finished, readers read to the end. */
  finishing = false
  private value = 0
  private process = 0
  private readonly startMs: number
  private readonly invoked = new Map<number, Invocation>()
  /** Hears of every operation: the recorder of the trace. */
  onOperation: (process: number) => void = () => {}

  constructor(startMs: number) {
    this.startMs = startMs
  }

  /** Each value is sent once. */
  nextValue(): number {
    return ++this.value
  }

  /** Whoever does not know what became of its operation goes on under a new number. */
  newProcess(): number {
    return this.process++
  }

  invoke(now: number, invocation: Invocation): void {
    this.invoked.set(invocation.process, invocation)
    this.recorder.invoke((now - this.startMs) * 1_000_000, invocation)
    this.onOperation(invocation.process)
  }

  /** What it does has become known only now: should it be abandoned, this is what may have happened. */
  amend(invocation: Invocation): void {
    this.invoked.set(invocation.process, invocation)
  }

  complete(now: number, type: 'ok' | 'fail' | 'info', completion: Invocation): void {
    this.invoked.delete(completion.process)
    this.recorder.complete((now - this.startMs) * 1_000_000, type, completion)
    this.onOperation(completion.process)
  }

  /** The process is gone in the middle of something: nobody will hear what became of it. */
  abandon(now: number, process: number): void {
    const invocation = this.invoked.get(process)
    if (invocation !== undefined) this.complete(now, 'info', invocation)
  }

  /** Operations that have not been answered, but for the polls of readers, which go on to the end. */
  get open(): number {
    let count = 0
    for (const { f, group } of this.invoked.values()) if (f !== 'poll' || group !== undefined) count++
    return count
  }
}

export interface ApplicationArgs {
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  readonly everyMs: number
  readonly properties: Readonly<Record<string, unknown>>
}

export interface ApplicationEnv extends Env {
  readonly notebook: Notebook
}

export interface Go extends Message {
  readonly kind: 'go'
}

export const go: Go = { kind: 'go' }

export const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`

export function valueBytes(value: number | string): Uint8Array {
  const text = String(value)
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index)
  return bytes
}

export function valueOf(bytes: Uint8Array | null): number | string {
  let text = ''
  for (const byte of bytes ?? []) text += String.fromCharCode(byte)
  const number = Number(text)
  return Number.isInteger(number) ? number : text
}

/** 0 … limit − 1, from the actor's own stream. */
export function below(env: Env, limit: number): number {
  return Math.floor((env.random() / 2 ** 32) * limit)
}
