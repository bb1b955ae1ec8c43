/** `npm run lab -- pipeline examples/telemetry/scenario.ts` */
import type { Draw, Inputs, Scenario } from 'troupe/simulate'
import { oldTimes, telemetry } from './pipeline.ts'
import { reports } from './reports.ts'

const all = reports()
const count = 40

/** Reports as they arrived one after the other, from somewhere in the week. */
export function someReports(draw: Draw): Inputs {
  const first = draw.below(all.length - count)
  const some = all.slice(first, first + count)
  return {
    reports: some.map(({ network, report, arrivedAt }) => ({ key: network, value: report, timestamp: arrivedAt })),
  }
}

export default { pipeline: telemetry, inputs: someReports, properties: oldTimes } satisfies Scenario
