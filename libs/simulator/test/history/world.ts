/**
 * A correct Kafka small enough to see through: one log per key in memory, transactions that stay invisible until they
 * commit, consumers at read_committed. Its histories are right by construction, so a checker that complains is wrong.
 */
import type {
  DataOperation,
  History,
  HistoryOperation,
  Key,
  KeyRecords,
  MicroOp,
  OffsetValue,
} from '../../src/history/format.ts'
import { HistoryRecorder, type Invocation } from '../../src/history/record.ts'

export interface Shape {
  readonly seed: number
  readonly processes: number
  readonly keys: number
  readonly operations: number
  /** Poll until everything was seen at the end. */
  readonly finalPolls: boolean
}

interface Entry {
  readonly value: number
  /** Marker: takes an offset, is never seen. */
  fate: 'open' | 'committed' | 'aborted' | 'marker'
}

interface Client {
  process: number
  assigned: readonly number[]
  positions: Map<number, number>
  running: Running | null
}

interface Running {
  readonly invocation: DataOperation | HistoryOperation
  readonly todo: MicroOp[]
  readonly done: MicroOp[]
  readonly written: { readonly key: number; readonly offset: number }[]
  readonly before: ReadonlyMap<number, number>
}

export function correctHistory(shape: Shape): History {
  const world = new World(shape)
  return world.run()
}

