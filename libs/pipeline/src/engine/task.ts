/**
 * Runs one partition of one subtopology: see `contract.ts`. Source: StreamTask, RecordCollectorImpl.
 */
import { KeyValueStore } from '../stores/key-value-store.ts'
import { OuterJoinStore } from '../stores/outer-join-store.ts'
import { SessionStore } from '../stores/session-store.ts'
import type { ChangeLog, Store } from '../stores/store.ts'
import { SuppressStore } from '../stores/suppress-store.ts'
import { WindowStore } from '../stores/window-store.ts'
import type { Header, SinkRecord, SourceNode, StoreSpec, Topology, TopicPartition, TopologyNode } from '../topology.ts'
import type {
  ConsumedOffset,
  CreateTaskOptions,
  InputRecord,
  OutputRecord,
  Poison,
  Processed,
  StoreEntry,
  Task,
} from './contract.ts'
import { addRecord, buffered, inputQueue, nextQueue, take, type InputQueue } from './input-queues.ts'
import { decodeOffsetMetadata, encodeOffsetMetadata } from './offset-metadata.ts'
import { taskId } from './partitions.ts'
import { processorTimes, resumeProcessorTimes } from './processor-times.ts'
import { wire, type Running } from './wiring.ts'

const noHeaders: readonly Header[] = []

/** Those before first: what one gives out when it is flushed may go into the next. */
function storesInOrder(topology: Topology, subtopology: number): ReadonlySet<string> {
  const nodes = topology.subtopologies[subtopology]!.nodes.map((name) => topology.nodes.get(name)!)
  const own = (node: TopologyNode): string[] => {
    if (node.kind !== 'processor') return []
    const { operation } = node
    return 'store' in operation && operation.store !== null ? [operation.store] : []
  }
  const all = nodes.flatMap((node) => (node.kind === 'processor' ? node.stores : []))
  return new Set([...nodes.flatMap(own), ...all])
}

export function createTask(
  topology: Topology,
  subtopology: number,
  partition: number,
  options: CreateTaskOptions,
): Task {
  const { sourceTopics, stores: storeNames } = topology.subtopologies[subtopology]!
  const inputs = sourceTopics
    .filter((topic) => partition < (options.counts.get(topic) ?? 0))
    .map((topic) => ({ topic, partition }))
  const changelogs = new Map<string, string>()
  for (const name of storeNames) {
    const { changelog } = topology.stores.get(name)!
    if (changelog !== null) changelogs.set(name, changelog)
  }
  return new RunningTask(topology, subtopology, partition, inputs, changelogs, options)
}

class RunningTask implements Task {
  readonly id: string
  readonly topology: Topology
  readonly subtopology: number
  readonly partition: number
  readonly inputs: readonly TopicPartition[]
  readonly changelogs: ReadonlyMap<string, string>
  streamTime = -1
  private readonly queues: readonly InputQueue[]
  private readonly queueOf: ReadonlyMap<string, InputQueue>
  private readonly stores = new Map<string, Store>()
  private readonly running: Running
  private outputs: OutputRecord[] = []
  private external: SinkRecord[] = []
  private poison: Poison[] = []

  constructor(
    topology: Topology,
    subtopology: number,
    partition: number,
    inputs: readonly TopicPartition[],
    changelogs: ReadonlyMap<string, string>,
    options: CreateTaskOptions,
  ) {
    this.id = taskId(subtopology, partition)
    this.topology = topology
    this.subtopology = subtopology
    this.partition = partition
    this.inputs = inputs
    this.changelogs = changelogs
    const sources = this.sources()
    this.queues = inputs.map((input) => inputQueue(sources.get(input.topic)!, input))
    this.queueOf = new Map(this.queues.map((queue) => [queue.topic, queue]))
    for (const name of storesInOrder(topology, subtopology))
      this.stores.set(name, this.makeStore(topology.stores.get(name)!))
    this.running = wire(topology, subtopology, this.stores, {
      output: (record) => void this.outputs.push(record),
      external: (record) => void this.external.push(record),
      poison: (poison) => void this.poison.push(poison),
      partitionCount: options.partitionCount ?? (() => undefined),
      caching: options.caching ?? false,
    })
  }

