/**
 * A line of a log: `2026-03-01T12:00:03.120Z payments ERROR card refused`. Reading one throws when it is none, so the
 * pipeline's handler of unreadable records decides what becomes of it.
 */
import { SerdeError, string, type Serde } from 'troupe/pipeline'

export const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const

export interface Line {
  readonly at: number
  readonly service: string
  readonly level: (typeof levels)[number]
  readonly text: string
}

const form = /^(\S+Z) ([a-z-]+) (DEBUG|INFO|WARN|ERROR) (.*)$/s

export const line: Serde<Line> = {
  serialize: ({ at, service, level, text }) =>
    string.serialize(`${new Date(at).toISOString()} ${service} ${level} ${text}`),
  deserialize(bytes) {
    const [, time, service, level, text] = form.exec(string.deserialize(bytes)) ?? []
    const at = Date.parse(time ?? '')
    if (Number.isNaN(at)) throw new SerdeError('not a line of a log')
    return { at, service: service!, level: level as Line['level'], text: text! }
  },
}
