/** All cages, in the order of their numbers. */
import type { Cage } from './contract.ts'
import { coordinatorCages } from './coordinator.ts'
import { raftCages } from './raft.ts'

export const cages: readonly Cage[] = [coordinatorCages, raftCages].flat()
