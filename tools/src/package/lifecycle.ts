/**
 * `npm pack` in a library's own directory: before it the package is built there and its package.json takes the place of
 * the workspace's, after it everything is as it was.
 *
 * While it lasts, the workspace cannot import the library as source. So the exchange is the last thing before npm reads
 * the directory; and when npm is interrupted, and `postpack` never runs, a guard that outlives it puts the file back.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.ts'
import { packageOf } from './packages.ts'
import { Workspace } from './workspace.ts'

const saved = (directory: string): string => join(directory, 'package.json.workspace')

export function prepack(root: string, library: string): void {
  const directory = join(root, library)
  // An earlier run may have been interrupted together with its guard.
  postpack(root, library)
  let manifest: string
  try {
    manifest = build(new Workspace(root), packageOf(library), directory)
  } catch (error) {
    postpack(root, library)
    throw error
  }
  const current = join(directory, 'package.json')
  // The copy is complete before the original goes, and the original goes in one step.
  writeFileSync(`${saved(directory)}.new`, readFileSync(current))
  renameSync(`${saved(directory)}.new`, saved(directory))
  writeFileSync(`${current}.new`, manifest)
  renameSync(`${current}.new`, current)
}

/** Changes nothing where nothing was exchanged. */
export function postpack(root: string, library: string): void {
  const directory = join(root, library)
  if (existsSync(saved(directory))) renameSync(saved(directory), join(directory, 'package.json'))
  rmSync(join(directory, 'dist'), { recursive: true, force: true })
  for (const name of ['LICENSE', 'package.json.new', 'package.json.workspace.new']) {
    rmSync(join(directory, name), { force: true })
  }
}

/** The npm that has started us. To be asked before the exchange: once it is gone our parent is somebody else. */
export function startedBy(): number | null {
  return nearestNpm(process.ppid)
}

/** A process that waits for the end of npm, and then does what `postpack` has not done. */
export function startGuard(entry: string, library: string, npm: number | null): void {
  if (npm === null) return
  const guard = spawn(process.execPath, [entry, 'guard', library, String(npm)], { detached: true, stdio: 'ignore' })
  guard.unref()
}

export async function guard(root: string, library: string, npm: number): Promise<void> {
  while (isAlive(npm)) {
    if (!existsSync(saved(join(root, library)))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  if (existsSync(saved(join(root, library)))) postpack(root, library)
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0)
    return true
  } catch {
    return false
  }
}

/** The ancestor that is npm: between it and a script there is a shell, on some systems. */
function nearestNpm(id: number): number | null {
  const { status, stdout } = spawnSync('ps', ['-o', 'ppid=,comm=', '-p', String(id)], { encoding: 'utf8' })
  const [, parent, command] = /^\s*(\d+)\s+(.+)$/m.exec(stdout ?? '') ?? []
  if (status !== 0 || !parent || !command) return null
  return command.trim().endsWith('sh') ? nearestNpm(Number(parent)) : id
}
