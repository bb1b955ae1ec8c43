/**
 * A copy of the workspace's sources in which a test may pack: `npm pack` exchanges a library's package.json for a moment,
 * and in the workspace itself somebody may be running.
 */
import { createHash } from 'node:crypto'
import {
  cpSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const left = new Set(['node_modules', 'test', 'dist', '.vitest'])

export function cloneWorkspace(root: string, target: string): void {
  mkdirSync(target, { recursive: true })
  for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.base.json', 'LICENSE']) {
    cpSync(join(root, name), join(target, name))
  }
  for (const name of ['libs', 'apps', 'tools']) {
    cpSync(join(root, name), join(target, name), {
      recursive: true,
      filter: (path) => !left.has(basename(path)) || dirname(path).endsWith('/src'),
    })
  }
  linkModules(root, target)
}

/** Everything that was installed, by links; the libraries are those of the copy. */
function linkModules(root: string, target: string): void {
  const modules = join(target, 'node_modules')
  mkdirSync(join(modules, '@troupe'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name === '@troupe' || name === 'troupe' || name.startsWith('.')) continue
    symlinkSync(realpathSync(join(root, 'node_modules', name)), join(modules, name))
  }
  for (const path of globSync('{libs,apps}/*/package.json', { cwd: target })) {
    const { name } = JSON.parse(readFileSync(join(target, path), 'utf8')) as { name: string }
    symlinkSync(join(target, dirname(path)), join(modules, name))
  }
  // What `run.mjs` looks at before it installs.
  const lock = createHash('sha256').update(readFileSync(join(target, 'package-lock.json')))
  writeFileSync(join(modules, '.troupe-lock'), lock.digest('hex'))
}
