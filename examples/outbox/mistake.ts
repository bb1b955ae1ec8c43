/**
 * The mistake: the view is written from a `foreach`. No offset is kept beside the sums, so what is processed again after
 * a crash is added again. `npm run lab -- pipeline examples/outbox/mistake.ts` shows it.
 */
import { pipeline, string, type PostgresClient } from 'troupe/pipeline'
import type { Scenario } from 'troupe/simulate'
import { change } from './change.ts'
import { add } from './pipeline.ts'
import { changes } from './scenario.ts'

export const hasty = (client: PostgresClient) =>
  pipeline('hasty-order-view', (p) => {
    p.stream('order-changes', { key: string, value: change }).foreach((_id, value) => {
      void add(client, (value.after ?? value.before)?.customer ?? '', value)
    })
  })

// The simulator counts the calls of a `foreach` instead of making them.
const nobody: PostgresClient = { query: () => Promise.reject(new Error('not in the simulator')) }

export default { pipeline: hasty(nobody), inputs: changes } satisfies Scenario
