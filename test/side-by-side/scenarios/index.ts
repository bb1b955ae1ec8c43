/** Every scenario, in the order in which they are played. */
import type { Scenario } from '../harness/session.ts'
import { connections } from './connections.ts'
import { metadata } from './metadata.ts'
import { produces } from './produce.ts'
import { topics } from './topics.ts'

export const scenarios: readonly Scenario[] = [...metadata, ...topics, ...produces, ...connections]
