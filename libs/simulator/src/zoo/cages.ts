/** All cages, in the order of their numbers. */
import type { Cage } from './contract.ts'

export const cages: readonly Cage[] = [].flat()
