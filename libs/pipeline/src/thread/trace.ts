/**
 * What a thread tells about its work through `out.trace`: for people, and for the simulator's checker, which compares
 * what was processed with what was committed. Fields are plain data.
 *
 * | event                 | fields           | when                                                                     |
 * | --------------------- | ---------------- | ------------------------------------------------------------------------ |
 * | `pipeline.state`      | StateTrace       | the thread's state has changed                                           |
 * | `pipeline.processed`  | ProcessedTrace   | a record was processed; only with `traceRecords`                         |
 * | `pipeline.poisoned`   | PoisonTrace      | a record was left out, or has stopped the thread                         |
 * | `pipeline.restored`   | RestoredTrace    | a task's stores are as its changelogs say; it runs from here             |
 * | `pipeline.committing` | CommitTrace      | offsets and outputs are handed over; the outcome is open                 |
 * | `pipeline.committed`  | CommitTrace      | the commit is known to have succeeded                                    |
 * | `pipeline.aborted`    | AbortedTrace     | work since the last commit is thrown away; it is done again, or elsewhere |
 */
import type { Outbox } from '@troupe/actor'

export interface OffsetTrace {
  readonly topic: string
  readonly partition: number
  /** The next offset to process. */
  readonly offset: number
}

export interface StateTrace {
  readonly from: string
  readonly to: string
}

export interface ProcessedTrace {
  readonly task: string
  readonly topic: string
  readonly partition: number
  /** Of the record. */
  readonly offset: number
}

export interface PoisonTrace {
  readonly task: string
  readonly kind: string
  readonly node: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly handler: string
  readonly error: string
}

export interface RestoredTrace {
  readonly task: string
  /** By changelog partition: where the restoration has ended. */
  readonly changelogs: Readonly<Record<string, number>>
}

export interface CommitTrace {
  /** By task. */
  readonly tasks: Readonly<Record<string, readonly OffsetTrace[]>>
}

export interface AbortedTrace {
  /** Tasks with work that was not committed. */
  readonly tasks: readonly string[]
  /** `aborted`: the same tasks go on from their last commit. `migrated`: the group may have given them to others. */
  readonly cause: 'aborted' | 'migrated' | 'failed'
  readonly detail: string
  /** The commit was asked for, and nobody knows whether it took effect: the committed offsets will tell. */
  readonly unknown: boolean
}

export interface Traces {
  'pipeline.state': StateTrace
  'pipeline.processed': ProcessedTrace
  'pipeline.poisoned': PoisonTrace
  'pipeline.restored': RestoredTrace
  'pipeline.committing': CommitTrace
  'pipeline.committed': CommitTrace
  'pipeline.aborted': AbortedTrace
}

export function trace<Event extends keyof Traces>(out: Outbox, event: Event, fields: Traces[Event]): void {
  out.trace(event, { ...fields })
}
