/** COMPATIBILITY.md against the handlers. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withGeneratedPart } from '../src/compatibility.ts'
import { handlers } from '../src/handlers.ts'

test('COMPATIBILITY.md is current', () => {
  const document = readFileSync(new URL('../../../COMPATIBILITY.md', import.meta.url), 'utf8')
  expect(document).toBe(withGeneratedPart(document))
})

test('what is left out is said in sentences', () => {
  for (const { gaps } of handlers.values()) for (const gap of gaps) expect(gap).toMatch(/^[A-Za-z−].*\.$/s)
})
