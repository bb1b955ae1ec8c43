/**
 * Each cage's shortest trace, as it is committed: found again with the safeguard off, it must read the same.
 *
 * After a change that is meant, `npm run lab -- zoo --traces libs/simulator/test/zoo/traces` writes them anew; they are
 * read before they are committed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { models } from '../../src/models/index.ts'
import { renderTable } from '../../src/render/table.ts'
import { cages } from '../../src/zoo/cages.ts'
import { examine } from '../../src/zoo/examine.ts'

const directory = join(import.meta.dirname, 'traces')
const rewrite = 'npm run lab -- zoo --traces libs/simulator/test/zoo/traces'
const possible = cages.filter(({ impossible }) => impossible === undefined)
const mostEvents = 25

describe('the committed trace', () => {
  for (const cage of possible) {
    it(`of ${cage.id}`, () => {
      const file = join(directory, `${cage.id}.txt`)
      expect(existsSync(file), `there is none: ${rewrite} ${cage.id}`).toBe(true)
      const examined = examine(cage, { clock: () => performance.now(), limitMs: 120_000, cleanMs: 1 })
      expect(examined.path.length).toBeLessThanOrEqual(mostEvents)
      const text = readFileSync(file, 'utf8')
      expect(renderTable(examined.trace!), `it is stale: ${rewrite} ${cage.id}`).toBe(text)
      const numbered = text.split('\n').filter((line) => /^ *\d+ {2}/.test(line))
      expect(numbered).toHaveLength(examined.path.length)
    })
  }

  it('belongs to a cage', () => {
    const files = possible.map(({ id }) => `${id}.txt`).sort()
    expect(readdirSync(directory).sort(), `after a cage has gone: delete its file, or ${rewrite}`).toEqual(files)
  })
})

describe('the zoo', () => {
  it('names each case once, in the order of their numbers', () => {
    const ids = cages.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const numbers = ids.map((id) => Number(id.slice(1, 3)))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  })

  it('has each of its models in the list of models, so that its traces can be run again', () => {
    for (const { id, model } of cages) expect(models.get(model.name), id).toBe(model)
  })
})
