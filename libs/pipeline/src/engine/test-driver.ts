/**
 * Runs a pipeline without brokers: input in, output out, in one call. Kafka Streams' TopologyTestDriver.
 *
 * Every task of the pipeline runs; what one writes to a topic that another reads is given to it at once. Poison records
 * are collected, or thrown as soon as they appear.
 */
import { partitionForKey } from '@troupe/client/producer/partitioner'
import type { Pipeline } from '../dsl/pipeline.ts'
import type { Header, Serde, SinkRecord, SourceNode, Topology } from '../topology.ts'
import type { InputRecord, OutputRecord, Poison, Processed, StoreEntry, Task } from './contract.ts'
import { partitionCounts, tasksOf } from './partitions.ts'
import { createTask } from './task.ts'

export interface TestDriverOptions {
  readonly properties?: { readonly 'application.id'?: string }
  /** Of every input and output topic; a number for all, default 1. */
  readonly partitions?: number | Readonly<Record<string, number>>
  /** Results of tables once for each key and input record, as with Kafka Streams' default cache. Default false. */
  readonly caching?: boolean
  /** Default `throw`; `continue` leaves the record out and keeps it in `poison`. */
  readonly onPoison?: 'throw' | 'continue'
}

export interface TestInput<K, V> {
  readonly topic: string
  readonly key?: K | null
  readonly value: V | null
  /** Default: as the record before. */
  readonly timestamp?: number
  readonly partition?: number
  readonly headers?: readonly Header[]
}

export interface TestOutput<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
  readonly headers: readonly Header[]
}

export class TestDriver {
  readonly topology: Topology
  /** Records that were left out, with `onPoison: 'continue'`. */
  readonly poison: Poison[] = []
  private readonly counts: Map<string, number>
  private tasks: readonly Task[]
  private readonly changelogs = new Map<string, InputRecord[]>()
  private readonly outputs = new Map<string, OutputRecord[]>()
  private readonly sinks = new Map<string, SinkRecord[]>()
  private readonly offsets = new Map<string, number>()
  private readonly pending: InputRecord[] = []
  private readonly options: TestDriverOptions
  private now = 0

  constructor(pipeline: Pipeline, options: TestDriverOptions = {}) {
    this.options = options
    this.topology = pipeline.topology(options.properties)
    this.counts = partitionCounts(this.topology, (topic) => this.partitionsOf(topic))
    this.tasks = this.makeTasks()
  }

  /**
   * As after a crash between two commits: new tasks, which know only what the changelogs and the committed offsets say.
   */
  restart(): void {
    const before = this.tasks
    this.tasks = this.makeTasks()
    this.tasks.forEach((task, at) => {
      for (const [store, changelog] of task.changelogs) task.restore(store, this.logOf(changelog, task.partition))
      for (const consumed of before[at]!.consumed()) task.resume(consumed, consumed.metadata)
    })
  }

  /** One record through the whole pipeline; key and value by the serdes of the topic's source. */
  pipe<K, V>({ topic, key = null, value, timestamp = this.now, partition, headers = [] }: TestInput<K, V>): void {
    const { key: keySerde, value: valueSerde } = this.sourceOf(topic)
    const keyBytes = key === null ? null : keySerde.serialize(key)
    const valueBytes = value === null ? null : valueSerde.serialize(value)
    this.pipeBytes({ topic, key: keyBytes, value: valueBytes, timestamp, partition, headers })
  }

  /** As `pipe`, with bytes that may be none of the serde's. */
  pipeBytes(input: Omit<TestInput<Uint8Array, Uint8Array>, 'key'> & { readonly key: Uint8Array | null }): void {
    const { topic, key, value, timestamp = this.now, headers = [] } = input
    this.now = timestamp
    this.enqueue({ topic, partition: input.partition ?? null, key, value, timestamp, headers })
    this.run()
  }

