/** Optional peer dependencies stay optional: who does not have them never meets an import of them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../../src')

function importers(name: string, statement: RegExp): string[] {
  return globSync('**/*.ts', { cwd: src })
    .filter((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .some((line) => statement.test(line) && line.includes(`'${name}`)),
    )
    .sort()
}

test('only the Effect face imports effect', () => {
  const files = importers('effect', /from 'effect/)
  expect(files.length).toBeGreaterThan(3)
  expect(files.every((file) => file.startsWith('shell/effect/'))).toBe(true)
})

test('nothing imports OpenTelemetry but for its types; it is loaded where the SDK is looked for', () => {
  expect(importers('@opentelemetry/', /^import (?!type )/)).toEqual([])
  expect(importers('@opentelemetry/', /^import type /)).toEqual(['shell/telemetry.ts'])
  expect(importers('@opentelemetry/', /^const PACKAGE = /)).toEqual(['shell/telemetry-api.ts'])
})
