/**
 * A task that is made anew from its changelogs and committed offsets goes on as if nothing had happened: the same output
 * for the same input, wherever it was interrupted. So what was too late stays too late, and what waits goes on waiting.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TestDriver } from '../../src/engine/test-driver.ts'
import { inputsOf, type Input } from './inputs.ts'
import { topologies } from './topologies.ts'

const SEED = Number(process.env.SEED ?? 77)

describe.each([...topologies.keys()])('%s', (name) => {
  test.each([false, true])('restart - changes nothing (cache: %s)', (caching) => {
    const restarts = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(inputsOf(name), restarts, (input, at) => {
        expect(outputs(name, input, at, caching)).toEqual(outputs(name, input, [], caching))
      }),
      { numRuns: 20, seed: SEED },
    )
  })
})

function outputs(name: string, input: readonly Input[], restarts: readonly number[], caching: boolean): string[] {
  const driver = new TestDriver(topologies.get(name)!, { caching })
  input.forEach((each, at) => {
    if (restarts.includes(at)) driver.restart()
    driver.pipe(each)
  })
  return driver
    .producedTopics()
    .flatMap((topic) =>
      driver.readBytes(topic).map(({ key, value, timestamp }) => `${topic} ${hex(key)} ${hex(value)} @${timestamp}`),
    )
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? '~' : Buffer.from(bytes).toString('hex')
}
