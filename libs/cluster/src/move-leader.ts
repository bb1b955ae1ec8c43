/** Moves a partition's leader the way an administrator would: a reassignment, then a preferred election (KIP-455, KIP-460). */
import type { AlterPartitionReassignmentsResponse } from '@troupe/wire/generated/45-alter-partition-reassignments'
import type { ElectLeadersResponse } from '@troupe/wire/generated/43-elect-leaders'
import { KafkaError } from '@troupe/wire/errors'
import { checkError, partitionState, type Asked } from './questions.ts'
import { until } from './until.ts'

const requestTimeoutMs = 10_000
const preferred = 0
/** While the controller moves, or the replica is not in sync yet. */
const passing = new Set<number>([
  KafkaError.NONE,
  KafkaError.ELECTION_NOT_NEEDED,
  KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
  KafkaError.NOT_CONTROLLER,
  KafkaError.REQUEST_TIMED_OUT,
])

export async function moveLeader(asked: Asked, topic: string, partition: number, broker: number): Promise<void> {
  const what = `broker ${broker} leads ${topic}-${partition}`
  const { leader, replicas } = await partitionState(asked, topic, partition)
  if (leader === broker && replicas[0] === broker) return
  await reassign(asked, topic, partition, reordered(replicas, broker))
  await until(
    async () => {
      const now = await partitionState(asked, topic, partition)
      if (now.leader === broker) return true
      if (now.replicas[0] === broker && now.isr.includes(broker)) await elect(asked, topic, partition)
      return false
    },
    { what },
  )
}

/** As many as before: who is not among them takes the last one's place. */
function reordered(replicas: readonly number[], first: number): number[] {
  const others = replicas.filter((replica) => replica !== first)
  return [first, ...others].slice(0, replicas.length)
}

async function reassign(asked: Asked, topic: string, partition: number, replicas: number[]): Promise<void> {
  const answer = await asked.ask<AlterPartitionReassignmentsResponse>(anyOf(asked), 'AlterPartitionReassignments', {
    timeoutMs: requestTimeoutMs,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, replicas }] }],
  })
  checkError(answer.errorCode, `reassignment of ${topic}-${partition}`)
  checkError(answer.responses[0]?.partitions[0]?.errorCode ?? 0, `reassignment of ${topic}-${partition}`)
}

async function elect(asked: Asked, topic: string, partition: number): Promise<void> {
  const answer = await asked.ask<ElectLeadersResponse>(anyOf(asked), 'ElectLeaders', {
    electionType: preferred,
    topicPartitions: [{ topic, partitions: [partition] }],
    timeoutMs: requestTimeoutMs,
  })
  const error = answer.errorCode || (answer.replicaElectionResults[0]?.partitionResult[0]?.errorCode ?? 0)
  if (!passing.has(error)) checkError(error, `election of ${topic}-${partition}`)
}

function anyOf(asked: Asked): number {
  const [broker] = asked.answering()
  return broker!
}
