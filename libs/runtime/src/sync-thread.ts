/**
 * Entry of the thread that makes bytes durable for all brokers.
 *
 * Node forbids fsync to a thread under its permission model (a descriptor has no path to check). Descriptors belong to
 * the process, so brokers hand theirs to this thread, which has no other task: it opens nothing and writes nothing.
 */
import fs from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { outcomes, type SyncAnswer, type SyncChannel, type SyncRequest } from './sync-channel.ts'

function serve({ port, outcome }: SyncChannel): void {
  const cell = new Int32Array(outcome)
  port.on('message', ({ id, call, descriptor }: SyncRequest) => {
    fs[call](descriptor, (error) => {
      const errno = error === null ? 0 : (error.errno ?? -1)
      if (id !== 0) {
        port.postMessage({ id, errno } satisfies SyncAnswer)
        return
      }
      Atomics.store(cell, 0, errno === 0 ? outcomes.done : errno)
      Atomics.notify(cell, 0)
    })
  })
}

parentPort?.on('message', serve)
