/**
 * The operations of a history: each invocation with its completion, and what it sent and polled, by number.
 *
 * Keys, values and operations are numbered once, so that every check is a pass over flat arrays: a history of a
 * million operations is judged in seconds.
 */
import {
  isData,
  sentOffset,
  sentValue,
  type DataOperation,
  type History,
  type HistoryOperation,
  type Key,
  type Value,
} from './format.ts'

/** An invocation and its completion; one that never completed is `info`, completed by its own invocation. */
export interface Operation {
  readonly invoke: HistoryOperation
  readonly completion: HistoryOperation
  readonly type: 'ok' | 'fail' | 'info'
}

/** What each operation sent (or polled), in order: entries `start[n]` to `start[n + 1]` belong to operation n. */
export interface Mentions {
  readonly start: Int32Array
  readonly value: readonly number[]
  /** -1 where nobody knows. */
  readonly offset: readonly number[]
}

export interface ValueTable {
  /** Number of the key that each value belongs to. */
  readonly key: readonly number[]
  readonly name: readonly Value[]
  /** Operation that sent it, -1 if nobody did. */
  readonly writer: readonly number[]
}

export interface Operations {
  readonly history: History
  /** In the order of completion; those that never completed come last. */
  readonly operations: readonly Operation[]
  readonly keys: readonly Key[]
  readonly values: ValueTable
  readonly writes: Mentions
  readonly reads: Mentions
}

export function collectOperations(recorded: History): Operations {
  const history = recorded.every(({ index }, position) => index === position)
    ? recorded
    : recorded.map((operation, index) => ({ ...operation, index }))
  const operations = pairUp(history)
  const numbers = new Numbers()
  const writes = new MentionsBuilder(operations.length)
  const reads = new MentionsBuilder(operations.length)
  for (let n = 0; n < operations.length; n++) {
    const { completion } = operations[n]!
    writes.next(n)
    reads.next(n)
    if (isData(completion)) mention(completion, n, numbers, writes, reads)
  }
  const values = { key: numbers.valueKey, name: numbers.valueName, writer: numbers.writer }
  return { history, operations, keys: numbers.keys, values, writes: writes.done(), reads: reads.done() }
}

export function pairUp(history: History): Operation[] {
  const pending = new Map<number, HistoryOperation>()
  const operations: Operation[] = []
  for (const operation of history) {
    if (operation.type === 'invoke') {
      pending.set(operation.process, operation)
      continue
    }
    const invoke = pending.get(operation.process) ?? operation
    pending.delete(operation.process)
    operations.push({ invoke, completion: operation, type: operation.type })
  }
  for (const invoke of pending.values()) operations.push({ invoke, completion: invoke, type: 'info' })
  return operations
}

function mention(
  operation: DataOperation,
  n: number,
  numbers: Numbers,
  writes: MentionsBuilder,
  reads: MentionsBuilder,
): void {
  for (const micro of operation.value) {
    if (micro[0] === 'send') {
      const value = numbers.value(numbers.key(micro[1]), sentValue(micro))
      numbers.writer[value] = n
      writes.add(value, sentOffset(micro))
    } else if (micro[1] !== undefined) {
      for (const [key, records] of micro[1]) {
        const keyNumber = numbers.key(key)
        for (const [offset, value] of records) reads.add(numbers.value(keyNumber, value), offset)
      }
    }
  }
}

class Numbers {
  readonly keys: Key[] = []
  readonly valueKey: number[] = []
  readonly valueName: Value[] = []
  readonly writer: number[] = []
  readonly #keyNumbers = new Map<Key, number>()
  readonly #valueNumbers: Map<Value, number>[] = []

  key(key: Key): number {
    let number = this.#keyNumbers.get(key)
    if (number === undefined) {
      number = this.keys.push(key) - 1
      this.#keyNumbers.set(key, number)
      this.#valueNumbers.push(new Map())
    }
    return number
  }

  value(key: number, value: Value): number {
    const ofKey = this.#valueNumbers[key]!
    let number = ofKey.get(value)
    if (number === undefined) {
      number = this.valueName.push(value) - 1
      this.valueKey.push(key)
      this.writer.push(-1)
      ofKey.set(value, number)
    }
    return number
  }
}

class MentionsBuilder {
  readonly #start: Int32Array
  readonly #value: number[] = []
  readonly #offset: number[] = []

  constructor(operations: number) {
    this.#start = new Int32Array(operations + 1)
  }

  next(operation: number): void {
    this.#start[operation] = this.#value.length
  }

  add(value: number, offset: number | null): void {
    this.#value.push(value)
    this.#offset.push(offset ?? -1)
  }

  done(): Mentions {
    this.#start[this.#start.length - 1] = this.#value.length
    return { start: this.#start, value: this.#value, offset: this.#offset }
  }
}
