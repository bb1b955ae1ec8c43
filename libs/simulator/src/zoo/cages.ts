/** All cages, in the order of their numbers. */
import type { Cage } from './contract.ts'
import { coordinatorCages } from './coordinator.ts'
import { idempotenceCages } from './idempotence.ts'
import { offsetCages } from './offsets.ts'
import { raftCages } from './raft.ts'
import { storageCages } from './storage.ts'
import { transactionCages } from './transactions.ts'

export const cages: readonly Cage[] = [
  storageCages,
  idempotenceCages,
  transactionCages,
  offsetCages,
  coordinatorCages,
  raftCages,
].flat()
