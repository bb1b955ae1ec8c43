/**
 * `npm run lab -- pipeline examples/orders/invoicing-scenario.ts`: the invoicing service. The simulator stands in for
 * the file: a store that takes its time, and may have taken a batch whose answer nobody heard.
 */
import type { Scenario } from 'troupe/simulate'
import { invoicing } from './invoicing.ts'
import { orders } from './scenario.ts'

export default { pipeline: invoicing(':memory:'), inputs: orders } satisfies Scenario
