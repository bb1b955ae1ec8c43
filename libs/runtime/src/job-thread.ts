/**
 * Entry of the pool's threads: does one job and returns its outcome. It reads and writes files beside the broker's log by
 * the names that the job gives; unlike a broker's, these threads may write everywhere and fsync.
 */
import '@troupe/wire/native.node'
import { compact, type Compacted, type CompactionJob } from '@troupe/log/compaction'
import { FilePool } from '@troupe/log/file-pool'
import { NodeFileSystem } from '@troupe/log/node-file-system.node'

export default function run(job: CompactionJob): Compacted {
  const pass = compact(job, new FilePool(new NodeFileSystem()))
  for (;;) {
    const step = pass.next()
    if (step.done) return step.value
  }
}
