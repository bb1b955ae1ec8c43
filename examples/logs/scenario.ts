/** `npm run lab -- pipeline examples/logs/scenario.ts` */
import { string } from 'troupe/pipeline'
import type { Draw, InputRecord, Inputs, Scenario } from 'troupe/simulate'
import { levels } from './line.ts'
import { deadLetters, logs } from './pipeline.ts'

const services = ['payments', 'search', 'mail']
const hosts = ['host-1', 'host-2', 'host-3']
/** The simulator's clock stands at November 2023, and brokers refuse records from the future. */
const noon = Date.UTC(2023, 10, 14, 12)

/** Some are cut off, some have a clock that cannot be right. */
export function lines(draw: Draw): Inputs {
  const one = (_: unknown, n: number): InputRecord => {
    const timestamp = noon + n * 4000
    const at = timestamp + draw.pick([0, 0, 0, -draw.below(600_000), -7_200_000, 3_600_000])
    const text = `${new Date(at).toISOString()} ${draw.pick(services)} ${draw.pick(levels)} line ${n}`
    const value = string.serialize(draw.below(8) === 0 ? text.slice(draw.below(30)) : text)
    return { key: string.serialize(draw.pick(hosts)), value, timestamp, raw: true }
  }
  return { lines: Array.from({ length: 40 }, one) }
}

export default { pipeline: logs, inputs: lines, properties: deadLetters } satisfies Scenario
