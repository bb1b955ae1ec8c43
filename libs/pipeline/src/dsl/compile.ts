/**
 * From what the DSL wrote down to a `Topology`: internal topics get their names, serdes their defaults, and nodes that
 * share neither an edge nor a store become subtopologies. Source: InternalTopologyBuilder.
 */
import {
  TopologyException,
  type InternalTopic,
  type StoreSpec,
  type Subtopology,
  type Topology,
  type TopologyNode,
} from '../topology.ts'
import { withExternalTopics } from './external.ts'
import type { AnySerde, Graph, GraphNode, GraphStore, TopicReference } from './graph.ts'
import { groups } from './groups.ts'
import { changed, isWindowedSerde } from './serdes.ts'

export function compile(original: Graph, name: string, applicationId: string): Topology {
  relaxNullKeyFilters(original)
  const nodesBefore = withExternalTopics(original)
  const graph = { ...original, nodes: nodesBefore.nodes, repartitionTopics: nodesBefore.repartitionTopics }
  const topicName = (topic: TopicReference): string => (topic.internal ? `${applicationId}-${topic.name}` : topic.name)
  const changelog = ({ name: store, logged }: GraphStore): string | null =>
    logged ? `${applicationId}-${store}-changelog` : null
  const subtopologyOf = groups(graph.nodes)
  const successors = successorsOf(graph.nodes)
  const nodes = new Map<string, TopologyNode>()
  for (const node of graph.nodes.values()) {
    const base = { name: node.name, subtopology: subtopologyOf.get(node.name)!, successors: successors.get(node.name)! }
    nodes.set(node.name, topologyNode(node, base, original, topicName))
  }
  const stores = new Map<string, StoreSpec>()
  for (const store of graph.stores.values()) stores.set(store.name, storeSpec(store, changelog(store), original))
  const copartitioned = graph.copartitioned.map((sources) =>
    sources.flatMap((source) => (nodes.get(source) as Extract<TopologyNode, { kind: 'source' }>).topics),
  )
  const internal = new Set(
    [...graph.repartitionTopics.keys()].map((topic) => topicName({ name: topic, internal: true })),
  )
  const subtopologies = subtopologiesOf(nodes, internal, copartitioned)
  const internalTopics = new Map<string, InternalTopic>()
  for (const subtopology of subtopologies) {
    for (const topic of subtopology.repartitionSources) {
      const { partitions } = graph.repartitionTopics.get(topic.slice(applicationId.length + 1))!
      internalTopics.set(topic, repartitionTopic(topic, partitions, subtopology.id))
    }
    for (const store of subtopology.stores) {
      const spec = stores.get(store)!
      if (spec.changelog) internalTopics.set(spec.changelog, changelogTopic(spec, spec.changelog, subtopology.id))
    }
  }
  return { name, applicationId, nodes, stores, subtopologies, internalTopics }
}

function successorsOf(nodes: ReadonlyMap<string, GraphNode>): Map<string, string[]> {
  const successors = new Map<string, string[]>([...nodes.keys()].map((name) => [name, []]))
  for (const node of nodes.values())
    if (node.kind !== 'source') for (const parent of node.parents) successors.get(parent)!.push(node.name)
  return successors
}

function topologyNode(
  node: GraphNode,
  base: { readonly name: string; readonly subtopology: number; readonly successors: readonly string[] },
  { defaults }: Graph,
  topicName: (topic: TopicReference) => string,
): TopologyNode {
  const serdes = (): { key: AnySerde; value: AnySerde } => {
    if (node.kind === 'processor') throw new TypeError('a processor has no serdes')
    const key = withDefault(node.key, defaults.key, 'key', node.name)
    const value = withDefault(node.value, defaults.value, 'value', node.name)
    return { key, value: 'changes' in node && node.changes ? changed(value) : value }
  }
  switch (node.kind) {
    case 'source': {
      const { timestamp, offsetReset } = node
      return {
        kind: 'source',
        ...base,
        predecessors: [],
        topics: node.topics.map(topicName),
        ...serdes(),
        timestamp,
        offsetReset,
      }
    }
    case 'processor':
      return {
        kind: 'processor',
        ...base,
        predecessors: node.parents,
        operation: node.operation,
        stores: [...node.stores],
      }
    case 'sink': {
      const { key, value } = serdes()
      const topic = typeof node.topic === 'function' ? node.topic : topicName(node.topic)
      const windowedKey = isWindowedSerde(key) ? (windowed: any) => key.inner.serialize(windowed.key) : null
      return {
        kind: 'sink',
        ...base,
        predecessors: node.parents,
        topic,
        key,
        value,
        partitioner: node.partitioner,
        windowedKey,
      }
    }
    case 'external':
      return { kind: 'external', ...base, predecessors: node.parents, sink: node.sink }
  }
}

