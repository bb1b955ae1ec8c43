/** What a history was recorded under: it decides what counts against it. */
import type { Key } from './format.ts'

export interface HistoryOptions {
  /** Partitions come through `subscribe`: a rebalance may move positions between operations. Default false. */
  readonly subscribe?: boolean
  /** Draw edges from the order of offsets between writers. Then G1c is normal, for writes are not isolated. */
  readonly writeWriteEdges?: boolean
  /** Draw edges from the last record polled to the next one sent. Only reported: consumers may lag. */
  readonly readWriteEdges?: boolean
  /** With `read_uncommitted` G1a, G1c and precommitted-read are allowed. Default `read_committed`. */
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** At the end everything was polled. Default true; otherwise `unseen` is only reported. */
  readonly complete?: boolean
  /** Producers are not idempotent: duplicates after a retry are allowed. Default false. */
  readonly plainProducers?: boolean
  /** Keys whose records retention, compaction or DeleteRecords may remove: not seeing them is no loss. */
  readonly cleaned?: readonly Key[]
  /** Cases described per anomaly, the others are counted. Default 8. */
  readonly cases?: number
}

/** Names that are reported and do not make a history invalid. */
export function allowedAnomalies(options: HistoryOptions): ReadonlySet<string> {
  // Sends of several transactions interleave in a partition; that is how Kafka works, not an anomaly.
  const allowed = new Set(['int-send-skip', ...variants('G0')])
  if (options.subscribe === true) for (const name of ['poll-skip', 'nonmonotonic-poll']) allowed.add(name)
  if (options.writeWriteEdges === true) for (const name of variants('G1c')) allowed.add(name)
  if (options.isolation === 'read_uncommitted') {
    for (const name of ['G1a', 'precommitted-read', ...variants('G1c')]) allowed.add(name)
  }
  if (options.complete === false) allowed.add('unseen')
  if (options.plainProducers === true) allowed.add('duplicate')
  // A consumer that has not come to the end yet is behind the producers, whatever else it has seen.
  for (const name of ['G-single', 'G-nonadjacent', 'G2']) for (const variant of variants(name)) allowed.add(variant)
  return allowed
}

function variants(name: string): readonly string[] {
  return [name, `${name}-process`, `${name}-realtime`]
}

export function cleanedKeys(keys: readonly Key[], options: HistoryOptions): Uint8Array {
  const cleaned = new Set(options.cleaned)
  return Uint8Array.from(keys, (key) => (cleaned.has(key) ? 1 : 0))
}