  // --- before the first record

  resume({ topic }: TopicPartition, metadata: string): void {
    const { partitionTime, times } = decodeOffsetMetadata(metadata)
    const queue = this.queueOf.get(topic)!
    queue.partitionTime = Math.max(queue.partitionTime, partitionTime)
    this.streamTime = Math.max(this.streamTime, partitionTime)
    resumeProcessorTimes(this.running.context, times)
  }

  restore(store: string, records: readonly InputRecord[]): void {
    const target = this.stores.get(store)!
    for (const record of records) target.restore(record)
  }

  // --- input

  add(records: readonly InputRecord[]): void {
    for (const record of records) addRecord(this.queueOf.get(record.topic)!, record)
  }

  buffered(partition?: TopicPartition): number {
    if (partition !== undefined) return buffered(this.queueOf.get(partition.topic)!)
    return this.queues.reduce((sum, queue) => sum + buffered(queue), 0)
  }

  empty(): readonly TopicPartition[] {
    return this.inputs.filter(({ topic }) => buffered(this.queueOf.get(topic)!) === 0)
  }

  // --- processing

  process(limit: number): Processed {
    let taken = 0
    while (taken < limit && this.poison.length === 0) {
      const queue = nextQueue(this.queues)
      if (queue === null) break
      this.processNext(queue)
      taken++
    }
    return this.collect(taken)
  }

  flush(): Processed {
    for (const store of this.stores.values()) store.flush?.(this.streamTime)
    return this.collect(0)
  }

  consumed(): readonly ConsumedOffset[] {
    const times = processorTimes(this.running.context)
    return this.queues
      .filter(({ position }) => position >= 0)
      .map(({ topic, partition, position, leaderEpoch, partitionTime }) => {
        const metadata = encodeOffsetMetadata({ partitionTime, times })
        return { topic, partition, offset: position, leaderEpoch, metadata }
      })
  }

  *query(store: string): Iterable<StoreEntry> {
    yield* this.stores.get(store)!.entries()
  }

  private processNext(queue: InputQueue): void {
    const { record, key, value, timestamp, error } = take(queue)
    this.running.context.record = record
    if (error !== null) {
      this.poison.push({ kind: 'deserialization', node: queue.source.name, error: error.reason, record })
      return
    }
    this.streamTime = Math.max(this.streamTime, timestamp)
    this.running.sources.get(queue.source.name)!({ key, value, timestamp, headers: record.headers })
  }

  private collect(taken: number): Processed {
    const { outputs, external, poison } = this
    this.outputs = []
    this.external = []
    this.poison = []
    return { taken, outputs, external, poison }
  }

  // --- making

  private sources(): ReadonlyMap<string, SourceNode> {
    const sources = new Map<string, SourceNode>()
    for (const name of this.topology.subtopologies[this.subtopology]!.nodes) {
      const node = this.topology.nodes.get(name)!
      if (node.kind === 'source') for (const topic of node.topics) sources.set(topic, node)
    }
    return sources
  }

  private makeStore(spec: StoreSpec): Store {
    const log = this.changeLog(spec.changelog)
    switch (spec.kind) {
      case 'keyValue':
        return new KeyValueStore(spec, log)
      case 'window':
        return new WindowStore(spec, log)
      case 'session':
        return new SessionStore(spec, log)
      case 'suppress':
        return new SuppressStore(spec, log)
      case 'outerJoin':
        return new OuterJoinStore(spec, log)
    }
  }

  private changeLog(topic: string | null): ChangeLog {
    if (topic === null) return () => {}
    const { partition } = this
    return (key, value, timestamp, headers = noHeaders) => {
      this.outputs.push({ topic, partition, key, value, headers, timestamp })
    }
  }
}
