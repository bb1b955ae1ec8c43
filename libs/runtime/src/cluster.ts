/**
 * The brokers of this process as the main thread sees them: launching, meshing and booting their workers, and what
 * state each is in. Plain code, so that the workers are under way before anything large is loaded; how and when a
 * worker is replaced is the supervisor's business.
 */
import { MessageChannel } from 'node:worker_threads'
import type { MeshLink } from './bus.ts'
import { transfer } from './comlink.ts'
import { exitCodeStorage, type BootOptions, type BootResult, type Report, type ReportLevel } from './control.ts'
import { ringBytes } from './ring.ts'
import type { ListenerAddress } from './sockets.ts'
import { launchWorker, type Attachment, type BrokerProcess, type WorkerEnd } from './worker-launch.ts'

export type BrokerState = 'starting' | 'running' | 'stopping' | 'stopped' | 'crashed' | 'failed'

export interface BrokerPlan {
  readonly broker: number
  readonly directory: string
}

/** What is known only after the configuration was read. */
export interface ClusterBoot {
  readonly config: (broker: number) => BootOptions['config']
  readonly clusterId: string
  /** Of the metadata quorum; every broker when it is not said. */
  readonly voters?: readonly number[]
  readonly listeners: (broker: number) => readonly ListenerAddress[]
  readonly advertised: (broker: number) => readonly ListenerAddress[]
  readonly level: ReportLevel
}

export interface ClusterOptions {
  readonly brokers: readonly BrokerPlan[]
  readonly onReports: (reports: readonly Report[]) => void
  readonly assembly?: string
  /** What that assembly is to have, made for each life of a broker. */
  readonly attach?: (broker: number) => Attachment
}

export interface Slot {
  readonly plan: BrokerPlan
  state: BrokerState
  process: BrokerProcess | null
  /** Bound and advertised; the ports of the first start are kept at restarts. */
  listeners: readonly ListenerAddress[]
  starts: number
  /** What people asked for; a worker that ends otherwise is replaced. */
  wanted: 'running' | 'stopped'
  lastEnd: string | null
}

/** Distance between the incarnations of two lives: more actors than one life can start. */
const incarnationsPerLife = 2 ** 22

export class Cluster {
  readonly slots = new Map<number, Slot>()
  readonly #options: ClusterOptions
  #boot: ClusterBoot | null = null
  #lives = 0
  readonly #allRunning = Promise.withResolvers<void>()
  readonly #linked = new WeakMap<BrokerProcess, Set<BrokerProcess>>()

  constructor(options: ClusterOptions) {
    this.#options = options
    for (const plan of options.brokers) {
      this.slots.set(plan.broker, {
        plan,
        state: 'stopped',
        process: null,
        listeners: [],
        starts: 0,
        wanted: 'running',
        lastEnd: null,
      })
    }
  }

  slot(broker: number): Slot | undefined {
    return this.slots.get(broker)
  }

  /** Starts the thread; it loads its modules meanwhile and waits for `boot`. */
  launch(slot: Slot): BrokerProcess {
    const { onReports, assembly, attach } = this.#options
    const process = launchWorker({
      ...slot.plan,
      onReports,
      ...(assembly === undefined ? {} : { assembly }),
      ...(attach === undefined ? {} : { attachment: attach(slot.plan.broker) }),
    })
    slot.process = process
    slot.state = 'starting'
    slot.starts++
    void process.ended.then(({ code, error }) => {
      if (slot.process !== process) return
      slot.process = null
      slot.state = slot.wanted === 'stopped' ? 'stopped' : 'crashed'
      slot.lastEnd = describeEnd({ code, error })
    })
    return process
  }

  configure(boot: ClusterBoot): void {
    this.#boot = boot
  }

  /** Gives the worker its configuration and its links to all others that run. Rejects when it ends meanwhile. */
  async boot(slot: Slot): Promise<BootResult> {
    const boot = this.#boot!
    const { broker, directory } = slot.plan
    const process = slot.process!
    const links = this.#link(slot)
    const known = slot.listeners
    const keepPort = (address: ListenerAddress, index: number): ListenerAddress =>
      address.port === 0 && known[index] !== undefined ? { ...address, port: known[index].port } : address
    const options: BootOptions = {
      config: boot.config(broker),
      directory,
      clusterId: boot.clusterId,
      incarnationId: process.incarnationId,
      brokers: [...this.slots.keys()],
      voters: boot.voters ?? [...this.slots.keys()],
      listeners: boot.listeners(broker).map(keepPort),
      advertised: boot.advertised(broker).map(keepPort),
      links,
      firstIncarnation: ++this.#lives * incarnationsPerLife,
      seed: `${boot.clusterId}/${broker}`,
      level: boot.level,
    }
    const booted = process.remote.boot(transfer(options, links.map(({ port }) => port) as never))
    const result = await Promise.race([booted, process.ended.then(endedEarly)])
    slot.listeners = result.listeners
    return result
  }

  async ready(slot: Slot): Promise<void> {
    const process = slot.process
    if (process === null) return endedEarly({ code: -1, error: null })
    await Promise.race([process.remote.ready(), process.ended.then(endedEarly)])
    slot.state = 'running'
    if ([...this.slots.values()].every(({ state }) => state === 'running')) this.#allRunning.resolve()
  }

  /** Resolves when all brokers have been running at the same time for the first time. */
  get whenAllRunning(): Promise<void> {
    return this.#allRunning.promise
  }

  /** Whether these two lives have their connection; if not, they are about to get it. */
  #isLinked(one: BrokerProcess, other: BrokerProcess): boolean {
    const linked = this.#linked.get(one) ?? new Set()
    if (linked.has(other)) return true
    this.#linked.set(one, linked.add(other))
    this.#linked.set(other, (this.#linked.get(other) ?? new Set()).add(one))
    return false
  }

  /** New connections to every other worker that runs; those get their ends at once. */
  #link(slot: Slot): MeshLink[] {
    const links: MeshLink[] = []
    for (const other of this.slots.values()) {
      if (other === slot || other.process === null || this.#isLinked(slot.process!, other.process)) continue
      const { port1, port2 } = new MessageChannel()
      const [outgoing, incoming] = [new SharedArrayBuffer(ringBytes), new SharedArrayBuffer(ringBytes)]
      const [mine, their] = [slot.process!.incarnationId, other.process.incarnationId]
      links.push({ peer: other.plan.broker, incarnationId: their, port: port1, outgoing, incoming })
      const theirs: MeshLink = {
        peer: slot.plan.broker,
        incarnationId: mine,
        port: port2,
        outgoing: incoming,
        incoming: outgoing,
      }
      // A worker that ends meanwhile does not answer; its replacement gets links of its own.
      void other.process.remote.connect(transfer(theirs, [port2] as never))
    }
    return links
  }
}

/** How a worker ended, in words. */
export function describeEnd({ code, error }: WorkerEnd): string {
  if (error !== null) return error.stack ?? error.message
  return code === exitCodeStorage ? 'its log directory has failed' : `exit code ${code}`
}

/** A worker ended before it had done what was asked of it. */
export class WorkerEnded extends Error {}

function endedEarly({ code, error }: { code: number; error: Error | null }): never {
  throw new WorkerEnded(`the worker ended: ${describeEnd({ code, error })}`, { cause: error })
}
