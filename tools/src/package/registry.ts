/**
 * Packages that a test wants to run but that nobody should have to install: other versions of Node, Deno, PostgreSQL.
 * They land in `node_modules/.cache` once, at the version that the test names.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')
const cache = join(root, 'node_modules/.cache/troupe-registry')

export interface Unavailable {
  readonly skipped: string
}

class RegistryFailed extends Error {}

/** The directory of the installed package, or why there is none. In CI that is an error, not a reason. */
export function installed(name: string, version: string): string | Unavailable {
  const home = join(cache, `${name.replaceAll('/', '+')}@${version}`)
  const directory = join(home, 'node_modules', name)
  if (existsSync(directory)) return directory
  const work = `${home}.${process.pid}`
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'package.json'), '{"private":true}')
  const failure = npmInstall(work, [`${name}@${version}`])
  if (failure !== null) {
    rmSync(work, { recursive: true, force: true })
    return failure
  }
  try {
    renameSync(work, home)
  } catch {
    // Somebody else was faster.
    rmSync(work, { recursive: true, force: true })
  }
  return directory
}

const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EBADPLATFORM|EIDLETIMEOUT/

/** null where it has worked; a registry that cannot be reached is a reason to skip, anything else an error. */
export function npmInstall(directory: string, packages: readonly string[]): Unavailable | null {
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: directory, encoding: 'utf8' })
  if (status === 0) return null
  const [reason] = unreachable.exec(stderr ?? '') ?? []
  if (reason && !process.env.CI) return { skipped: `npm install ${packages.join(' ')}: ${reason}` }
  throw new RegistryFailed(`npm install ${packages.join(' ')} failed:\n${stdout}${stderr}`)
}
