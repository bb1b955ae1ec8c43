/**
 * How much a trace matters to whoever reads the log, by event; what is not here is `debug`. Actors say what happened
 * and need not know who reads it; one that knows better sets `fields.level`.
 */
import type { ReportLevel } from './control.ts'

const levels: Readonly<Record<string, ReportLevel>> = {
  'replica.offline': 'error',
  'log-manager.failed': 'error',
  // A coordinator that cannot load its partition.
  failed: 'error',
  'append-failed': 'warn',
  'request.failed': 'warn',
  'topic.not-created': 'warn',
  'follower.append-refused': 'warn',
  'follower.truncated': 'info',
  'follower.started-over': 'info',
  'isr.changed': 'info',
  'log.cleaned': 'info',
  'log.not-compacted': 'warn',
  'log.retention': 'info',
  raft: 'info',
  'raft-truncate': 'info',
  'raft-snapshot': 'info',
  'raft-check-quorum': 'warn',
  'request.malformed': 'info',
  'request.unsupported': 'info',
}

export function levelOf(event: string, fields: Record<string, unknown>): ReportLevel {
  return (fields.level as ReportLevel | undefined) ?? levels[event] ?? 'debug'
}
