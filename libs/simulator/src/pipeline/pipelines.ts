/** The clients of a pipeline's run: whoever feeds it, and the processes that run its threads. */
import { adminActor } from '@troupe/client/admin'
import { consumerActor } from '@troupe/client/consumer'
import { networkActor } from '@troupe/client/network'
import { producerActor } from '@troupe/client/producer'
import { pipelineActorNames, type PipelineThreadArgs } from '@troupe/pipeline/thread/messages'
import { pipelineThreadActor } from '@troupe/pipeline/thread/pipeline-thread'
import type { Topology } from '@troupe/pipeline/topology'
import type { Applications } from '../cluster/applications.ts'
import type { ClientProcess, ClientRoot } from '../cluster/client-process.ts'
import { startOfTime, type Cluster } from '../cluster/cluster.ts'
import type { ClientOptions } from '../cluster/options.ts'
import { firstClient } from '../cluster/processes.ts'
import type { HostedKind } from '../kernel/host.ts'
import { Random } from '../kernel/random.ts'
import { commitsOf, keyOf, positionsOf } from './commits.ts'
import { withNotedEffects, type Effect } from './effects.ts'
import { feederActor, type Feed } from './feeder.ts'
import { Journal } from './journal.ts'
import { judgePipeline } from './judge.ts'
import { committedRecords, partitionCount } from './logs.ts'
import { deadLetterTopic, feedOf, pipelineOf, type Scenario } from './scenario.ts'
import { OutsideSystem, sinksActor } from './sinks.ts'

export class Pipelines implements Applications {
  private readonly cluster: Cluster
  private readonly scenario: Scenario
  /** For its shape; each process has one of its own to run. */
  private readonly topology: Topology
  private readonly feed: Feed
  private readonly journal = new Journal()
  private readonly effects: Effect[] = []
  private readonly outside = new OutsideSystem()

  constructor(cluster: Cluster, scenario: Scenario) {
    this.cluster = cluster
    this.scenario = scenario
    this.topology = pipelineOf(scenario).topology()
    const random = new Random(cluster.options.seed, 'inputs')
    const inputs = typeof scenario.inputs === 'function' ? scenario.inputs(random) : scenario.inputs
    this.feed = { records: feedOf(this.topology, inputs, startOfTime), next: 0, hurry: false }
    cluster.observers.push(this.journal)
  }

  get operations(): number {
    return this.feed.next
  }

  start(): void {
    for (const id of this.cluster.clients.keys()) this.boot(id)
  }

  kill(id: number, forMs: number): void {
    const { cluster } = this
    const client = cluster.clients.get(id)
    if (client === undefined || !client.host.up) return
    client.host.end()
    cluster.network.clientGone(id)
    cluster.happened('kill', client.host.name, '')
    cluster.at(cluster.now + forMs, () => this.boot(id))
  }

  finish(): void {
    this.feed.hurry = true
    // A pipeline's steps are many and small: with slow messages for ever it would never be in one place with its brokers.
    this.cluster.network.calm()
    for (const [id, { host }] of this.cluster.clients) if (!host.up) this.boot(id)
  }

  unanswered(): string | null {
    const left = this.feed.records.length - this.feed.next
    return left > 0 ? `${left} records are not fed yet` : null
  }

  missing(): string | null {
    const positions = this.positions()
    for (const { sourceTopics } of this.topology.subtopologies) {
      for (const topic of sourceTopics) {
        const count = partitionCount(this.cluster, topic)
        if (count === 0) return `there is no topic ${topic}`
        for (let partition = 0; partition < count; partition++) {
          const last = committedRecords(this.cluster, topic, partition).at(-1)
          const position = positions.get(keyOf(topic, partition)) ?? 0
          if (last !== undefined && position <= last.offset) {
            return `${keyOf(topic, partition)} is processed up to ${position}, not to ${last.offset + 1}`
          }
        }
      }
    }
    return null
  }

  judge(report: (invariant: string, detail: string) => void): void {
    const counts = new Map<string, number>()
    const { subtopologies, internalTopics } = this.topology
    for (const { sourceTopics, sinkTopics } of subtopologies) {
      for (const topic of [...sourceTopics, ...sinkTopics]) counts.set(topic, partitionCount(this.cluster, topic))
    }
    for (const topic of internalTopics.keys()) counts.set(topic, partitionCount(this.cluster, topic))
    judgePipeline({
      cluster: this.cluster,
      topology: this.topology,
      fresh: () => pipelineOf(this.scenario).topology(),
      counts,
      journal: this.journal,
      effects: this.effects,
      outside: this.outside,
      deadLetters: deadLetterTopic(this.scenario),
      report,
    })
  }

  private positions(): Map<string, number> {
    const positions = positionsOf(commitsOf(this.cluster, this.topology.applicationId))
    for (const [key, writes] of this.outside.writes) positions.set(key, writes.at(-1)!)
    return positions
  }

  private boot(id: number): void {
    const client = this.cluster.clients.get(id)!
    if (client.host.up) return
    const index = id - firstClient
    client.boot(this.kinds(client), this.roots(client, this.cluster.options.clients[index]!, index))
  }

  private kinds(client: ClientProcess): Map<string, HostedKind> {
    const transport = client.transport()
    const { feed, outside } = this
    return new Map<string, HostedKind>([
      ['network', { definition: networkActor, ports: () => ({ transport }) }],
      ['producer', { definition: producerActor, ports: () => ({}) }],
      ['consumer', { definition: consumerActor, ports: () => ({}) }],
      ['admin', { definition: adminActor, ports: () => ({}) }],
      [pipelineThreadActor.kind, { definition: pipelineThreadActor, ports: () => ({}) }],
      [sinksActor.kind, { definition: sinksActor, ports: () => ({ outside }) }],
      [feederActor.kind, { definition: feederActor, ports: () => ({ feed }) }],
    ])
  }

  private roots(
    { host }: ClientProcess,
    { role, everyMs, properties: own }: ClientOptions,
    index: number,
  ): ClientRoot[] {
    const { brokers } = this.cluster.options
    const servers = Array.from({ length: brokers }, (_, broker) => `broker-${broker + 1}:9092`)
    const properties = { ...own, 'bootstrap.servers': servers }
    const network = { name: 'network', kind: 'network', args: { properties } }
    if (role === 'feeder') {
      return [
        network,
        { name: 'producer:p', kind: 'producer', args: { properties } },
        { name: 'feeder', kind: 'feeder', args: { everyMs } },
      ]
    }
    const args: PipelineThreadArgs = {
      topology: withNotedEffects(pipelineOf(this.scenario).topology(), (effect) => this.effects.push(effect)),
      properties: { 'processing.guarantee': 'exactly_once_v2', ...own, ...this.scenario.properties, ...kept },
      thread: 't',
      index: 0,
      instance: `i${index}`,
      consumer: { ...own, 'auto.offset.reset': 'earliest' },
      restoreConsumer: own,
      producer: own,
      admin: own,
      sinks: { broker: host.id, actor: pipelineActorNames.sinks },
      traceRecords: true,
    }
    return [
      network,
      { name: 'admin', kind: 'admin', args: { properties } },
      { name: pipelineActorNames.sinks, kind: sinksActor.kind, args: null },
      { name: pipelineActorNames.thread('t'), kind: pipelineThreadActor.kind, args },
    ]
  }
}

/** The judge reads repartition topics from their beginning. */
const kept = { 'repartition.purge.interval.ms': 1e12 }
