/** What a group has committed, in the order in which it became so: read from `__consumer_offsets`, where it counts. */
import {
  coordinatorRecordType,
  decodeCoordinatorKey,
  decodeCoordinatorValue,
  groupRecordByType,
} from '@troupe/wire/coordinator-record'
import type { Cluster } from '../cluster/cluster.ts'
import { keyOf } from '../workload/application.ts'
import { committedRecords, partitionCount } from './logs.ts'

/** Next offset by `topic-partition`: what one commit, or one transaction, has said. */
export type Commit = ReadonlyMap<string, number>

export const offsetsTopic = '__consumer_offsets'
/** OffsetCommitKey version 1; 0 is its older form. */
const newestOffsetKey = 1

export { keyOf }

export function commitsOf(cluster: Cluster, group: string): Commit[] {
  const commits: Commit[] = []
  for (let partition = 0; partition < partitionCount(cluster, offsetsTopic); partition++) {
    const decisions = new Map<number, Map<string, number>>()
    for (const { key, value, decidedAt } of committedRecords(cluster, offsetsTopic, partition)) {
      if (key === null || value === null) continue
      const type = coordinatorRecordType(key)
      const codec = groupRecordByType(type)
      if (codec === undefined || type > newestOffsetKey) continue
      const named = decodeCoordinatorKey<{ group: string; topic: string; partition: number }>(codec, key)
      if (named.group !== group) continue
      const { offset } = decodeCoordinatorValue<{ offset: number }>(codec, value).message
      const commit = decisions.get(decidedAt) ?? new Map<string, number>()
      decisions.set(decidedAt, commit.set(keyOf(named.topic, named.partition), Number(offset)))
    }
    // A group lives in one of the partitions: there the order is the log's.
    commits.push(...[...decisions].sort(([a], [b]) => a - b).map(([, commit]) => commit))
  }
  return commits
}

/** Where the group would go on. */
export function positionsOf(commits: readonly Commit[]): Map<string, number> {
  const positions = new Map<string, number>()
  for (const commit of commits) for (const [key, offset] of commit) positions.set(key, offset)
  return positions
}
