/**
 * Trace files: the header in the first line, one event in each that follows.
 *
 * The reader fills in what an older or another writer left out, skips empty lines, and leaves out a last line that was
 * not written to its end. What it cannot make sense of it names, with the line.
 */
import type { PartitionStrip, ReplicaStrip, Trace, TraceEvent, TraceHeader, ViolationReport } from '../trace/format.ts'

/** Lines with their ends. */
export function* writeTrace(trace: Trace): Generator<string> {
  yield `${JSON.stringify(trace.header)}\n`
  for (const event of trace.events) yield `${JSON.stringify(event)}\n`
}

export type ReadTrace =
  | { readonly trace: Trace; /** The writer was stopped in the middle of a line. */ readonly cut: boolean }
  | { readonly error: string }

export function readTrace(text: string): ReadTrace {
  const lines = text.split('\n')
  const last = lines.findLastIndex((line) => line.trim() !== '')
  let header: TraceHeader | null = null
  const events: TraceEvent[] = []
  for (let i = 0; i <= last; i++) {
    const line = lines[i]!.trim()
    if (line === '') continue
    const value = parse(line)
    if (value === undefined) {
      if (i === last && header !== null && i === lines.length - 1) return { trace: { header, events }, cut: true }
      return { error: `line ${i + 1}: not JSON: ${line.slice(0, 60)}` }
    }
    try {
      if (header === null) header = headerOf(new Fields(value))
      else events.push(eventOf(new Fields(value), events.length))
    } catch (problem) {
      if (problem instanceof Malformed) return { error: `line ${i + 1}: ${problem.message}` }
      throw problem
    }
  }
  return header === null ? { error: 'the file is empty' } : { trace: { header, events }, cut: false }
}

class Malformed extends Error {}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function headerOf(fields: Fields): TraceHeader {
  if (fields.value('format') !== 'troupe-trace')
    throw new Malformed('not a trace: the first line has no "format": "troupe-trace"')
  if (fields.value('version') !== 1)
    throw new Malformed(`version ${JSON.stringify(fields.value('version'))} of the format is not known`)
  const violation = fields.value('violation') ?? null
  const options = fields.value('options') ?? {}
  if (typeof options !== 'object' || Array.isArray(options)) throw new Malformed('"options" is not an object')
  const seed = fields.value('seed') ?? null
  return {
    format: 'troupe-trace',
    version: 1,
    model: fields.text('model', 'unknown'),
    seed: seed === null ? null : fields.number('seed', 0),
    commit: fields.text('commit', '') || null,
    off: fields.list('off').map(String),
    options: options as Readonly<Record<string, unknown>>,
    violation: violation === null ? null : violationOf(new Fields(violation)),
  }
}

function violationOf(fields: Fields): ViolationReport {
  return {
    invariant: fields.text('invariant'),
    detail: fields.text('detail', ''),
    event: fields.number('event', -1),
  }
}

const types = new Set(['message', 'timer', 'fault', 'client', 'lost'])

function eventOf(fields: Fields, position: number): TraceEvent {
  const type = fields.text('type')
  if (!types.has(type)) throw new Malformed(`an event of type ${JSON.stringify(type)}`)
  const index = fields.number('index', position)
  return {
    index,
    at: fields.number('at', index),
    type: type as TraceEvent['type'],
    node: fields.text('node'),
    actor: fields.text('actor', ''),
    from: fields.text('from', ''),
    kind: fields.text('kind'),
    choice: fields.text('choice', ''),
    detail: fields.text('detail', ''),
    strips: fields.list('strips').map((strip) => stripOf(new Fields(strip))),
  }
}

function stripOf(fields: Fields): PartitionStrip {
  return {
    partition: fields.text('partition'),
    leader: fields.number('leader', -1),
    leaderEpoch: fields.number('leaderEpoch', -1),
    partitionEpoch: fields.number('partitionEpoch', -1),
    isr: fields.list('isr').map(Number),
    replicas: fields.list('replicas').map((replica) => replicaOf(new Fields(replica))),
  }
}

function replicaOf(fields: Fields): ReplicaStrip {
  return {
    broker: fields.number('broker'),
    up: fields.value('up') !== false,
    role: fields.text('role', 'none'),
    leaderEpoch: fields.number('leaderEpoch', -1),
    logEndOffset: fields.number('logEndOffset', -1),
    highWatermark: fields.number('highWatermark', -1),
    lastStableOffset: fields.number('lastStableOffset', -1),
  }
}

/** Fields of one object of the file. */
class Fields {
  readonly #object: Readonly<Record<string, unknown>>

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Malformed('an object was expected')
    this.#object = value as Readonly<Record<string, unknown>>
  }

  value(name: string): unknown {
    return this.#object[name]
  }

  text(name: string, otherwise?: string): string {
    return this.#typed(name, 'string', otherwise) as string
  }

  number(name: string, otherwise?: number): number {
    return this.#typed(name, 'number', otherwise) as number
  }

  list(name: string): readonly unknown[] {
    const value = this.#object[name] ?? []
    if (!Array.isArray(value)) throw new Malformed(`"${name}" is not a list`)
    return value
  }

  #typed(name: string, type: 'string' | 'number', otherwise: unknown): unknown {
    const value = this.#object[name] ?? otherwise
    if (value === undefined) throw new Malformed(`"${name}" is missing`)
    if (typeof value !== type) throw new Malformed(`"${name}" is not a ${type}`)
    return value
  }
}
