/**
 * The history of what clients asked and heard, as plain data.
 *
 * The shape is that of the Kafka workload of Jepsen (jepsen/src/jepsen/tests/kafka.clj), so that its checker can judge
 * our histories and ours can judge its own: an operation is invoked and later completes `ok` (it happened), `fail`
 * (it did not, for certain) or `info` (nobody knows). A process does one thing at a time; after `info` or `crash`
 * whoever takes over has a new process number. A key is one topic-partition, and a value is sent to it at most once.
 */

/** One topic-partition. */
export type Key = number | string

/** What a record holds; unique per key. */
export type Value = number | string

/** Offset and value; the offset is null where the client never heard it. */
export type OffsetValue = readonly [offset: number | null, value: Value]

/** `send k v` when invoked, `send k [offset v]` when completed. */
export type SendMicroOp = readonly ['send', Key, Value | OffsetValue]

/** `poll` when invoked, then with what each key returned, in the order in which the records came. */
export type PollMicroOp = readonly ['poll'] | readonly ['poll', readonly KeyRecords[]]

export type KeyRecords = readonly [key: Key, records: readonly OffsetValue[]]

export type MicroOp = SendMicroOp | PollMicroOp

export type OperationType = 'invoke' | 'ok' | 'fail' | 'info'

interface OperationBase {
  /** Position in the history. */
  readonly index: number
  /** Virtual nanoseconds since the start. */
  readonly time: number
  readonly process: number
  readonly type: OperationType
  /** Consumer group for which the process polls or commits. */
  readonly group?: string
  /** Why it did not complete `ok`: the name of Kafka's error. */
  readonly error?: string
}

/** `send` only sends, `poll` only polls; `txn` is a transaction, of both or either. */
export interface DataOperation extends OperationBase {
  readonly f: 'send' | 'poll' | 'txn'
  readonly value: readonly MicroOp[]
  /** Keys that came or went during the operation. */
  readonly rebalanced?: readonly Key[]
  /** Keys whose position was set anew: out of range, a truncation that the application was told of. */
  readonly reset?: readonly Key[]
  /** What was committed to the group with the transaction. */
  readonly offsets?: readonly (readonly [key: Key, offset: number])[]
}

/** Keys polled from now on. */
export interface AssignOperation extends OperationBase {
  readonly f: 'assign' | 'subscribe'
  readonly value: readonly Key[]
  readonly seekToBeginning?: boolean
}

/** Positions of the group, committed outside a transaction (`commit`) or asked for (`committed`; null: none). */
export interface OffsetsOperation extends OperationBase {
  readonly f: 'commit' | 'committed'
  readonly value: readonly (readonly [key: Key, offset: number | null])[]
}

/** The client is thrown away. */
export interface CrashOperation extends OperationBase {
  readonly f: 'crash'
  readonly value: null
}

export type HistoryOperation = DataOperation | AssignOperation | OffsetsOperation | CrashOperation

export type History = readonly HistoryOperation[]

export function isData(operation: HistoryOperation): operation is DataOperation {
  return operation.f === 'send' || operation.f === 'poll' || operation.f === 'txn'
}

/** The value that a send carries, invoked or completed. */
export function sentValue(send: SendMicroOp): Value {
  const value = send[2]
  return typeof value === 'object' ? value[1] : value
}

/** Null when the client did not hear where the record went. */
export function sentOffset(send: SendMicroOp): number | null {
  const value = send[2]
  return typeof value === 'object' ? value[0] : null
}