  /** What was written to a topic since the last call. */
  read<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
  ): TestOutput<K | null, V | null>[] {
    return this.readBytes(topic).map(({ key, value, timestamp, headers }) => ({
      key: key === null ? null : serdes.key.deserialize(key),
      value: value === null ? null : serdes.value.deserialize(value),
      timestamp,
      headers,
    }))
  }

  readBytes(topic: string): OutputRecord[] {
    const records = this.outputs.get(topic) ?? []
    this.outputs.delete(topic)
    return records
  }

  /** Topics with records that have not been read, sorted; internal ones too. */
  producedTopics(): string[] {
    return [...this.outputs.keys()].sort()
  }

  /** What an outside system was given since the last call. */
  readSink<K, V>(name: string): SinkRecord<K, V>[] {
    const records = this.sinks.get(name) ?? []
    this.sinks.delete(name)
    return records
  }

  /** Entries of a store over all tasks that have it. */
  store(name: string): StoreEntry[] {
    const owners = this.tasks.filter(({ subtopology }) =>
      this.topology.subtopologies[subtopology]!.stores.includes(name),
    )
    return owners.flatMap((task) => [...task.query(name)])
  }

  private run(): void {
    for (let record = this.pending.shift(); record !== undefined; record = this.pending.shift()) {
      const { topic, partition } = record
      const reader = this.tasks.find(({ inputs }) =>
        inputs.some((each) => each.topic === topic && each.partition === partition),
      )!
      reader.add([record])
      while (reader.buffered() > 0) this.collect(reader, reader.process(Infinity))
      this.collect(reader, reader.flush())
    }
  }

  private collect(task: Task, { outputs, external, poison }: Processed): void {
    for (const output of outputs) {
      listOf(this.outputs, output.topic).push(output)
      if (this.isRead(output.topic)) this.enqueue(output)
      if (this.topology.internalTopics.get(output.topic)?.kind === 'changelog') this.append(output)
    }
    const sink = this.topology.subtopologies[task.subtopology]!.external
    if (sink) listOf(this.sinks, sink.name).push(...external)
    this.poison.push(...poison)
    if (poison.length > 0 && this.options.onPoison !== 'continue') throw poison[0]!.error
  }

  private makeTasks(): Task[] {
    const { counts, topology } = this
    const partitionCount = (topic: string): number => this.partitionsOf(topic)
    const options = { counts, partitionCount, caching: this.options.caching }
    return tasksOf(topology, counts).map(({ subtopology, partition }) =>
      createTask(topology, subtopology, partition, options),
    )
  }

  private append(output: OutputRecord): void {
    const log = this.logOf(output.topic, output.partition!)
    log.push({ ...output, partition: output.partition!, offset: log.length })
  }

  private logOf(topic: string, partition: number): InputRecord[] {
    return listOf(this.changelogs, `${topic}-${partition}`)
  }

  private enqueue(output: OutputRecord): void {
    const { topic } = output
    const count = this.counts.get(topic)!
    const partition = output.partition ?? (output.key === null ? 0 : partitionForKey(output.key, count))
    const log = `${topic}-${partition}`
    const offset = this.offsets.get(log) ?? 0
    this.offsets.set(log, offset + 1)
    this.pending.push({ ...output, partition, offset })
  }

  private isRead(topic: string): boolean {
    return this.topology.subtopologies.some(({ sourceTopics }) => sourceTopics.includes(topic))
  }

  private sourceOf(topic: string): SourceNode {
    for (const node of this.topology.nodes.values())
      if (node.kind === 'source' && node.topics.includes(topic)) return node
    throw new RangeError(`Unknown topic: ${topic}`)
  }

  private partitionsOf(topic: string): number {
    const { partitions = 1 } = this.options
    return this.counts?.get(topic) ?? (typeof partitions === 'number' ? partitions : (partitions[topic] ?? 1))
  }
}

function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const known = lists.get(name)
  if (known) return known
  const list: T[] = []
  lists.set(name, list)
  return list
}
