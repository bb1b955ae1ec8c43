/**
 * The piscina pool for CPU-bound jobs, one for all brokers of the process: what would keep a broker's event loop busy for
 * seconds runs in a thread of its own, at low priority. Piscina is loaded, and its thread started, with the first job;
 * the thread ends when there has been nothing to do for a while.
 */
import { availableParallelism } from 'node:os'
import type { MessagePort } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import type { JobAnswer, JobRequest } from './job-channel.ts'

/** Brokers come first, also on two cores. */
const threads = availableParallelism() > 4 ? 2 : 1
const idleMs = 10_000
const niceIncrement = 10

let pool: Promise<Piscina> | null = null

/** Ends the thread at once, if there is one; the next job starts another. */
export async function endJobs(): Promise<void> {
  const ending = pool
  pool = null
  await (await ending)?.destroy()
}

async function makePool(): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  return new Piscina({
    filename: new URL(`./job-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: idleMs,
    niceIncrement,
  })
}

/** Serves a broker until `ended`; what it has asked for then is given up, and its thread with it. */
export function serveJobs(port: MessagePort, ended: Promise<unknown>): void {
  const end = new AbortController()
  void ended.then(() => {
    end.abort()
    port.close()
  })
  port.on('message', async ({ id, job }: JobRequest) => {
    let answer: JobAnswer
    try {
      const { run } = await (pool ??= makePool()).then((piscina) => ({ run: piscina.run.bind(piscina) }))
      answer = { id, outcome: await run(job, { signal: end.signal }) }
    } catch (error) {
      answer = { id, failure: error instanceof Error ? error.message : String(error) }
    }
    if (!end.signal.aborted) port.postMessage(answer)
  })
  port.unref()
}
