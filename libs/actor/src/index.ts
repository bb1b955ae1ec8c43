/** What an actor may see and do; the cluster as it sees it. */
export * from './contract.ts'
export * from './safeguards.ts'
export * from './cluster.ts'
