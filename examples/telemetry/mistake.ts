/**
 * The mistake: stores without changelogs, because "they are only windows". Whoever takes over a task after a crash
 * finds its windows empty and counts on from zero.
 */
import type { Scenario } from 'troupe/simulate'
import { seismology } from './pipeline.ts'
import scenario from './scenario.ts'

const forgetful = seismology('forgetful-telemetry', { logging: false })

export default { ...scenario, pipeline: forgetful } satisfies Scenario
