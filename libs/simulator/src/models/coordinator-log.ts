/** Which commits a log of `__consumer_offsets` holds, read from its batches. */
import { decodeRecord } from '@troupe/coordinator'
import { iterateRecords } from '@troupe/wire/record-batch'
import type { OffsetCommitKey } from '@troupe/wire/generated/coordinator-records'
import type { IdealBatch, IdealLog } from '../model-ports/ideal-log.ts'

/** Batches never change: what is in them is read once. */
const known = new WeakMap<IdealBatch, readonly string[]>()

/** `topic-partition` of every commit before `to`. */
export function commitsOf({ batches }: IdealLog, to: number): Set<string> {
  const found = new Set<string>()
  for (const batch of batches) {
    if (batch.lastOffset >= to) break
    for (const commit of commitsIn(batch)) found.add(commit)
  }
  return found
}

function commitsIn(batch: IdealBatch): readonly string[] {
  let commits = known.get(batch)
  if (commits === undefined) known.set(batch, (commits = readCommits(batch.bytes)))
  return commits
}

function readCommits(bytes: Uint8Array): string[] {
  const found: string[] = []
  for (const { key, value } of iterateRecords(bytes, 0)) {
    const record = key === null ? null : decodeRecord('group', key, value)
    if (record?.key.type !== 'OffsetCommitKey') continue
    const { topic, partition } = record.key.value as OffsetCommitKey
    found.push(`${topic}-${partition}`)
  }
  return found
}
