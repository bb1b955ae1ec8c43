/** All cages, in the order of their numbers: Z01, Z02, … */
import { clientCages } from './clients.ts'
import type { Cage } from './contract.ts'
import { coordinatorCages } from './coordinator.ts'
import { idempotenceCages } from './idempotence.ts'
import { offsetCages } from './offsets.ts'
import { raftCages } from './raft.ts'
import { replicationCages } from './replication.ts'
import { storageCages } from './storage.ts'
import { transactionCages } from './transactions.ts'

export const cages: readonly Cage[] = [
  replicationCages,
  storageCages,
  idempotenceCages,
  transactionCages,
  clientCages,
  offsetCages,
  coordinatorCages,
  raftCages,
]
  .flat()
  .sort((a, b) => numberOf(a) - numberOf(b))

function numberOf({ id }: Cage): number {
  return Number(/\d+/.exec(id)?.[0])
}
