/** Generated files are what the generator makes today, and there are no others. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HEADER, generateAll } from '@troupe/tools/generate/generate'
import { root } from '@troupe/tools/generate/schema'

const files = generateAll()

test('every committed file is reproduced to the letter', () => {
  const different = [...files].filter(([path, text]) => readFileSync(join(root, path), 'utf8') !== text)
  expect(different.map(([path]) => path)).toEqual([])
})

test('nothing else claims to be generated', () => {
  const found = globSync('libs/wire/src/**/*.ts', { cwd: root }).filter((path) =>
    readFileSync(join(root, path), 'utf8').startsWith(HEADER),
  )
  expect(found.sort()).toEqual([...files.keys()].sort())
})

test('the generator is deterministic', () => {
  expect(generateAll()).toEqual(files)
})
