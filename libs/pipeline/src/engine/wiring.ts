/**
 * Connects the processors of a subtopology. Each node catches what goes wrong in itself, so that its record is left out
 * there and the rest of the pipeline goes on (KIP-1033); successors have caught theirs already.
 */
import { partitionForKey } from '@troupe/client/producer/partitioner'
import { keyBytes } from '../stores/key-bytes.ts'
import type { Store } from '../stores/store.ts'
import type { SinkNode, SinkRecord, Topology, TopologyNode } from '../topology.ts'
import type { InputRecord, OutputRecord, Poison } from './contract.ts'
import type { Context, Flow, Process } from './context.ts'
import { processorOf } from './processors/index.ts'

export interface Ends {
  output(record: OutputRecord): void
  external(record: SinkRecord): void
  poison(poison: Poison): void
  partitionCount(topic: string): number | undefined
  readonly caching: boolean
}

export interface Running {
  readonly context: Context
  readonly sources: ReadonlyMap<string, Process>
}

export function wire(topology: Topology, subtopology: number, stores: ReadonlyMap<string, Store>, ends: Ends): Running {
  const context: Context = {
    record: null as unknown as InputRecord,
    times: new Map(),
    minTimes: new Map(),
    stores,
    caching: ends.caching,
  }
  const made = new Map<string, Process>()
  const make = (name: string): Process => {
    const known = made.get(name)
    if (known) return known
    const node = topology.nodes.get(name)!
    const forward = toAll(node.successors.map(make))
    const process = guarded(node, run(node, forward), context, ends)
    made.set(name, process)
    return process
  }
  const run = (node: TopologyNode, forward: Process): Process => {
    switch (node.kind) {
      case 'source':
        return forward
      case 'processor':
        return processorOf(node.operation, { context, node: node.name, forward, forwardTo: make })
      case 'sink':
        return sinkProcess(node, ends)
      case 'external':
        return ({ key, value, timestamp, headers }) =>
          ends.external({ key, value, timestamp, headers, offset: context.record.offset })
    }
  }
  const { nodes } = topology.subtopologies[subtopology]!
  const sources = nodes.filter((name) => topology.nodes.get(name)!.kind === 'source')
  return { context, sources: new Map(sources.map((name) => [name, make(name)])) }
}

function toAll(successors: readonly Process[]): Process {
  if (successors.length === 1) return successors[0]!
  return (record) => {
    for (const successor of successors) successor(record)
  }
}

function guarded(node: TopologyNode, process: Process, context: Context, ends: Ends): Process {
  if (node.kind === 'source') return process
  const kind = node.kind === 'sink' ? 'production' : 'processing'
  return (record: Flow) => {
    try {
      process(record)
    } catch (error) {
      ends.poison({ kind, node: node.name, error, record: context.record })
    }
  }
}

function sinkProcess(node: SinkNode, ends: Ends): Process {
  const { topic: chosen, key: keySerde, value: valueSerde, partitioner, windowedKey } = node
  const keyOf = keyBytes(keySerde)
  const valueOf = (valueSerde.serializeToSend ?? valueSerde.serialize).bind(valueSerde)
  return ({ key, value, timestamp, headers }) => {
    const topic = typeof chosen === 'function' ? chosen(key, value, { timestamp, headers }) : chosen
    const bytes = key === null ? null : keyOf(key).bytes
    const valueBytes = value === null ? null : valueOf(value)
    let partition: number | null = null
    if (partitioner !== null || windowedKey !== null) {
      const count = ends.partitionCount(topic)
      if (count === undefined) throw new RangeError(`Number of partitions of ${topic} is not known`)
      partition = partitioner?.(topic, key, value, count) ?? null
      if (partition === null && windowedKey !== null && key !== null)
        partition = partitionForKey(windowedKey(key)!, count)
    }
    ends.output({ topic, partition, key: bytes, value: valueBytes, headers, timestamp })
  }
}
