/**
 * Where new replicas go: round robin over the brokers from a random start, unfenced brokers first.
 *
 * Every replica of the same rank moves on by one broker per partition, and the distance between ranks changes with each
 * turn around the ring, so that a broker's failure spreads over all others. Racks do not count: there is one host.
 * Source: Kafka's StripedReplicaPlacer for what is refused.
 */
import { KafkaError } from '@troupe/wire/errors'
import { failure, type ApiError, type ControllerState, type DecideEnv } from './decision.ts'

export function placeReplicas(
  state: ControllerState,
  env: DecideEnv,
  partitions: number,
  replicationFactor: number,
): number[][] | ApiError {
  const brokers = [...state.image.brokers.values()].sort((a, b) => a.id - b.id)
  const refuse = (why: string): ApiError => failure(KafkaError.INVALID_REPLICATION_FACTOR, why)
  const live = brokers.filter((broker) => !broker.fenced)
  if (live.length === 0) return refuse('No broker is unfenced.')
  if (replicationFactor > brokers.length) {
    return refuse(
      `Replication factor ${replicationFactor} needs as many registered brokers; there are ${brokers.length}.`,
    )
  }
  const start = env.random() % live.length
  let shift = env.random() % live.length
  const assignments: number[][] = []
  for (let partition = 0; partition < partitions; partition++) {
    if (partition > 0 && partition % live.length === 0) shift += 1
    assignments.push(
      oneAssignment(
        live.map(({ id }) => id),
        start + partition,
        shift,
        replicationFactor,
      ),
    )
  }
  const fenced = brokers.filter((broker) => broker.fenced).map(({ id }) => id)
  for (const [partition, replicas] of assignments.entries()) {
    for (let i = 0; replicas.length < replicationFactor; i++)
      replicas.push(fenced[(start + partition + i) % fenced.length]!)
  }
  return assignments
}

function oneAssignment(live: readonly number[], first: number, shift: number, replicationFactor: number): number[] {
  const count = live.length
  const replicas = [live[first % count]!]
  for (let rank = 1; rank < Math.min(replicationFactor, count); rank++) {
    const distance = 1 + ((shift + rank - 1) % (count - 1))
    replicas.push(live[(first + distance) % count]!)
  }
  return replicas
}

/** A manual assignment: registered brokers, each once, as many for every partition. */
export function assignmentError(
  state: ControllerState,
  replicas: readonly number[],
  replicationFactor: number | null,
): ApiError | null {
  const refuse = (why: string): ApiError => failure(KafkaError.INVALID_REPLICA_ASSIGNMENT, why)
  if (replicas.length === 0) return refuse('A partition is assigned no replica.')
  const seen = new Set<number>()
  for (const id of replicas) {
    if (!state.image.brokers.has(id)) return refuse(`Broker ${id} of the assignment is not registered.`)
    if (seen.has(id)) return refuse(`Broker ${id} is assigned to one partition twice.`)
    seen.add(id)
  }
  if (replicationFactor !== null && replicas.length !== replicationFactor) {
    return refuse(`A partition is assigned ${replicas.length} replica(s), an earlier one ${replicationFactor}.`)
  }
  return null
}
