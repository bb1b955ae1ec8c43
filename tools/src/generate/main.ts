/** `npm run generate`: writes every generated file and removes those that are no longer made. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateAll } from './generate.ts'
import { root } from './schema.ts'

const files = generateAll()
const directory = 'libs/wire/src/generated'
mkdirSync(join(root, directory, 'types'), { recursive: true })
for (const name of readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })) {
  if (name.endsWith('.ts') && !files.has(`${directory}/${name}`)) rmSync(join(root, directory, name))
}
for (const [path, text] of files) writeFileSync(join(root, path), text)
console.log(`generated ${files.size} files`)
