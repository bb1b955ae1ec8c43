/** Every scenario, in the order in which they are played. */
import type { Scenario } from '../harness/session.ts'
import { admin } from './admin.ts'
import { configs } from './configs.ts'
import { connections } from './connections.ts'
import { fetches } from './fetch.ts'
import { groupOffsets } from './group-offsets.ts'
import { groups } from './groups.ts'
import { idempotence } from './idempotence.ts'
import { metadata } from './metadata.ts'
import { offsets } from './offsets.ts'
import { produces } from './produce.ts'
import { topics } from './topics.ts'
import { transactionEnds } from './transaction-ends.ts'
import { transactions } from './transactions.ts'

export const scenarios: readonly Scenario[] = [
  ...metadata,
  ...topics,
  ...produces,
  ...idempotence,
  ...fetches,
  ...offsets,
  ...transactions,
  ...transactionEnds,
  ...groups,
  ...groupOffsets,
  ...configs,
  ...admin,
  ...connections,
]
