/** What all coordinators share. */
export * from './contract.ts'
export * from './edges.ts'
export * from './errors.ts'
export * from './partitioning.ts'
export { decodeRecord, encodeRecord, type EncodedRecord, type RecordFamily } from './record-codec.ts'
export { coordinatorShard } from './shard.ts'
export { shardEdges, type Shard, type ShardArgs, type ShardOwnMessage, type ShardPhase } from './shard-state.ts'
