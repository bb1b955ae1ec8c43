/** The group coordinator. */
export { groupCoordinator, groupsActor } from './coordinator.ts'
export { groupEdges, type Group, type GroupPhase, type Member } from './group.ts'
export * from './messages.ts'
export type { GroupState } from './state.ts'
