/** A broker's side of the sync thread: what its file system calls instead of Node's fsync. */
import { closeSync } from 'node:fs'
import util from 'node:util'
import type { SyncCalls } from '@troupe/log/node-file-system.node'
import { outcomes, type SyncAnswer, type SyncChannel, type SyncRequest } from './sync-channel.ts'

/** A disk that takes longer is as good as dead. */
const blockingLimitMs = 120_000

export class SyncClient implements SyncCalls {
  readonly #channel: SyncChannel
  readonly #cell: Int32Array
  readonly #waiting = new Map<number, { descriptor: number; done: (error: Error | null) => void }>()
  /** Descriptors with requests under way; a number that is closed and used again would sync another file. */
  readonly #busy = new Map<number, number>()
  readonly #closeLater = new Set<number>()
  #nextId = 1

  constructor(channel: SyncChannel) {
    this.#channel = channel
    this.#cell = new Int32Array(channel.outcome)
    channel.port.on('message', (answer: SyncAnswer) => this.#answered(answer))
    channel.port.unref()
  }

  fsync(descriptor: number): void {
    this.#block('fsync', descriptor)
  }

  fdatasync(descriptor: number): void {
    this.#block('fdatasync', descriptor)
  }

  fdatasyncLater(descriptor: number, done: (error: Error | null) => void): void {
    const id = this.#nextId++
    this.#waiting.set(id, { descriptor, done })
    this.#busy.set(descriptor, (this.#busy.get(descriptor) ?? 0) + 1)
    this.#channel.port.ref()
    this.#send({ id, call: 'fdatasync', descriptor })
  }

  close(descriptor: number): void {
    if (this.#busy.has(descriptor)) this.#closeLater.add(descriptor)
    else closeSync(descriptor)
  }

  #block(call: SyncRequest['call'], descriptor: number): void {
    Atomics.store(this.#cell, 0, outcomes.pending)
    this.#send({ id: 0, call, descriptor })
    const waited = Atomics.wait(this.#cell, 0, outcomes.pending, blockingLimitMs)
    const outcome = Atomics.load(this.#cell, 0)
    if (waited === 'timed-out') throw systemError(call, 'ETIMEDOUT')
    if (outcome !== outcomes.done) throw systemError(call, util.getSystemErrorName(outcome))
  }

  #send(request: SyncRequest): void {
    this.#channel.port.postMessage(request)
  }

  #answered({ id, errno }: SyncAnswer): void {
    const { descriptor, done } = this.#waiting.get(id)!
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#channel.port.unref()
    const others = this.#busy.get(descriptor)! - 1
    if (others > 0) this.#busy.set(descriptor, others)
    else {
      this.#busy.delete(descriptor)
      if (this.#closeLater.delete(descriptor)) closeSync(descriptor)
    }
    done(errno === 0 ? null : systemError('fdatasync', util.getSystemErrorName(errno)))
  }
}

function systemError(call: string, code: string): Error {
  return Object.assign(new Error(`${code}: ${call}`), { code, syscall: call })
}
