/**
 * Packs the published libraries in a copy of the workspace and installs them where a user would: in an empty directory
 * outside of it. User files are compiled there against the declarations, and run by the Node or Deno that is asked for.
 */
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloneWorkspace } from '../../src/package/clone.ts'
import { installed, npmInstall, type Unavailable } from '../../src/package/registry.ts'
import { root } from '../../src/repository.ts'

export const runtimes = ['node 26', 'node 24', 'node 22', 'deno'] as const
export type Runtime = (typeof runtimes)[number]
const nodeVersions: Record<string, string> = { 'node 24': '24.21.0', 'node 22': '22.23.3' }
const denoVersion = '2.9.6'

export const directory = mkdtempSync(join(tmpdir(), 'troupe-package-'))
export const workspace = join(directory, 'workspace')

export interface Packed {
  readonly tarball: string
  readonly name: string
  /** Bytes, compressed. */
  readonly size: number
  readonly files: readonly string[]
}

export function cloneHere(): void {
  cloneWorkspace(root, workspace)
}

/** `npm pack` as it is typed, in the library's directory. */
export function pack(library: string): Packed {
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', directory]
  const done = spawnSync('npm', args, { cwd: join(workspace, library), encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`npm pack in ${library}:\n${done.stdout}${done.stderr}`)
  // Older versions of npm print the script's banner there too.
  const [report] = JSON.parse(done.stdout.slice(done.stdout.indexOf('[\n'))) as {
    name: string
    size: number
    filename: string
    files: { path: string }[]
  }[]
  const { name, size, filename, files } = report!
  return { name, size, tarball: join(directory, filename), files: files.map(({ path }) => path) }
}

/** A project of its own with these packages; or why there is none. */
export function project(name: string, packages: readonly string[]): string | Unavailable {
  const home = join(directory, name)
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{"private":true,"type":"module"}')
  return npmInstall(home, packages) ?? home
}

/** Compiles these user files there, and returns what the compiler has to say. */
export function compile(home: string, files: readonly string[], lib: readonly string[] = []): string {
  for (const file of files) copyFileSync(join(import.meta.dirname, file), join(home, file))
  return check(home, files, lib)
}

/** Strict, the declarations of the packages included. */
export function check(home: string, files: readonly string[], lib: readonly string[] = []): string {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    module: 'nodenext',
    moduleResolution: 'nodenext',
    // `await using` is written out for the older Nodes.
    target: 'es2022',
    lib: ['es2024', ...lib],
    types: ['node'],
  }
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  return spawnSync(process.execPath, [compiler, '-p', home], { cwd: home, encoding: 'utf8' }).stdout
}

/** Program and first arguments. */
export function runtime(name: Runtime): readonly string[] | Unavailable {
  if (name === 'node 26') return [process.execPath]
  if (name === 'deno') {
    const found = installed('deno', denoVersion)
    return typeof found === 'string' ? [join(found, 'deno'), 'run', '-A', '--node-modules-dir=manual'] : found
  }
  const found = installed(`node-${process.platform}-${process.arch}`, nodeVersions[name]!)
  return typeof found === 'string' ? [join(found, 'bin/node')] : found
}

export interface Run {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** What a program prints; one that does not end is ended. */
export function execute(command: readonly string[], args: readonly string[], cwd: string): Promise<Run> {
  const [program, ...first] = command
  // What our own start has put there is not the user's.
  const env: NodeJS.ProcessEnv = { ...process.env }
  for (const name of ['NODE_OPTIONS', 'NODE_COMPILE_CACHE']) delete env[name]
  const child = spawn(program!, [...first, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

export function manifestOf(home: string, name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(home, 'node_modules', name, 'package.json'), 'utf8')) as Record<string, unknown>
}
