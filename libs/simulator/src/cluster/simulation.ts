/**
 * One run of a whole cluster, from a seed's options to what was found.
 *
 * Three stretches of virtual time: the cluster starts and gets its topics; then faults and clients (safety: every
 * checker after every event); then everything heals, clients finish, and progress is demanded (liveness). At the end the
 * history of what clients asked and heard is judged.
 */
import { actorNames, type Message } from '@troupe/actor'
import type { ViolationReport } from '../trace/format.ts'
import type { Applications } from './applications.ts'
import { Clients } from './clients.ts'
import { Cluster, startOfTime } from './cluster.ts'
import { livenessChecks } from './liveness.ts'
import { Nemesis } from './nemesis.ts'
import type { Observer } from './observer.ts'
import type { ClusterOptions } from './options.ts'
import { clusterCheckers } from './checkers.ts'
import { Violations } from './violations.ts'

const startMs = 60_000
const livenessStepMs = 250

export interface RunResult {
  readonly seed: number
  readonly events: number
  readonly virtualMs: number
  readonly hash: string
  readonly violations: readonly ViolationReport[]
  /** How often each interesting thing was seen. */
  readonly witnesses: Readonly<Record<string, number>>
  readonly faults: number
  readonly operations: number
}

export class Simulation<Clientele extends Applications = Clients> {
  readonly cluster: Cluster
  readonly clients: Clientele
  readonly violations: Violations
  private readonly nemesis: Nemesis

  /** `clientele`: what the clients run, where it is not drawn from the simulator's own applications. */
  constructor(
    options: ClusterOptions,
    observers: readonly Observer[] = [],
    clientele: (cluster: Cluster) => Applications = (cluster) => new Clients(cluster),
  ) {
    this.cluster = new Cluster(options)
    this.violations = new Violations(this.cluster)
    this.clients = clientele(this.cluster) as Clientele
    this.cluster.observers.push(this.violations, ...clusterCheckers(this.cluster, this.violations), ...observers)
    this.nemesis = new Nemesis(this.cluster, {
      killClient: (client, forMs) => this.clients.kill(client, forMs),
      askController: (message) => this.askController(message, () => {}),
    })
  }

  /** Runs to the end, or to the first violation. */
  run(): RunResult {
    if (this.begin() && this.safety() && this.liveness()) this.judge()
    return this.result()
  }

  private begin(): boolean {
    const { cluster } = this
    for (const id of cluster.brokers.keys()) cluster.startBroker(id)
    const areServing = (): boolean => [...cluster.brokers.keys()].every((id) => cluster.serves(id))
    if (!this.until(cluster.now + startMs, areServing)) return this.missed('L1', 'the cluster did not start')
    let created = false
    const create = (): void => {
      this.askController(createTopics(cluster.options), (body) => {
        created = isCreated(body)
        if (!created) cluster.at(cluster.now + 100, create)
      })
    }
    create()
    if (!this.until(cluster.now + startMs, () => created)) return this.missed('L4', 'the topics were not created')
    this.clients.start()
    return true
  }

  private safety(): boolean {
    const { cluster } = this
    this.nemesis.schedule(cluster.now)
    this.until(cluster.now + cluster.options.safetyMs, () => false)
    return !this.violations.any
  }

  private liveness(): boolean {
    const { cluster } = this
    const core = new Set(cluster.brokers.keys())
    this.nemesis.heal(new Set())
    this.clients.finish()
    const end = cluster.now + cluster.options.livenessMs
    let missing: [string, string] | null = null
    let wellSince = Infinity
    while (cluster.now < end) {
      this.until(cluster.now + livenessStepMs, () => false)
      if (this.violations.any) return false
      missing = this.firstMissing(core)
      if (missing !== null) wellSince = Infinity
      else {
        wellSince = Math.min(wellSince, cluster.now)
        const unread = this.clients.missing(wellSince)
        if (unread === null) return true
        missing = ['L6', unread]
      }
    }
    return this.missed(missing![0], missing![1])
  }

  private firstMissing(core: ReadonlySet<number>): [string, string] | null {
    for (const { id, missing } of livenessChecks) {
      const what = missing(this.cluster, core)
      if (what !== null) return [id, what]
    }
    const unanswered = this.clients.unanswered()
    return unanswered === null ? null : ['L7', unanswered]
  }

  private judge(): void {
    this.clients.judge((invariant, detail) => this.violations.report(invariant, detail))
  }

  private missed(id: string, what: string): false {
    if (!this.violations.any) this.violations.report(id, what)
    return false
  }

  /** False when there was a violation, or the time was over before `done`. */
  private until(time: number, done: () => boolean): boolean {
    return this.cluster.runUntil(time, () => this.violations.any || done()) && !this.violations.any
  }

  private askController(message: Message, heard: (body: unknown) => void): void {
    const broker = [...this.cluster.brokers.values()].find(({ host }) => host.up)
    if (broker === undefined) return heard(null)
    this.cluster.ask({ broker: broker.id, actor: actorNames.controller }, message, heard)
  }

  private result(): RunResult {
    const { cluster } = this
    return {
      seed: cluster.options.seed,
      events: cluster.events,
      virtualMs: cluster.now - startOfTime,
      hash: cluster.hash.text(),
      violations: this.violations.reports,
      witnesses: this.violations.witnesses(),
      faults: this.nemesis.done,
      operations: this.clients.operations,
    }
  }
}

function createTopics({ topics }: ClusterOptions): Message {
  const body = {
    topics: topics.map(({ name, partitions, configs }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: -1,
      assignments: [],
      configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
    })),
    timeoutMs: 5000,
    validateOnly: false,
  }
  return { kind: 'controllerRequest', api: 'CreateTopics', body } as unknown as Message
}

function isCreated(body: unknown): boolean {
  const topics = (body as { topics?: Iterable<{ errorCode: number }> } | null)?.topics
  const alreadyExists = 36
  return topics !== undefined && [...topics].every(({ errorCode }) => errorCode === 0 || errorCode === alreadyExists)
}
