export * from './contract.ts'
export * from './safeguards.ts'
export * from './cluster.ts'
