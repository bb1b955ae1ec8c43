/** Starts the worker thread of a broker and watches it end. */
import module from 'node:module'
import { MessageChannel, receiveMessageOnPort, Worker, type Transferable } from 'node:worker_threads'
import { nodeEndpoint, wrap, type Remote } from './comlink.ts'
import type { BrokerControl, Report, WorkerSeed } from './control.ts'
import { endJobs, serveJobs } from './job-pool.ts'
import { brokerPermissions } from './permissions.ts'
import { newUuid } from './new-uuid.ts'
import type { SyncChannel } from './sync-channel.ts'

export interface LaunchOptions {
  readonly broker: number
  readonly directory: string
  readonly onReports: (reports: readonly Report[]) => void
  /** URL of the module with the actors; the real ones unless a test brings its own. */
  readonly assembly?: string
  /** For such an assembly. */
  readonly attachment?: Attachment
}

/** Goes to a worker's assembly as it is; `transfer` is what of it has to be moved there. */
export interface Attachment {
  readonly value: unknown
  readonly transfer: readonly Transferable[]
}

export interface WorkerEnd {
  readonly code: number
  /** What it died of, if that was an error nobody caught. */
  readonly error: Error | null
}

export interface BrokerProcess {
  readonly broker: number
  /** Of this life: the controller tells by it a registration from a later one. */
  readonly incarnationId: string
  readonly remote: Remote<BrokerControl>
  readonly ended: Promise<WorkerEnd>
  /** Gone at once, whatever it is doing. */
  terminate(): Promise<void>
}

/** `.ts` from source, `.js` where the package was built. */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const realAssembly = new URL(`./assembly${extension}`, import.meta.url).href
const brokerWorker = new URL(`./broker-worker${extension}`, import.meta.url).href
const syncThread = new URL(`./sync-thread${extension}`, import.meta.url).href
const threadEntry = new URL('./thread-entry.mjs', import.meta.url)

const youngGenerationMb = 12

let syncing: Worker | null = null
/** Workers that may still ask it. */
let syncUsers = 0

/** The one thread that may fsync, for all brokers of the process; it lives as long as the process, or until `endHelpers`. */
function connectSyncThread(): SyncChannel {
  if (syncing === null) {
    const compileCache = module.getCompileCacheDir() ?? null
    syncing = new Worker(threadEntry, { name: 'sync', workerData: { compileCache, entry: syncThread } })
    // Without it nothing becomes durable any more: an error nobody catches ends the process.
    syncing.unref()
  }
  const { port1: port, port2: theirs } = new MessageChannel()
  const outcome = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  syncing.postMessage({ port: theirs, outcome } satisfies SyncChannel, [theirs])
  return { port, outcome }
}

export function launchWorker(options: LaunchOptions): BrokerProcess {
  const { port1: reports, port2: theirs } = new MessageChannel()
  reports.on('message', options.onReports)
  const { port1: jobs, port2: theirJobs } = new MessageChannel()
  const compileCache = module.getCompileCacheDir() ?? null
  const assembly = options.assembly ?? realAssembly
  const sync = connectSyncThread()
  const seed: WorkerSeed = {
    broker: options.broker,
    assembly,
    reports: theirs,
    compileCache,
    sync,
    jobs: theirJobs,
    entry: brokerWorker,
    attachment: options.attachment?.value,
  }
  const worker = new Worker(threadEntry, {
    name: `broker-${options.broker}`,
    workerData: seed,
    transferList: [theirs, theirJobs, sync.port, ...(options.attachment?.transfer ?? [])],
    // What a broker keeps lives long, the rest dies within a turn: more room for the young only fills memory.
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
    execArgv: brokerPermissions(options.directory, compileCache),
    stdout: true,
  })
  // Standard output belongs to the ready line. Not a pipe: a terminated worker's stream never ends, nor do its listeners.
  worker.stdout.on('data', (text: Uint8Array) => process.stderr.write(text))
  const { promise: ended, resolve } = Promise.withResolvers<WorkerEnd>()
  serveJobs(jobs, ended)
  syncUsers++
  let error: Error | null = null
  worker.on('error', (cause) => (error = cause as Error))
  worker.on('exit', (code) => {
    // Why it ended is in the last of them.
    for (let last = receiveMessageOnPort(reports); last !== undefined; last = receiveMessageOnPort(reports)) {
      options.onReports(last.message as readonly Report[])
    }
    reports.close()
    syncUsers--
    resolve({ code, error })
  })
  return {
    broker: options.broker,
    incarnationId: newUuid(),
    remote: wrap<BrokerControl>(nodeEndpoint(worker as never)),
    ended,
    terminate: async () => void (await worker.terminate()),
  }
}

/** When no broker runs any more: ends what they shared, so that nothing of them is left in this process. */
export async function endHelpers(): Promise<void> {
  if (syncUsers > 0) return
  const worker = syncing
  syncing = null
  await Promise.all([worker?.terminate(), endJobs()])
}
