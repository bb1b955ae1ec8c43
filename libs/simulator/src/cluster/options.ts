/**
 * Everything that a run of the whole cluster depends on, as plain data: what is drawn from a seed, printed with every
 * result, stored in every trace, and made smaller by shrinking.
 */
import type { Safeguards } from '@troupe/actor'
import type { Fault } from './faults.ts'

export interface NetworkOptions {
  readonly minDelayMs: number
  readonly maxDelayMs: number
  /** Of 1000 messages, how many take `slowMs` in addition. */
  readonly slowPerMille: number
  readonly slowMs: number
  /** How long until the ends of a broken link know. */
  readonly detectMs: number
}

export interface DiskOptions {
  /** How long a background sync takes. */
  readonly syncMs: number
}

/** The simulator's own applications. */
export type DrawnRole = 'producer' | 'transactional' | 'copier' | 'group' | 'reader'

/** What one client process does. */
export interface ClientOptions {
  /** `feeder` and `pipeline`: in runs of a pipeline. */
  readonly role: DrawnRole | 'feeder' | 'pipeline'
  /** Pause between its operations. */
  readonly everyMs: number
  /** Of its producer, consumer and network; Kafka's names. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** In which order things happen that are due at the same virtual millisecond. */
export type Policy = 'fifo' | 'random' | 'priority'

export interface ClusterOptions {
  readonly seed: number
  readonly brokers: number
  readonly voters: readonly number[]
  readonly policy: Policy
  readonly topics: readonly {
    readonly name: string
    readonly partitions: number
    readonly configs: Readonly<Record<string, string>>
  }[]
  /** Of every broker; Kafka's names. */
  readonly properties: Readonly<Record<string, string>>
  readonly network: NetworkOptions
  readonly disk: DiskOptions
  readonly clients: readonly ClientOptions[]
  /** Drawn before the run; what the budget forbids when its time has come does not happen. */
  readonly faults: readonly Fault[]
  /** Length of the phase with faults, virtual milliseconds; after it everything heals. */
  readonly safetyMs: number
  /** Within so long the healed cluster must have made progress. */
  readonly livenessMs: number
  readonly safeguards: Partial<Safeguards>
}
