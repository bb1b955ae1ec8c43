/** The documents say what the code says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { kindsInTable, kindsOf, messageSources } from '../src/docs/messages.ts'
import { generatedParts, withGeneratedParts } from '../src/docs/parts.ts'
import { documents, referencesIn, trouble } from '../src/docs/references.ts'
import { machines } from '../src/docs/transitions.ts'
import { root } from '../src/repository.ts'

test.each(Object.keys(generatedParts))('%s is current (npm run generate)', (file) => {
  const text = readFileSync(join(root, file), 'utf8')
  expect(text).toBe(withGeneratedParts(file, text))
})

describe('every message that is declared stands in the table over it', () => {
  test.each(messageSources)('$file', ({ file, types }) => {
    const listed = kindsInTable(file)
    const declared = new Set(types.flatMap((path) => kindsOf([path])))
    expect(listed.length).toBeGreaterThan(0)
    // A table may leave to another one what is declared in another file, and stands alone for its own.
    expect(kindsOf([file]).filter((kind) => !listed.includes(kind))).toEqual([])
    if (declared.size > 0 && !file.endsWith('shard.ts') && !file.endsWith('log-manager.ts')) {
      expect(listed.filter((kind) => !declared.has(kind) && kind !== 'reply' && kind !== 'timer')).toEqual([])
    }
  })
})

describe('transitions', () => {
  test.each(machines)('$name: every target is a state, every state is reached', ({ initial, edges }) => {
    const table = Object.entries<readonly string[]>(edges.table)
    const states = table.map(([state]) => state)
    const targets = new Set(table.flatMap(([, to]) => to))
    expect([...targets].filter((state) => !states.includes(state))).toEqual([])
    expect(states).toContain(initial)
  })
})

test('every file and function that a document names is there', () => {
  const references = documents().flatMap(referencesIn)
  expect(references.length).toBeGreaterThan(40)
  const stale = references.flatMap((reference) => {
    const problem = trouble(reference)
    return problem === null ? [] : [`${reference.document}:${reference.line}: ${problem}`]
  })
  expect(stale).toEqual([])
})
