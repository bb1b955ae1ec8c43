/**
 * The states of a transactional.id and the only ways from one to another.
 *
 * The table is executed for every transition a coordinator decides; an illegal edge throws, and the shard is rebuilt
 * from its log. Replaying a log does not check edges: compaction removes the states in between.
 *
 * Source: Kafka's TransactionState (with the edges of KIP-890: an empty transaction may be aborted).
 */
import { defineEdges } from '@troupe/coordinator'

export type TransactionState =
  | 'EMPTY'
  | 'ONGOING'
  | 'PREPARE_COMMIT'
  | 'PREPARE_ABORT'
  | 'COMPLETE_COMMIT'
  | 'COMPLETE_ABORT'
  | 'DEAD'
  | 'PREPARE_EPOCH_FENCE'

export const transactionEdges = defineEdges<TransactionState>({
  EMPTY: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
  ONGOING: ['ONGOING', 'PREPARE_COMMIT', 'PREPARE_ABORT', 'PREPARE_EPOCH_FENCE'],
  PREPARE_COMMIT: ['COMPLETE_COMMIT'],
  PREPARE_ABORT: ['COMPLETE_ABORT'],
  COMPLETE_COMMIT: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
  COMPLETE_ABORT: ['EMPTY', 'ONGOING', 'PREPARE_ABORT', 'DEAD'],
  DEAD: [], // expired: written as a tombstone, never as a state
  // Passed through when the coordinator itself ends a transaction; never written.
  PREPARE_EPOCH_FENCE: ['PREPARE_ABORT'],
})

/** `id` is the log's `transactionStatus`, `name` what DescribeTransactions and ListTransactions show. */
export const transactionStates: Readonly<Record<TransactionState, { readonly id: number; readonly name: string }>> = {
  EMPTY: { id: 0, name: 'Empty' },
  ONGOING: { id: 1, name: 'Ongoing' },
  PREPARE_COMMIT: { id: 2, name: 'PrepareCommit' },
  PREPARE_ABORT: { id: 3, name: 'PrepareAbort' },
  COMPLETE_COMMIT: { id: 4, name: 'CompleteCommit' },
  COMPLETE_ABORT: { id: 5, name: 'CompleteAbort' },
  DEAD: { id: 6, name: 'Dead' },
  PREPARE_EPOCH_FENCE: { id: 7, name: 'PrepareEpochFence' },
}

const all = Object.keys(transactionStates) as TransactionState[]
const byId = new Map(all.map((state) => [transactionStates[state].id, state]))
const byName = new Map(all.map((state) => [transactionStates[state].name, state]))

/** Undefined: a state that this version does not know. */
export function stateOfId(id: number): TransactionState | undefined {
  return byId.get(id)
}

export function stateOfName(name: string): TransactionState | undefined {
  return byName.get(name)
}

/** The fate is decided, the markers are on their way. */
export function isPrepared(state: TransactionState): state is 'PREPARE_COMMIT' | 'PREPARE_ABORT' {
  return state === 'PREPARE_COMMIT' || state === 'PREPARE_ABORT'
}

/** Between transactions: nothing to end, nothing to lose by forgetting the id when it has expired. */
export function isIdle(state: TransactionState): boolean {
  return state === 'EMPTY' || state === 'COMPLETE_COMMIT' || state === 'COMPLETE_ABORT'
}
