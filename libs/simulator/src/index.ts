/** The simulator: the model checker over production actors, the whole-cluster simulation, the zoo of bugs, the traces. */
export * from './model/index.ts'
export type * from './trace/format.ts'
export type { Cage } from './zoo/contract.ts'
export { Random } from './kernel/random.ts'
