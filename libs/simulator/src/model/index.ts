/** The model checker. Begin at actor-world.ts. */
export {
  actorModel,
  type ActorModel,
  type ActorModelOptions,
  type ActorModelSpec,
  type Cell,
  type CellSpec,
  type CellView,
  type Choice,
  type ClassRule,
  type FieldRules,
  type Flight,
  type World,
} from './actor-world.ts'
export type { Action, Bounds, Model, Violation } from './contract.ts'
export { depthFirst, independentDeliveries, type DepthFirstOptions } from './dfs.ts'
export { follow, replay, type Replayed, type ReplayOptions } from './replay.ts'
export { collisionRisk, search, type SearchOptions, type SearchResult } from './search.ts'
export { shrink, type Shrunk, type ShrinkOptions } from './shrink.ts'
export {
  walk,
  walks,
  type WalkOptions,
  type WalkPolicy,
  type WalkResult,
  type WalksOptions,
  type WalksResult,
} from './walk.ts'
export { crossCheckSymmetry, verifyModel, type VerifyOptions } from './verify.ts'
