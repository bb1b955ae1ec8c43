/** `prepack` and `postpack` of the published libraries, each in its own directory; `guard` is started by `prepack`. */
import { join, relative } from 'node:path'
import { guard, postpack, prepack, startedBy, startGuard } from './lifecycle.ts'

const root = join(import.meta.dirname, '../../..')
const [verb, ...rest] = process.argv.slice(2)
const here = relative(root, process.cwd()).replaceAll('\\', '/')

switch (verb) {
  case 'prepack': {
    const npm = startedBy()
    prepack(root, here)
    startGuard(import.meta.filename, here, npm)
    break
  }
  case 'postpack':
    postpack(root, here)
    break
  case 'guard':
    await guard(root, rest[0]!, Number(rest[1]))
    break
  default:
    throw new Error(`unknown verb ${verb}; known are prepack, postpack, guard`)
}
