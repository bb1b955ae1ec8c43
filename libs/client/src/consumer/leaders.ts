/** Leaders and their epochs, from the metadata to the positions that were made under them. */
import type { PartitionState, Position, Step } from './state.ts'
import type { TopicPartition } from './topic-partition.ts'

export interface LeaderAndEpoch {
  /** −1: none. */
  readonly leader: number
  readonly leaderEpoch: number
}

const none: LeaderAndEpoch = { leader: -1, leaderEpoch: -1 }

export function currentLeader({ state }: Step, { topic, partition }: TopicPartition): LeaderAndEpoch {
  const known = state.metadata?.topics.get(topic)?.partitions[partition]
  return known === undefined ? none : { leader: known.leader, leaderEpoch: known.leaderEpoch }
}

export function positionAt(step: Step, partition: PartitionState, offset: number, offsetEpoch: number): Position {
  return { offset, offsetEpoch, ...currentLeader(step, partition) }
}
