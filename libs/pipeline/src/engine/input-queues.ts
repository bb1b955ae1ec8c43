/**
 * Buffered input, one queue for each partition; the record with the smallest timestamp at the head of a queue is next.
 * Source: PartitionGroup, RecordQueue.
 */
import type { SourceNode, TopicPartition } from '../topology.ts'
import type { InputRecord } from './contract.ts'

/** With a timestamp extractor a record is deserialised when it comes to the head. */
interface Head {
  readonly record: InputRecord
  readonly timestamp: number
  readonly key: unknown
  readonly value: unknown
  /** What went wrong; the record is taken in its turn all the same. */
  readonly error: { readonly reason: unknown } | null
}

export interface InputQueue extends TopicPartition {
  readonly source: SourceNode
  records: InputRecord[]
  /** Index of the first that is not taken. */
  at: number
  head: Head | null
  /** Largest timestamp that has come to the head, −1 before the first. */
  partitionTime: number
  /** Offset of the next record to take; −1 before the first. */
  position: number
  leaderEpoch: number
}

export function inputQueue(source: SourceNode, { topic, partition }: TopicPartition): InputQueue {
  return { topic, partition, source, records: [], at: 0, head: null, partitionTime: -1, position: -1, leaderEpoch: -1 }
}

export function buffered({ records, at }: InputQueue): number {
  return records.length - at
}

export function addRecord(queue: InputQueue, record: InputRecord): void {
  queue.records.push(record)
}

/** The queue whose head is next; null when all are empty. Of equal timestamps the first input's. */
export function nextQueue(queues: readonly InputQueue[]): InputQueue | null {
  let next: InputQueue | null = null
  let least = Infinity
  for (const queue of queues) {
    const head = headOf(queue)
    if (head === null || (next !== null && head.timestamp >= least)) continue
    next = queue
    least = head.timestamp
  }
  return next
}

export function take(queue: InputQueue): Head {
  const head = headOf(queue)!
  queue.head = null
  queue.at++
  queue.position = head.record.offset + 1
  queue.leaderEpoch = head.record.leaderEpoch ?? -1
  if (queue.at === queue.records.length || queue.at > 1024) {
    queue.records = queue.records.slice(queue.at)
    queue.at = 0
  }
  return head
}

function headOf(queue: InputQueue): Head | null {
  if (queue.head !== null) return queue.head
  const record = queue.records[queue.at]
  if (record === undefined) return null
  queue.head = makeHead(queue, record)
  if (queue.head.error === null) queue.partitionTime = Math.max(queue.partitionTime, queue.head.timestamp)
  return queue.head
}

function makeHead({ source, partitionTime }: InputQueue, record: InputRecord): Head {
  let [key, value]: [unknown, unknown] = [null, null]
  try {
    key = record.key === null ? null : source.key.deserialize(record.key)
    value = record.value === null ? null : source.value.deserialize(record.value)
    const timestamp = source.timestamp ? source.timestamp(record, key, value, partitionTime) : record.timestamp
    const error =
      timestamp >= 0 ? null : { reason: new RangeError(`Input record has invalid (negative) timestamp ${timestamp}`) }
    return { record, timestamp, key, value, error }
  } catch (reason) {
    return { record, timestamp: record.timestamp, key, value, error: { reason } }
  }
}
