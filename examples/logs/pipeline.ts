/**
 * Log aggregation: lines per service, level and minute. A line that cannot be read, or whose clock cannot be right,
 * goes to the dead-letter topic as it came, with headers that say why, in the same transaction as the counts. So each
 * line is in exactly one count or one dead letter.
 */
import { int64, pipeline, string, tumbling, type Windowed } from 'troupe/pipeline'
import { line, type Line } from './line.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Of the run: where dead letters go, and that every kind of poison record becomes one. */
export const deadLetters = {
  'errors.dead.letter.queue.topic.name': 'dead-lines',
  'deserialization.exception.handler': 'dead-letter',
  'processing.exception.handler': 'dead-letter',
} as const

export const logs = pipeline('logs', (p) => {
  p.stream('lines', { key: string, value: line, timestamp: timeOf })
    .groupBy((_host, { service, level }) => `${service} ${level}`, { name: 'by-service', key: string, value: line })
    // A day of grace, when no line is older than an hour: a window is open until the slowest host's lines are in.
    .windowedBy(tumbling(minuteMs, dayMs))
    .count({ store: 'counts', key: string, value: int64 })
    .toStream(minuteName)
    .to('counts', { key: string, value: int64 })
})

/** One clock that runs ahead would make every other line late, and a late line would be in no count. */
function timeOf({ timestamp: sentAt }: { readonly timestamp: number }, _host: unknown, { at }: Line): number {
  if (at > sentAt + minuteMs) throw new RangeError('the clock runs ahead')
  if (at < sentAt - hourMs) throw new RangeError('older than an hour')
  return at
}

/** `payments ERROR 2026-03-01T12:00` */
export function minuteName({ key, start }: Windowed<string>): string {
  return `${key} ${new Date(start).toISOString().slice(0, 16)}`
}