/** Small, fast and seeded (xorshift32). */
export function randomInts(seed: number): (below: number) => number {
  let state = (seed * 2654435761) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

class World {
  readonly #shape: Shape
  readonly #random: (below: number) => number
  readonly #recorder = new HistoryRecorder()
  readonly #logs: Entry[][]
  /** Last stable offset of each log, as far as it was looked for. */
  readonly #stable: number[]
  readonly #next: number[]
  readonly #clients: Client[]
  #processes: number
  #time = 0

  constructor(shape: Shape) {
    this.#shape = shape
    this.#random = randomInts(shape.seed)
    this.#logs = Array.from({ length: shape.keys }, () => [])
    this.#stable = this.#logs.map(() => 0)
    this.#next = this.#logs.map(() => 0)
    this.#processes = shape.processes
    this.#clients = Array.from({ length: shape.processes }, (_, process) => this.#client(process))
  }

  #client(process: number): Client {
    return { process, assigned: [], positions: new Map(), running: null }
  }

  run(): History {
    for (let left = this.#shape.operations; left > 0;) {
      const client = this.#clients[this.#random(this.#clients.length)]!
      if (client.running === null) left--
      this.#step(client)
    }
    while (this.#clients.some(({ running }) => running !== null)) {
      for (const client of this.#clients) if (client.running !== null) this.#step(client)
    }
    if (this.#shape.finalPolls) this.#pollEverything()
    return this.#recorder.history
  }

  #tick(): number {
    return (this.#time += 1 + this.#random(1000))
  }

  #step(client: Client): void {
    if (client.running === null) this.#invoke(client)
    else if (client.running.todo.length > 0) this.#perform(client, client.running)
    else this.#complete(client, client.running)
  }

  #invoke(client: Client): void {
    const keys = this.#someKeys()
    if (client.assigned.length === 0 || this.#random(12) === 0) return this.#assign(client, keys)
    if (this.#random(25) === 0) return this.#crash(client)
    const f = (['send', 'poll', 'txn'] as const)[this.#random(3)]!
    const value: MicroOp[] = []
    for (let left = 1 + this.#random(4); left > 0; left--) {
      if (f === 'poll' || (f === 'txn' && this.#random(2) === 0)) value.push(['poll'])
      else {
        const key = this.#random(this.#logs.length)
        value.push(['send', key, this.#next[key]!++])
      }
    }
    const invocation: DataOperation = { index: 0, time: 0, type: 'invoke', process: client.process, f, value }
    this.#recorder.invoke(this.#tick(), { process: client.process, f, value })
    client.running = { invocation, todo: [...value], done: [], written: [], before: new Map(client.positions) }
  }

  #someKeys(): number[] {
    return this.#logs.flatMap((_, key) => (this.#random(3) > 0 ? [key] : []))
  }

  #assign(client: Client, keys: readonly number[], seekToBeginning = false): void {
    const extra = seekToBeginning ? { seekToBeginning: true } : {}
    const invocation: Invocation = { process: client.process, f: 'assign', value: keys, ...extra }
    this.#recorder.invoke(this.#tick(), invocation)
    this.#recorder.complete(this.#tick(), 'ok', invocation)
    const positions = client.positions
    client.positions = new Map(keys.map((key) => [key, seekToBeginning ? 0 : (positions.get(key) ?? 0)]))
    client.assigned = keys
  }

  #crash(client: Client): void {
    this.#recorder.invoke(this.#tick(), { process: client.process, f: 'crash', value: null })
    this.#recorder.complete(this.#tick(), 'info', { process: client.process, f: 'crash', value: null })
    this.#replace(client)
  }

  #replace(client: Client): void {
    Object.assign(client, this.#client(this.#processes++))
  }

  #perform(client: Client, running: Running): void {
    const micro = running.todo.shift()!
    if (micro[0] === 'send') {
      const key = micro[1] as number
      const value = micro[2] as number
      const offset = this.#logs[key]!.push({ value, fate: 'open' }) - 1
      running.written.push({ key, offset })
      running.done.push(['send', key, [offset, value]])
    } else {
      running.done.push(['poll', this.#poll(client)])
    }
  }

  /** A few records of each key, up to the last stable offset. */
  #poll(client: Client): KeyRecords[] {
    return client.assigned.flatMap((key) => {
      const log = this.#logs[key]!
      let stable = this.#stable[key]!
      while (stable < log.length && log[stable]!.fate !== 'open') stable++
      this.#stable[key] = stable
      const records: OffsetValue[] = []
      let position = client.positions.get(key) ?? 0
      for (const most = this.#random(6); position < stable && records.length < most; position++) {
        if (log[position]!.fate === 'committed') records.push([position, log[position]!.value])
      }
      client.positions.set(key, position)
      return records.length === 0 ? [] : [[key, records] as KeyRecords]
    })
  }

  #complete(client: Client, running: Running): void {
    const { f } = running.invocation
    const draw = this.#random(10)
    const type = draw === 0 ? 'fail' : draw === 1 ? 'info' : 'ok'
    const committed = type === 'ok' || (type === 'info' && this.#random(2) === 0)
    for (const { key, offset } of running.written) {
      this.#logs[key]![offset]!.fate = committed ? 'committed' : 'aborted'
    }
    for (const key of new Set(running.written.map(({ key }) => key))) {
      this.#logs[key]!.push({ value: -1, fate: 'marker' })
    }
    // A client that heard nothing does not know its offsets; one that heard half knows some.
    const forgetful = type === 'info' && this.#random(2) === 0
    const value = running.done.map((micro): MicroOp => {
      if (!forgetful || micro[0] === 'poll') return micro
      const [offset, sent] = micro[2] as OffsetValue
      return ['send', micro[1], this.#random(2) === 0 ? [null, sent] : [offset, sent]]
    })
    this.#recorder.complete(this.#tick(), type, { process: client.process, f, value } as Invocation)
    if (type !== 'ok') client.positions = new Map(running.before)
    client.running = null
    if (type === 'info') this.#replace(client)
  }

  #pollEverything(): void {
    const client = this.#client(this.#processes++)
    this.#assign(
      client,
      this.#logs.map((_, key) => key),
      true,
    )
    while (client.assigned.some((key) => client.positions.get(key)! < this.#logs[key]!.length)) {
      const { process } = client
      this.#recorder.invoke(this.#tick(), { process, f: 'poll', value: [['poll']] })
      this.#recorder.complete(this.#tick(), 'ok', { process, f: 'poll', value: [['poll', this.#poll(client)]] })
    }
  }
}

/** Copies a history with each data operation's micro-operations run through `change`. */
export function changed(
  history: History,
  change: (micro: MicroOp, operation: DataOperation) => MicroOp,
): HistoryOperation[] {
  return history.map((operation) =>
    operation.f === 'send' || operation.f === 'poll' || operation.f === 'txn'
      ? { ...operation, value: operation.value.map((micro) => change(micro, operation)) }
      : operation,
  )
}

/** The same without what polls returned of one record. */
export function withoutRecord(history: History, drop: (key: Key, offset: number, op: DataOperation) => boolean) {
  return changed(history, (micro, operation) => {
    if (micro[0] === 'send' || micro[1] === undefined) return micro
    return [
      'poll',
      micro[1].map(([key, records]): KeyRecords => [key, records.filter(([offset]) => !drop(key, offset!, operation))]),
    ]
  })
}
