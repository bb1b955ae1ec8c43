/** Builds a package into a directory: `dist`, package.json and the licence; `npm pack` of that directory is the package. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from './compile.ts'
import { manifestOf } from './manifest.ts'
import type { PackageSpec } from './packages.ts'
import { placeOf } from './rewrite.ts'
import type { Workspace } from './workspace.ts'

/** Fills `directory` and returns the text of the package.json, which is for the caller to put there. */
export function build(workspace: Workspace, spec: PackageSpec, directory: string): string {
  mkdirSync(directory, { recursive: true })
  const dist = join(directory, 'dist')
  const commands = Object.values(spec.bin ?? {})
  const { external } = compile(workspace, [...Object.values(spec.exports), ...commands], dist)
  for (const command of commands) chmodSync(join(dist, placeOf(command).replace(/\.ts$/, '.js')), 0o755)
  copyFileSync(join(workspace.root, 'LICENSE'), join(directory, 'LICENSE'))
  return `${JSON.stringify(manifestOf(workspace, spec, external), null, 2)}\n`
}

export function buildInto(workspace: Workspace, spec: PackageSpec, directory: string): void {
  writeFileSync(join(directory, 'package.json'), build(workspace, spec, directory))
}
