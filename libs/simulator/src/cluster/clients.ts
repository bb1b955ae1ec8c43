/** The clients of a run: which actors they have, how they are killed and come back, whether they are done. */
import type { ClientTransport } from '@troupe/client/transport'
import { networkActor } from '@troupe/client/network'
import { producerActor } from '@troupe/client/producer'
import type { AnyDefinition, HostedKind } from '../kernel/host.ts'
import { Notebook, type ApplicationArgs } from '../workload/application.ts'
import { senderActor } from '../workload/sender.ts'
import { transactorActor } from '../workload/transactor.ts'
import type { ClientProcess, ClientRoot } from './client-process.ts'
import { startOfTime, type Cluster } from './cluster.ts'
import type { ClientOptions } from './options.ts'
import { firstClient } from './processes.ts'

const applications: Readonly<Record<ClientOptions['role'], AnyDefinition>> = {
  producer: senderActor,
  transactional: transactorActor,
  copier: transactorActor,
  group: senderActor,
  reader: senderActor,
}

export class Clients {
  readonly notebook = new Notebook(startOfTime)
  private readonly cluster: Cluster

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  start(): void {
    this.cluster.options.clients.forEach((_, index) => this.boot(firstClient + index))
  }

  /** The process is gone; another one with the same configuration takes its place. */
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

  /** What is not answered yet. */
  missing(): string | null {
    return this.notebook.open > 0 ? `${this.notebook.open} operations are not answered` : null
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
    ])
    for (const definition of Object.values(applications)) {
      kinds.set(definition.kind, { definition, ports: () => ({ notebook }) })
    }
    return kinds
  }

  private roots(options: ClientOptions, index: number): ClientRoot[] {
    const { topics, brokers } = this.cluster.options
    const { role, everyMs } = options
    const properties = {
      ...options.properties,
      'bootstrap.servers': Array.from({ length: brokers }, (_, broker) => `broker-${broker + 1}:9092`),
      ...(role === 'transactional' || role === 'copier' ? { 'transactional.id': `tx-${index}` } : {}),
    }
    const args: ApplicationArgs = { topics, everyMs, properties }
    const { kind } = applications[role]
    return [
      { name: 'network', kind: 'network', args: { properties } },
      { name: 'producer:p', kind: 'producer', args: { properties } },
      { name: 'app', kind, args },
    ]
  }
}
