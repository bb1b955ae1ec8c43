/**
 * Two streams: records of the same key not too far apart in time. Each side keeps its records in a window store; in
 * left and outer joins a record without a partner waits in a third one until its window is over.
 *
 * Source: KStreamImplJoin, OuterStreamJoinStoreFactory; KAFKA-10847 for the third store.
 */
import type { StreamStreamJoin } from '../engine/operation.ts'
import type { JoinWindows } from '../windows.ts'
import type { AnySerde, Graph } from './graph.ts'
import type { StreamJoinedOptions } from './options.ts'
import { ensureCopartitioned, repartitionForJoin } from './stream-table-join.ts'
import type { Stream } from './stream.ts'

type JoinKind = 'inner' | 'left' | 'outer'
type Options = StreamJoinedOptions<any, any, any>

export function joinStreams(
  left: Stream<any, any>,
  right: Stream<any, any>,
  joiner: (left: any, right: any, key: any) => any,
  windows: JoinWindows,
  kind: JoinKind,
  options: Options = {},
): Stream<any, any> {
  const { key, value, otherValue, name } = options
  const from = repartitionForJoin(left, name ? `${name}-left` : left.state.name, { key, value })
  const other =
    left === right
      ? from
      : repartitionForJoin(right, name ? `${name}-right` : right.state.name, { key, value: otherValue })
  const sources = ensureCopartitioned(from, other)
  const { graph } = from.state
  const names = joinNames(graph, kind, options)
  const keySerde = key ?? from.state.key ?? other.state.key
  const valueSerde = value ?? from.state.value
  const otherSerde = otherValue ?? other.state.value
  addJoinStore(graph, names.thisStore, windows, keySerde, valueSerde)
  addJoinStore(graph, names.otherStore, windows, keySerde, otherSerde)
  graph.addProcessor(names.thisWindow, [from.state.node], { type: 'joinWindow', store: names.thisStore }, [
    names.thisStore,
  ])
  graph.addProcessor(names.otherWindow, [other.state.node], { type: 'joinWindow', store: names.otherStore }, [
    names.otherStore,
  ])
  const outerStore = kind === 'inner' ? null : names.outerStore
  if (outerStore) {
    graph.addStore({
      kind: 'outerJoin',
      name: outerStore,
      key: keySerde,
      value: valueSerde,
      otherValue: otherSerde,
      logged: true,
    })
  }
  addSides(graph, names, windows, joiner, kind, outerStore)
  return from.next(names.merge, { key: keySerde, value: null, sources, repartitionRequired: false })
}

interface JoinNames {
  readonly thisWindow: string
  readonly otherWindow: string
  readonly thisJoin: string
  readonly otherJoin: string
  readonly merge: string
  readonly thisStore: string
  readonly otherStore: string
  readonly outerStore: string
}

function joinNames(graph: Graph, kind: JoinKind, { name, store }: Options): JoinNames {
  const leftOuter = kind !== 'inner'
  const rightOuter = kind === 'outer'
  const thisSuffix = rightOuter ? '-outer-this-join' : '-this-join'
  const otherSuffix = leftOuter ? '-outer-other-join' : '-other-join'
  const thisWindow = graph.nameOr(name, 'KSTREAM-WINDOWED-', '-this-windowed')
  const otherWindow = graph.nameOr(name, 'KSTREAM-WINDOWED-', '-other-windowed')
  const thisGenerated = graph.newName(rightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-')
  const otherGenerated = graph.newName(leftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-')
  const merge = graph.nameOr(name, 'KSTREAM-MERGE-', '-merge')
  const outerSuffix = rightOuter ? '-outer-shared-join' : '-left-shared-join'
  const index = /[0-9]{10}$/.exec(thisGenerated)![0]
  return {
    thisWindow,
    otherWindow,
    thisJoin: name === undefined ? thisGenerated : name + thisSuffix,
    otherJoin: name === undefined ? otherGenerated : name + otherSuffix,
    merge,
    thisStore: `${store === undefined ? thisGenerated : store + thisSuffix}-store`,
    otherStore: `${store === undefined ? otherGenerated : store + otherSuffix}-store`,
    outerStore: `${store === undefined ? `KSTREAM-OUTERSHARED-${index}` : store + outerSuffix}-store`,
  }
}

function addJoinStore(
  graph: Graph,
  name: string,
  windows: JoinWindows,
  key: AnySerde | null,
  value: AnySerde | null,
): void {
  const windowSizeMs = windows.beforeMs + windows.afterMs
  const retentionMs = windowSizeMs + windows.graceMs
  graph.addStore({
    kind: 'window',
    name,
    key,
    value,
    logged: true,
    windowSizeMs,
    retentionMs,
    retainDuplicates: true,
    timestamped: false,
  })
}

function addSides(
  graph: Graph,
  names: JoinNames,
  windows: JoinWindows,
  joiner: (left: any, right: any, key: any) => any,
  kind: JoinKind,
  outerStore: string | null,
): void {
  const common = { type: 'streamStreamJoin', outerStore, windows, tracker: names.merge, joiner } as const
  const left: StreamStreamJoin = { ...common, side: 'left', otherStore: names.otherStore, outer: kind !== 'inner' }
  const right: StreamStreamJoin = { ...common, side: 'right', otherStore: names.thisStore, outer: kind === 'outer' }
  const stores = outerStore === null ? [] : [outerStore]
  graph.addProcessor(names.thisJoin, [names.thisWindow], left, [names.otherStore, ...stores])
  graph.addProcessor(names.otherJoin, [names.otherWindow], right, [names.thisStore, ...stores])
  graph.addProcessor(names.merge, [names.thisJoin, names.otherJoin], { type: 'passThrough' })
  if (left.outer) graph.nullKeyJoins.add(names.merge)
}
