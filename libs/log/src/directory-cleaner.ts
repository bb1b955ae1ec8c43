/**
 * Cleans the logs of a directory, one after the other: the dirtiest first, a step at a time here, or elsewhere if it is
 * large. What comes back from there is believed only while the log is what it was when the job was described.
 */
import {
  adoptCompaction,
  describeCompaction,
  discardCompaction,
  selectDirtiest,
  sizeOfJob,
  type CleanerLimits,
} from './cleaner.ts'
import { compact, type Compacted, type Compaction, type CompactionJob } from './compaction.ts'
import type { CleanElsewhere, CleanStep, CleanedLog } from './contract.ts'
import type { FilePool } from './file-pool.ts'
import { StorageError } from './file-system.ts'
import type { PartitionLog } from './partition-log.ts'

export interface CleanerSurroundings {
  logs(): Iterable<PartitionLog>
  readonly pool: FilePool
  readonly limits: Partial<CleanerLimits> | undefined
  before(): void
  /** A log's `cleanedUpTo` has moved. */
  after(): void
}

interface Cleaning {
  readonly log: PartitionLog
  readonly job: CompactionJob
  /** null: it runs elsewhere. */
  readonly pass: Compaction | null
  /** How often something had been cut off the log when the job was described. */
  readonly cuts: number
}

export class DirectoryCleaner {
  readonly #surroundings: CleanerSurroundings
  #cleaning: Cleaning | null = null

  constructor(surroundings: CleanerSurroundings) {
    this.#surroundings = surroundings
  }

  step(now: number, maxBytes: number, elsewhere?: CleanElsewhere): CleanStep {
    // Whoever has asked for a compaction elsewhere and asks again has forgotten of it.
    if (this.#cleaning?.pass === null) this.finish(null)
    const cleaning = this.#cleaning ?? this.#begin(now, elsewhere)
    if (!cleaning) return null
    const { job, pass } = cleaning
    if (pass === null) return { job }
    if (!isAsDescribed(cleaning)) {
      this.#cleaning = null
      pass.return({ groups: [], upTo: 0, bytesRead: 0, bytesKept: 0 })
      return 'more'
    }
    return this.#guard(cleaning, () => {
      for (let read = 0; read < maxBytes;) {
        const step = pass.next()
        if (step.done) return this.#adopt(cleaning, step.value)
        read += step.value
      }
      return 'more'
    })
  }

  finish(compacted: Compacted | null): CleanedLog | null {
    const cleaning = this.#cleaning
    if (cleaning === null || cleaning.pass !== null) return null
    return this.#guard(cleaning, () => {
      if (compacted !== null && isAsDescribed(cleaning)) return this.#adopt(cleaning, compacted)
      this.#cleaning = null
      // A directory that was renamed meanwhile goes with all that is in it.
      if (cleaning.log.offlineReason === null) discardCompaction(cleaning.log, cleaning.job)
      return null
    })
  }

  #begin(now: number, elsewhere: CleanElsewhere | undefined): Cleaning | null {
    const { logs, pool, limits, before } = this.#surroundings
    const dirtiest = selectDirtiest(logs(), now)
    if (!dirtiest) return null
    const { log } = dirtiest
    before()
    let job = describeCompaction(dirtiest, now, limits)
    const isLarge = elsewhere !== undefined && sizeOfJob(job) >= elsewhere.fromBytes
    if (isLarge) job = { ...job, suffix: elsewhere.suffix }
    this.#cleaning = { log, job, pass: isLarge ? null : compact(job, pool), cuts: log.local.cuts }
    return this.#cleaning
  }

  #adopt({ log, job }: Cleaning, compacted: Compacted): CleanedLog {
    this.#cleaning = null
    adoptCompaction(log, job, compacted)
    this.#surroundings.after()
    return { directory: log.directory, bytesRead: compacted.bytesRead, bytesKept: compacted.bytesKept }
  }

  #guard<Result>({ log }: Cleaning, work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      this.#cleaning = null
      if (error instanceof StorageError) log.goOffline(error.message)
      throw error
    }
  }
}

/** Nothing was cut off, moved or removed since. */
const isAsDescribed = ({ log, cuts }: Cleaning): boolean => log.local.cuts === cuts && log.offlineReason === null
