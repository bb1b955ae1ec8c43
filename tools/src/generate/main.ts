/** `npm run generate`: writes every generated file, removes those that are no longer made, remakes the documents' tables. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clientConfigTarget, configTarget, generateClientConfigs, generateConfigs } from '../generate-configs.ts'
import { generateAll } from './generate.ts'
import { root } from './schema.ts'

const files = generateAll()
const directory = 'libs/wire/src/generated'
mkdirSync(join(root, directory, 'types'), { recursive: true })
for (const name of readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.ts') && !files.has(`${directory}/${name}`)) rmSync(join(root, directory, name))
}
files.set(configTarget, generateConfigs(join(root, 'libs/config/schema')))
files.set(clientConfigTarget, generateClientConfigs(join(root, 'libs/config/schema')))
mkdirSync(join(root, 'libs/client/src/shell/generated'), { recursive: true })
for (const [path, text] of files) writeFileSync(join(root, path), text)

// The documents are made from code that needs the files above.
const { withGeneratedPart } = await import('@troupe/broker/compatibility')
const { generatedParts, withGeneratedParts } = await import('../docs/parts.ts')
const documents = Object.keys(generatedParts)
for (const file of documents) {
  const text = withGeneratedParts(file, readFileSync(join(root, file), 'utf8'))
  writeFileSync(join(root, file), file === 'COMPATIBILITY.md' ? withGeneratedPart(text) : text)
}
console.log(`generated ${files.size} files, and parts of ${documents.length} documents`)
