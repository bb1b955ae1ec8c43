/**
 * Each record of a stream meets the table as it is at that moment. Source: KStreamImpl#doStreamTableJoin.
 */
import type { JoinedOptions } from './options.ts'
import { repartition } from './repartition.ts'
import type { Stream } from './stream.ts'
import type { Table } from './table.ts'

export function joinTable(
  stream: Stream<any, any>,
  table: Table<any, any>,
  joiner: (value: any, tableValue: any, key: any) => any,
  left: boolean,
  options: JoinedOptions<any, any> = {},
): Stream<any, any> {
  const from = repartitionForJoin(stream, options.name ?? stream.state.name, options)
  const { graph, node } = from.state
  const sources = ensureCopartitioned(from, table)
  const view = table.view()
  const name = graph.nameOr(options.name, left ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-')
  graph.addProcessor(name, [node], { type: 'streamTableJoin', table: view, left, joiner }, table.viewStores())
  if (left) graph.nullKeyJoins.add(name)
  return from.next(name, { key: options.key ?? from.state.key, value: null, sources, repartitionRequired: false })
}

/** The stream by its key as it is now, through a topic if the key has changed. */
export function repartitionForJoin(
  stream: Stream<any, any>,
  topic: string,
  options: Pick<JoinedOptions<any, any>, 'key' | 'value'>,
): Stream<any, any> {
  if (!stream.state.repartitionRequired) return stream
  const { graph, node } = stream.state
  const key = options.key ?? stream.state.key
  const value = options.value ?? stream.state.value
  const source = repartition({ graph, parent: node, topic, key, value })
  return stream.next(source, { key, value, sources: new Set([source]), repartitionRequired: false })
}

interface HasSources {
  readonly state: Stream<any, any>['state'] | Table<any, any>['state']
}

/** Both sides' sources must have equally many partitions; returns all of them. */
export function ensureCopartitioned(left: HasSources, right: HasSources): ReadonlySet<string> {
  const sources = new Set([...left.state.sources, ...right.state.sources])
  left.state.graph.copartitioned.push([...sources])
  return sources
}
