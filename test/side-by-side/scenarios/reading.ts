/** What stands in a partition, batch by batch. */
import type { Session } from '../harness/session.ts'

export function fetchOf(
  topic: string,
  partition: number,
  fetchOffset: number,
  rest: object = {},
  ofPartition: object = {},
): object {
  return {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 10_000_000,
    isolationLevel: 0,
    topics: [
      {
        topic,
        partitions: [{ partition, currentLeaderEpoch: -1, fetchOffset, partitionMaxBytes: 10_000_000, ...ofPartition }],
      },
    ],
    ...rest,
  }
}

/** Compressors differ in their bytes: with `compressed`, sizes and bodies of batches are left out. */
export async function readAll(
  s: Session,
  topic: string,
  partition = 0,
  options: { compressed?: boolean } = {},
): Promise<void> {
  await s.ask(
    `what is in ${topic} ${partition}`,
    'Fetch',
    12,
    fetchOf(topic, partition, 0),
    options.compressed ? { strip: ['body', 'sizeInBytes'] } : {},
  )
}
