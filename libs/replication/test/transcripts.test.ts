/** Every scenario is replayed, and must do what is written: not an effect less, not one more. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { perform, scenariosOf } from './transcript.ts'

const directory = join(import.meta.dirname, 'scenarios')

for (const file of readdirSync(directory)) {
  const path = join(directory, file)
  const text = readFileSync(path, 'utf8')
  const scenarios = scenariosOf(text)
  describe(file, () => {
    for (const scenario of scenarios) {
      test(scenario.title, () => {
        if (process.env.UPDATE === undefined) {
          expect(perform(scenario)).toBe([`scenario: ${scenario.title}`, ...scenario.lines].join('\n'))
        }
      })
    }
  })
  if (process.env.UPDATE !== undefined) {
    const head = text.slice(0, text.indexOf('scenario: '))
    writeFileSync(path, head + scenarios.map(perform).join('\n'))
  }
}
