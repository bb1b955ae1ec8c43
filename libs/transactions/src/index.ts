/** The transaction coordinator, and the producer ids of a broker. */
export * from './messages.ts'
export { transactionCoordinator, transactionsActor } from './coordinator.ts'
export { isTransactionalIdPattern } from './queries.ts'
export { producerIdsActor, type ProducerIdsEnv, type ProducerIdsState } from './producer-ids.ts'
export type { TransactionShardState } from './shard-state.ts'
export { stateOfName, transactionEdges, transactionStates, type TransactionState } from './transaction-state.ts'
