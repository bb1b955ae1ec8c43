/**
 * One stream becomes several, by predicates that are asked in turn. Source: BranchedKStreamImpl.
 */
import type { Branch } from '../engine/operation.ts'
import type { NamedOptions } from './options.ts'
import type { Stream } from './stream.ts'

/** One stream for each predicate, and one for the records that none of them took. */
export type Branches<K, V, Name extends string> = { readonly [Each in Name | 'default']: Stream<K, V> }

export function branchStream<K, V, Name extends string>(
  stream: Stream<K, V>,
  predicates: Readonly<Record<Name, (key: K, value: V) => boolean>>,
  { name }: NamedOptions,
): Branches<K, V, Name> {
  const { graph, node } = stream.state
  const splitter = graph.nameOr(name, 'KSTREAM-BRANCH-')
  const branches: Branch['branches'][number][] = []
  graph.addProcessor(splitter, [node], { type: 'branch', branches })
  const streams: Record<string, Stream<K, V>> = {}
  const all = Object.entries(predicates) as [string, (key: K, value: V) => boolean][]
  for (const [branch, predicate] of [...all, ['default', () => true] as const]) {
    const child = splitter + branch
    // Kafka Streams counts the branches as well.
    graph.newName(child)
    branches.push({ predicate, node: child })
    graph.addProcessor(child, [splitter], { type: 'passThrough' })
    streams[branch] = stream.next(child)
  }
  return streams as Branches<K, V, Name>
}
