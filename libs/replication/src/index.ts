/** The partition replica and the log-manager. */
export * from './messages.ts'
export { replicaActor } from './replica.ts'
export type { ReplicaEnv, ReplicaMessage, ReplicaState } from './state.ts'
export { logManagerActor } from './log-manager.ts'
export type { LogManagerEnv, LogManagerMessage, LogManagerState } from './log-manager.ts'
