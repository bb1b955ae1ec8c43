/** Random input for the topologies: out of order, with missing keys and tombstones. */
import fc from 'fast-check'
import { topologies } from './topologies.ts'

export interface Input {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** Time goes on by small steps, with records that come late, some of them too late for their window. */
export function inputsOf(name: string): fc.Arbitrary<Input[]> {
  const sources = topologies.get(name)!.topology().nodes.values()
  const topics = [...sources]
    .flatMap((node) => (node.kind === 'source' ? node.topics : []))
    .filter((topic) => topic.length === 1)
  const record = fc.record({
    topic: fc.constantFrom(...topics),
    key: fc.option(fc.constantFrom('A', 'B', 'C'), { freq: 10 }),
    value: fc.option(fc.constantFrom('x', 'y', 'yz', 'zx', 'xyz', 'xx'), { freq: 6 }),
    step: fc.integer({ min: 0, max: 8 }),
    late: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }) }),
  })
  return fc.array(record, { minLength: 30, maxLength: 60, size: 'max' }).map((records) => {
    let now = 0
    return records.map(({ topic, key, value, step, late }) => {
      now += step
      return { topic, key, value, timestamp: Math.max(0, now - late) }
    })
  })
}
