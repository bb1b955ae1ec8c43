/** The pages say what the code says: quoted code, diagrams, and the files of the commands. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Pipeline } from 'troupe/pipeline'

const directories = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, 'scenario.ts')))
  .map(({ name }) => name)

test('every example is on the index and has its own page, scenario, mistake and test', () => {
  const index = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  expect(directories.length).toBeGreaterThanOrEqual(4)
  for (const name of directories) {
    expect(index).toContain(`(${name}/README.md)`)
    for (const file of ['README.md', 'scenario.ts', 'mistake.ts', `${name}.test.ts`]) {
      expect(existsSync(join(import.meta.dirname, name, file)), `${name}/${file}`).toBe(true)
    }
  }
})

test.each(directories)('the page of %s', async (name) => {
  const directory = join(import.meta.dirname, name)
  const page = readFileSync(join(directory, 'README.md'), 'utf8')
  const blocks = (language: string): string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block]) => block!)

  const sources = readdirSync(directory).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const code = sources.map((file) => readFileSync(join(directory, file), 'utf8')).join('\n')
  for (const quoted of blocks('ts')) expect(code).toContain(quoted)

  const { default: scenario } = (await import(`./${name}/scenario.ts`)) as { default: { pipeline: Pipeline } }
  for (const drawn of blocks('mermaid')) expect(drawn).toBe(scenario.pipeline.diagram())

  const files = [...page.matchAll(/lab -- pipeline examples\/(\S+\.ts)/g)].map(([, file]) => file!)
  expect(files).toEqual(expect.arrayContaining([`${name}/scenario.ts`, `${name}/mistake.ts`]))
  for (const file of files) expect(existsSync(join(import.meta.dirname, file)), file).toBe(true)
})