function withDefault(
  serde: AnySerde | null,
  fallback: AnySerde | null,
  which: 'key' | 'value',
  where: string,
): AnySerde {
  const found = serde ?? fallback
  if (found === null)
    throw new TopologyException(`Please specify a ${which} serde for ${where}, or set default.${which}.serde`)
  return found
}

function storeSpec(store: GraphStore, changelog: string | null, { defaults }: Graph): StoreSpec {
  const key = withDefault(store.key, defaults.key, 'key', store.name)
  const value = withDefault(store.value, defaults.value, 'value', store.name)
  const base = { name: store.name, changelog, key, value }
  switch (store.kind) {
    case 'keyValue':
    case 'suppress':
      return { kind: store.kind, ...base }
    case 'outerJoin':
      return {
        kind: 'outerJoin',
        ...base,
        otherValue: withDefault(store.otherValue, defaults.value, 'value', store.name),
      }
    case 'session':
      return { kind: 'session', ...base, retentionMs: store.retentionMs }
    case 'window': {
      const { windowSizeMs, retentionMs, retainDuplicates, timestamped } = store
      return { kind: 'window', ...base, windowSizeMs, retentionMs, retainDuplicates, timestamped }
    }
  }
}

function subtopologiesOf(
  nodes: ReadonlyMap<string, TopologyNode>,
  internal: ReadonlySet<string>,
  copartitioned: readonly (readonly string[])[],
): Subtopology[] {
  const count = Math.max(-1, ...[...nodes.values()].map(({ subtopology }) => subtopology)) + 1
  return Array.from({ length: count }, (_, id) => {
    const mine = [...nodes.values()].filter(({ subtopology }) => subtopology === id)
    const sourceTopics = sorted(mine.flatMap((node) => (node.kind === 'source' ? node.topics : [])))
    const sinks = mine.filter((node) => node.kind === 'sink')
    const named = sinks.filter((sink) => typeof sink.topic === 'string')
    const counted = named.filter(({ partitioner, windowedKey }) => partitioner !== null || windowedKey !== null)
    return {
      id,
      nodes: mine.map(({ name }) => name),
      sourceTopics,
      repartitionSources: sourceTopics.filter((topic) => internal.has(topic)),
      sinkTopics: sorted(named.map(({ topic }) => topic as string)),
      countedTopics: sorted(counted.map(({ topic }) => topic as string)),
      stores: sorted(mine.flatMap((node) => (node.kind === 'processor' ? node.stores : []))),
      copartitioned: copartitioned.filter((topics) => topics.some((topic) => sourceTopics.includes(topic))),
      external: mine.find((node) => node.kind === 'external')?.sink ?? null,
    }
  })
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

/** Source: RepartitionTopicConfig. */
function repartitionTopic(name: string, partitions: number | null, subtopology: number): InternalTopic {
  const config = {
    'message.timestamp.type': 'CreateTime',
    'cleanup.policy': 'delete',
    'segment.bytes': '52428800',
    'retention.ms': '-1',
  }
  return { name, kind: 'repartition', partitions, config, subtopology, store: null }
}

/** Source: WindowedChangelogTopicConfig, UnwindowedUnversionedChangelogTopicConfig. */
function changelogTopic(store: StoreSpec, name: string, subtopology: number): InternalTopic {
  const windowed = store.kind === 'window' || store.kind === 'session'
  // Buffers of joins number records of the same key and time anew after a restart: a newer one replaces no other.
  const isBuffer = store.kind === 'window' && store.retainDuplicates
  const config = {
    'message.timestamp.type': 'CreateTime',
    'cleanup.policy': isBuffer ? 'delete' : windowed ? 'compact,delete' : 'compact',
  }
  return { name, kind: 'changelog', partitions: null, config, subtopology, store: store.name }
}

/**
 * Null keys do not pass a repartition topic, as no grouping or inner join wants them; left and outer joins do
 * (KIP-962).
 */
function relaxNullKeyFilters(graph: Graph): void {
  const successors = successorsOf(graph.nodes)
  const readers = new Map<string, string>()
  for (const node of graph.nodes.values()) {
    if (node.kind === 'source') for (const topic of node.topics) if (topic.internal) readers.set(topic.name, node.name)
  }
  const reaches = (name: string): boolean => {
    if (graph.nullKeyJoins.has(name)) return true
    const node = graph.nodes.get(name)!
    if (node.kind === 'sink' && typeof node.topic !== 'function' && node.topic.internal)
      return reaches(readers.get(node.topic.name)!)
    return successors.get(name)!.some(reaches)
  }
  for (const filter of graph.nullKeyFilters) {
    if (reaches(filter.name)) filter.operation = { type: 'passThrough' }
  }
}
