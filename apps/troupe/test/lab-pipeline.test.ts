/** `lab pipeline FILE`: what is right ends with 0, what is wrong with 1 and its story, a wrong file with 2. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { lab, labJson } from './lab.ts'

const directory = mkdtempSync(join(tmpdir(), 'troupe-lab-pipeline-'))
afterAll(() => rmSync(directory, { recursive: true }))
const ledger = join(import.meta.dirname, '../../../examples/ledger/scenario.ts')

interface Explored {
  readonly seeds: number
  readonly inputs: number
  readonly failure: { readonly seed: number; readonly invariant: string; readonly story: string } | null
}

test('each input counted once', () => {
  const { code, out, err } = lab('pipeline', ledger, '--seeds', '2', '--virtual-seconds', '5')
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^ledger: 2 seeds, 80 inputs, .*\neach input counted once\n$/)
  const explored = labJson<Explored>(0, 'pipeline', ledger, '--seeds', '1', '--virtual-seconds', '5')
  expect(explored).toMatchObject({ seeds: 1, inputs: 40, failure: null })
})

test('at least once is not once: the story names the record and who took it', () => {
  const trace = join(directory, 'trace.ndjson')
  const options = ['--guarantee', 'at_least_once', '--seeds', '40', '--no-shrink']
  const { failure } = labJson<Explored>(1, 'pipeline', ledger, ...options, '--out', trace)
  expect(failure).toMatchObject({ invariant: 'counted-twice' })
  expect(failure!.story).toMatch(/c\d +task 0_\d processes payments-\d@\d+/)
  const { code, out } = lab('pipeline', ledger, ...options, '--seed', String(failure!.seed), '--seeds', '1')
  expect(code).toBe(1)
  expect(out).toContain(`seed ${failure!.seed}: counted-twice: `)
  expect(lab('replay', trace, '--last', '20')).toMatchObject({ code: 1, err: '' })
  expect(lab('replay', trace, '--run')).toMatchObject({ code: 2, err: expect.stringContaining('lab pipeline') })
})

test('a file that is none of this', () => {
  const empty = join(directory, 'empty.mjs')
  writeFileSync(empty, 'export default { pipeline: 1 }\n')
  expect(lab('pipeline', empty)).toMatchObject({ code: 2, err: expect.stringContaining('default export') })
  expect(lab('pipeline', join(directory, 'nowhere.ts'))).toMatchObject({
    code: 2,
    err: expect.stringContaining('cannot load'),
  })
})
