/** What docs/lab.md shows is what there is: the model in it is this file's neighbour, and finds what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allSafeguards } from '@troupe/actor'
import { describe, expect, it } from 'vitest'
import { replay, search, verifyModel } from '../../src/model/index.ts'
import { renderTable } from '../../src/render/table.ts'
import { leaseModel } from './lease.ts'

const guide = readFileSync(join(import.meta.dirname, '../../../../docs/lab.md'), 'utf8')

describe('the model of the guide', () => {
  it('is in the guide as it is here', () => {
    const [, body] = readFileSync(join(import.meta.dirname, 'lease.ts'), 'utf8').split(/^\/\*\*.*\n/, 2)
    expect(guide).toContain(`\`\`\`ts\n${body}\`\`\``)
  })

  it('is clean with the fence, and its bounds are exhausted', () => {
    const model = leaseModel(true)
    const { exhausted, violation, witnesses } = search(model, allSafeguards, model.defaultBounds, {
      countWitnesses: true,
    })
    expect([exhausted, violation]).toEqual([true, null])
    expect(witnesses['a second holder wrote']).toBeGreaterThan(0)
    expect(verifyModel(model, allSafeguards, model.defaultBounds)).toEqual([])
  })

  it('shows without it the write that comes late, in the trace that the guide prints', () => {
    const model = leaseModel(false)
    const { violation, path } = search(model, allSafeguards, model.defaultBounds)
    expect(violation).toMatchObject({ invariant: 'F1' })
    const table = renderTable(replay(model, allSafeguards, model.defaultBounds, path))
    expect(guide).toContain(table.slice(table.indexOf('#  ')))
  })
})
