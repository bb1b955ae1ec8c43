/**
 * Committed offsets of all groups of a shard, and those of transactions that are not decided yet.
 *
 * Commits are numbered as they are replayed, which is their order in the log: when a transaction commits, an offset
 * that was committed plainly after it wins, whenever the marker is replayed.
 *
 * Source: Kafka's OffsetMetadataManager (Offsets, OpenTransactions).
 */
import type { CommittedOffset } from './records.ts'

export interface StoredOffset extends CommittedOffset {
  /** Place in the order of replay. */
  readonly sequence: number
}

/** topic → partition → offset */
export type GroupOffsets = Map<string, Map<number, StoredOffset>>

export interface Offsets {
  /** By group. */
  readonly committed: Map<string, GroupOffsets>
  /** By group and producer id. */
  readonly pending: Map<string, Map<number, GroupOffsets>>
  sequence: number
}

export function newOffsets(): Offsets {
  return { committed: new Map(), pending: new Map(), sequence: 0 }
}

export function committedOffset(
  offsets: Offsets,
  group: string,
  topic: string,
  partition: number,
): StoredOffset | undefined {
  return offsets.committed.get(group)?.get(topic)?.get(partition)
}

/** Whether a transaction that is not decided yet has committed an offset for this partition. */
export function hasPendingOffset(offsets: Offsets, group: string, topic: string, partition: number): boolean {
  const producers = offsets.pending.get(group)
  if (producers === undefined) return false
  for (const pending of producers.values()) if (pending.get(topic)?.has(partition)) return true
  return false
}

export function hasOpenTransaction(offsets: Offsets, group: string): boolean {
  return offsets.pending.has(group)
}

export function* eachOffset(
  offsets: GroupOffsets | undefined,
): Generator<[topic: string, partition: number, offset: StoredOffset]> {
  if (offsets === undefined) return
  for (const [topic, partitions] of offsets) {
    for (const [partition, offset] of partitions) yield [topic, partition, offset]
  }
}

/** Every partition of which the group has an offset, committed or in an undecided transaction; each once. */
export function partitionsOf(offsets: Offsets, group: string): Map<string, Set<number>> {
  const partitions = new Map<string, Set<number>>()
  for (const each of [offsets.committed.get(group), ...(offsets.pending.get(group)?.values() ?? [])]) {
    for (const [topic, partition] of eachOffset(each)) ensure(partitions, topic, () => new Set<number>()).add(partition)
  }
  return partitions
}

/** Replay of a commit. `producerId` null: plain. */
export function storeOffset(
  offsets: Offsets,
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
  producerId: number | null,
): void {
  const stored = { ...committed, sequence: ++offsets.sequence }
  const target =
    producerId === null
      ? ensure(offsets.committed, group, newMap)
      : (ensure(ensure(offsets.pending, group, newMap), producerId, newMap) as GroupOffsets)
  ensure(target as GroupOffsets, topic, newMap).set(partition, stored)
}

/** Replay of a tombstone: also of what undecided transactions would commit. */
export function dropOffset(offsets: Offsets, group: string, topic: string, partition: number): void {
  drop(offsets.committed, group, topic, partition)
  const producers = offsets.pending.get(group)
  if (producers === undefined) return
  for (const producerId of producers.keys()) drop(producers, producerId, topic, partition)
  if (producers.size === 0) offsets.pending.delete(group)
}

/** Replay of a transaction's end. */
export function endTransaction(offsets: Offsets, producerId: number, commit: boolean): void {
  for (const [group, producers] of offsets.pending) {
    const pending = producers.get(producerId)
    if (pending === undefined) continue
    producers.delete(producerId)
    if (producers.size === 0) offsets.pending.delete(group)
    if (!commit) continue
    for (const [topic, partition, offset] of eachOffset(pending)) {
      const existing = committedOffset(offsets, group, topic, partition)
      if (existing !== undefined && existing.sequence > offset.sequence) continue
      ensure(ensure(offsets.committed, group, newMap) as GroupOffsets, topic, newMap).set(partition, offset)
    }
  }
}

function drop<Key>(byKey: Map<Key, GroupOffsets>, key: Key, topic: string, partition: number): void {
  const topics = byKey.get(key)
  const partitions = topics?.get(topic)
  if (topics === undefined || partitions === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) topics.delete(topic)
  if (topics.size === 0) byKey.delete(key)
}

const newMap = <K, V>(): Map<K, V> => new Map()

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
