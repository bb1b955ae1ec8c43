/** The brokers of an embedded cluster, from their start to the last trace of them, and the ways to reach one. */
import module from 'node:module'
import type { MessagePort } from 'node:worker_threads'
import { describeEnd, type Cluster as Brokers, type Slot } from '@troupe/runtime/cluster'
import { clusterStatus, type ClusterStatus } from '@troupe/runtime/cluster-status'
import type { Report } from '@troupe/runtime/control'
import { lockDirectory, type DirectoryLock } from '@troupe/runtime/lock-file'
import type { Settings } from '@troupe/runtime/settings'
import { hostAndPort, makeCluster, startBrokers, stopBrokers } from '@troupe/runtime/start-brokers'
import { endHelpers } from '@troupe/runtime/worker-launch'
import { BrokerHands } from './broker-hands.ts'
import { dataDirectory, type DataDirectory } from './data-directory.ts'
import { embeddedHost, embeddedPort } from './faults.ts'
import { embeddedSettings, type EmbeddedOptions } from './options.ts'
import type { Asked } from './questions.ts'
import { BrokerUnreachable } from './requests.ts'
import { Supervision } from './supervision.ts'

const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const assembly = new URL(`./worker/assembly${extension}`, import.meta.url).href

/** The cluster could not be started. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
}

export class EmbeddedBrokers implements Asked {
  readonly data: DataDirectory
  readonly supervision: Supervision
  readonly #settings: Settings
  readonly #brokers: Brokers
  readonly #hands = new Map<number, BrokerHands>()
  readonly #lock: DirectoryLock
  clusterId = ''
  #ending: Promise<void> | null = null

  constructor(options: EmbeddedOptions) {
    // The workers' modules are stripped and compiled once, not at every start.
    if (module.getCompileCacheDir() === undefined) module.enableCompileCache()
    this.data = dataDirectory(options.directory)
    this.#settings = embeddedSettings(options, this.data.path)
    this.#lock = lockDirectory(this.data.path)
    const { onReport = () => {} } = options
    this.#brokers = makeCluster(this.#settings, {
      assembly,
      attach: (broker) => this.#hands.get(broker)!.attach(),
      onReports: (reports) => reports.forEach((report) => onReport(report)),
    })
    for (const broker of this.#brokers.slots.keys()) this.#hands.set(broker, new BrokerHands(broker))
    this.supervision = new Supervision(this.#brokers, (level: Report['level'], event, fields) =>
      onReport({ level, broker: -1, actor: 'supervisor', event, fields }),
    )
  }

  /** Resolves when every broker serves clients; rejects when one ends before that. */
  async start(): Promise<void> {
    const booted = startBrokers(this.#brokers, this.#settings).catch((error: Error) => {
      throw new StartFailed(error.message, { cause: error })
    })
    const early = Promise.withResolvers<never>()
    for (const { process, plan } of this.#brokers.slots.values()) {
      void process!.ended.then((end) => {
        early.reject(new StartFailed(`broker ${plan.broker} has ended: ${describeEnd(end)}`))
      })
    }
    early.promise.catch(() => {})
    this.clusterId = await Promise.race([booted, early.promise])
    await Promise.race([this.#brokers.whenAllRunning, early.promise])
    this.supervision.watch()
  }

  get ids(): number[] {
    return [...this.#hands.keys()]
  }

  slot(broker: number): Slot {
    const slot = this.#brokers.slot(broker)
    if (slot === undefined) throw new RangeError(`there is no broker ${broker}`)
    return slot
  }

  hands(broker: number): BrokerHands {
    this.slot(broker)
    return this.#hands.get(broker)!
  }

  allHands(): Iterable<BrokerHands> {
    return this.#hands.values()
  }

  /** Addresses of TCP listeners, by broker; where there are none, the names that `dial` knows. */
  get bootstrap(): string {
    return [...this.#brokers.slots.values()]
      .map(({ plan, listeners: [tcp] }) => hostAndPort(tcp ?? embeddedAddress(plan.broker)))
      .join(',')
  }

  get embeddedBootstrap(): string {
    return this.ids.map((broker) => hostAndPort(embeddedAddress(broker))).join(',')
  }

  /** A connection to whoever this address is of: the brokers' own names for it, and those of TCP. */
  dial(host: string, port: number): MessagePort | null {
    const isThis = (address: { host: string; port: number }): boolean => address.host === host && address.port === port
    for (const { plan, listeners } of this.#brokers.slots.values()) {
      if (!isThis(embeddedAddress(plan.broker)) && !listeners.some(isThis)) continue
      return this.isAlive(plan.broker) ? this.hands(plan.broker).connect() : null
    }
    return null
  }

  isAlive(broker: number): boolean {
    return this.slot(broker).process !== null
  }

  // --- the questions' way to the brokers

  status(): Promise<ClusterStatus> {
    return clusterStatus(this.#brokers, this.clusterId, ({ plan }) => !this.hands(plan.broker).isPaused)
  }

  answering(): number[] {
    return this.ids.filter((broker) => this.slot(broker).state === 'running' && !this.hands(broker).isPaused)
  }

  async ask<Response>(broker: number, api: string, body: object): Promise<Response> {
    const channel = this.isAlive(broker) ? this.hands(broker).requests() : null
    if (channel === null) throw new BrokerUnreachable(`broker ${broker} does not run`)
    return channel.ask<Response>(api, body)
  }

  // --- the end

  /** Nothing of it is left: no worker, timer, port, and no directory unless it was given. */
  end(): Promise<void> {
    return (this.#ending ??= this.#end())
  }

  async #end(): Promise<void> {
    await this.supervision.end()
    for (const hands of this.#hands.values()) {
      hands.resume()
      // Or the ordered stop could not write what it has to.
      if (hands.faults.isDiskFull && this.slot(hands.broker).state === 'running')
        await hands.change({ isDiskFull: false })
    }
    // What nobody will read need not be closed in order.
    if (this.data.isTemporary) await this.#terminateAll()
    else await stopBrokers(this.#brokers)
    await Promise.all([...this.#hands.values()].map((hands) => hands.release()))
    await endHelpers()
    this.#lock.release()
    this.data.remove()
    // Ports of clients that were closed with their broker are gone when this turn is over.
    await new Promise((resolve) => setImmediate(resolve))
  }

  async #terminateAll(): Promise<void> {
    await Promise.all([...this.#brokers.slots.values()].map(({ process }) => process?.terminate()))
  }
}

function embeddedAddress(broker: number): { host: string; port: number } {
  return { host: embeddedHost(broker), port: embeddedPort }
}
