/** The clients of a run: which actors they have, how they are killed and come back, whether they are done. */
import type { ClientTransport } from '@troupe/client/transport'
import { consumerActor } from '@troupe/client/consumer'
import { networkActor } from '@troupe/client/network'
import { producerActor } from '@troupe/client/producer'
import type { AnyDefinition, HostedKind } from '../kernel/host.ts'
import { checkHistory } from '../history/check.ts'
import type { History } from '../history/format.ts'
import { brokenInvariants } from '../history/invariants.ts'
import { Notebook, type ApplicationArgs } from '../workload/application.ts'
import { copierActor, copierGroup } from '../workload/copier.ts'
import { groupMemberActor, memberGroup } from '../workload/group-member.ts'
import { readerActor } from '../workload/reader.ts'
import { senderActor } from '../workload/sender.ts'
import { transactorActor } from '../workload/transactor.ts'
import type { Applications } from './applications.ts'
import type { ClientProcess, ClientRoot } from './client-process.ts'
import { startOfTime, type Cluster } from './cluster.ts'
import type { ClientOptions, DrawnRole } from './options.ts'
import { firstClient } from './processes.ts'

const applications: Readonly<Record<DrawnRole, AnyDefinition>> = {
  producer: senderActor,
  transactional: transactorActor,
  copier: copierActor,
  group: groupMemberActor,
  reader: readerActor,
}

export class Clients implements Applications {
  readonly notebook = new Notebook(startOfTime)
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  get history(): History {
    return this.notebook.recorder.history
  }

  get operations(): number {
    return this.history.length
  }

  start(): void {
    this.cluster.options.clients.forEach((_, index) => this.boot(firstClient + index))
  }

  kill(id: number, forMs: number): void {
    const { cluster, notebook } = this
    const client = cluster.clients.get(id)
    if (client === undefined || !client.host.up) return
    const state = client.host.cells.get('app')?.state as { readonly process: number } | undefined
    if (state !== undefined) notebook.abandon(cluster.now, state.process)
    client.host.end()
    cluster.network.clientGone(id)
    cluster.happened('kill', client.host.name, '')
    cluster.at(cluster.now + forMs, () => this.boot(id))
  }

  finish(): void {
    this.notebook.finishing = true
    for (const [id, { host }] of this.cluster.clients) if (!host.up) this.boot(id)
  }

  /** Operations of those who have finished that nobody has answered. */
  unanswered(): string | null {
    const { open } = this.notebook
    return open > 0 ? `${open} operations are not answered` : null
  }

  /** What is not answered yet, or not read to the end as it was at `since`. */
  missing(since: number): string | null {
    for (const [id, { host }] of this.cluster.clients) {
      const state = host.cells.get('app')?.state as { passedAt?: number } | undefined
      if (state === undefined) return `${host.name} does not run`
      const isReader = this.cluster.options.clients[id - firstClient]!.role === 'reader'
      if (isReader && state.passedAt! < since) return `${host.name} has not read to the end`
    }
    // Readers go on polling.
    return null
  }

  judge(report: (invariant: string, detail: string) => void): void {
    const options = { subscribe: true }
    for (const { name, allowed, cases } of checkHistory(this.history, options).anomalies) {
      if (!allowed) report(name, cases[0]?.detail ?? '')
    }
    for (const { invariant, detail } of brokenInvariants(this.history, options)) report(invariant, detail)
  }

  private boot(id: number): void {
    const client = this.cluster.clients.get(id)!
    if (client.host.up) return
    const index = id - firstClient
    client.boot(this.kinds(client), this.roots(this.cluster.options.clients[index]!, index))
  }

  private kinds(client: ClientProcess): Map<string, HostedKind> {
    const transport: ClientTransport = client.transport()
    const { notebook } = this
    const kinds = new Map<string, HostedKind>([
      ['network', { definition: networkActor, ports: () => ({ transport }) }],
      ['producer', { definition: producerActor, ports: () => ({}) }],
      ['consumer', { definition: consumerActor, ports: () => ({}) }],
    ])
    for (const definition of Object.values(applications)) {
      kinds.set(definition.kind, { definition, ports: () => ({ notebook }) })
    }
    return kinds
  }

  private roots(options: ClientOptions, index: number): ClientRoot[] {
    const { topics, brokers } = this.cluster.options
    const { everyMs } = options
    const role = options.role as DrawnRole
    const properties = {
      ...options.properties,
      'bootstrap.servers': Array.from({ length: brokers }, (_, broker) => `broker-${broker + 1}:9092`),
      ...identity(role, index),
    }
    const args: ApplicationArgs = { topics, everyMs, properties }
    const { kind } = applications[role]
    const roots = [{ name: 'network', kind: 'network', args: { properties } }]
    if (role !== 'group' && role !== 'reader')
      roots.push({ name: 'producer:p', kind: 'producer', args: { properties } })
    if (role !== 'producer' && role !== 'transactional') {
      roots.push({ name: 'consumer:c', kind: 'consumer', args: { properties } })
    }
    return [...roots, { name: 'app', kind, args }]
  }
}

/** What makes a client who it is. */
function identity(role: DrawnRole, index: number): object {
  const committed = {
    'isolation.level': 'read_committed',
    'enable.auto.commit': false,
    'auto.offset.reset': 'earliest',
  }
  switch (role) {
    case 'producer':
      return {}
    case 'transactional':
      return { 'transactional.id': `tx-${index}` }
    case 'copier':
      return { ...committed, 'transactional.id': `tx-${index}`, 'group.id': copierGroup }
    case 'group':
      return { ...committed, 'group.id': memberGroup }
    case 'reader':
      return committed
  }
}
