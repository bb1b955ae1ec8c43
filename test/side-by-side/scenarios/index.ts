/** Every scenario, in the order in which they are played. */
import type { Scenario } from '../harness/session.ts'
import { connections } from './connections.ts'
import { metadata } from './metadata.ts'

export const scenarios: readonly Scenario[] = [...metadata, ...connections]
