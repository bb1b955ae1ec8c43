/** `npm run generate`: writes every generated file, removes those that are no longer made, remakes the documents' tables. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configTarget, generateConfigs } from '../generate-configs.ts'
import { generateAll } from './generate.ts'
import { root } from './schema.ts'

const files = generateAll()
const directory = 'libs/wire/src/generated'
mkdirSync(join(root, directory, 'types'), { recursive: true })
for (const name of readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.ts') && !files.has(`${directory}/${name}`)) rmSync(join(root, directory, name))
}
files.set(configTarget, generateConfigs(join(root, 'libs/config/schema')))
for (const [path, text] of files) writeFileSync(join(root, path), text)

// The documents are made from code that needs the files above.
const { withGeneratedPart } = await import('@troupe/broker/compatibility')
const { withGeneratedParts } = await import('../docs/architecture.ts')
const documents: [string, (text: string) => string][] = [
  ['COMPATIBILITY.md', withGeneratedPart],
  ['ARCHITECTURE.md', withGeneratedParts],
]
for (const [path, remake] of documents) {
  writeFileSync(join(root, path), remake(readFileSync(join(root, path), 'utf8')))
}
console.log(`generated ${files.size} files, and parts of ${documents.length} documents`)
