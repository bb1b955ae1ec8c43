/**
 * Which partitions an assignment under way has moved, so that it swaps rather than crosses: when one of a topic went
 * from A to B and now one is to go from B to A, the first is moved back instead. Source: `PartitionMovements`.
 */
import { partitionKey, type TopicPartition } from '../topic-partition.ts'

export interface Movements {
  readonly byPartition: Map<string, { readonly from: string; readonly to: string }>
  /** By topic, then by `from` and `to`. */
  readonly byTopic: Map<string, Map<string, TopicPartition[]>>
}

export function newMovements(): Movements {
  return { byPartition: new Map(), byTopic: new Map() }
}

const pairKey = (from: string, to: string): string => `${from.length}:${from}${to}`

export function noteMovement(movements: Movements, partition: TopicPartition, from: string, to: string): void {
  const key = partitionKey(partition)
  const earlier = movements.byPartition.get(key)
  if (earlier === undefined) return record(movements, partition, from, to)
  forget(movements, partition, earlier)
  if (earlier.from !== to) record(movements, partition, earlier.from, to)
}

export function partitionToMove(
  movements: Movements,
  wanted: TopicPartition,
  from: string,
  to: string,
): TopicPartition {
  const pairs = movements.byTopic.get(wanted.topic)
  if (pairs === undefined) return wanted
  const origin = movements.byPartition.get(partitionKey(wanted))?.from ?? from
  return pairs.get(pairKey(to, origin))?.[0] ?? wanted
}

function record(movements: Movements, partition: TopicPartition, from: string, to: string): void {
  movements.byPartition.set(partitionKey(partition), { from, to })
  let pairs = movements.byTopic.get(partition.topic)
  if (pairs === undefined) movements.byTopic.set(partition.topic, (pairs = new Map()))
  const pair = pairs.get(pairKey(from, to))
  if (pair === undefined) pairs.set(pairKey(from, to), [partition])
  else pair.push(partition)
}

function forget(movements: Movements, partition: TopicPartition, moved: { from: string; to: string }): void {
  const key = partitionKey(partition)
  movements.byPartition.delete(key)
  const pairs = movements.byTopic.get(partition.topic)!
  const name = pairKey(moved.from, moved.to)
  const rest = pairs.get(name)!.filter((each) => partitionKey(each) !== key)
  if (rest.length > 0) pairs.set(name, rest)
  else pairs.delete(name)
  if (pairs.size === 0) movements.byTopic.delete(partition.topic)
}
