/** What a broker and the pool for long computations say to each other. */
import type { Compacted, CompactionJob } from '@troupe/log/compaction'

export interface JobRequest {
  readonly id: number
  readonly job: CompactionJob
}

export type JobAnswer =
  | { readonly id: number; readonly outcome: Compacted }
  | { readonly id: number; readonly failure: string }
