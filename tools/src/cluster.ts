/**
 * A Troupe cluster in a process of its own, started by the same command that a user types.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly isr: readonly number[]
  readonly replicas: readonly number[]
}

export interface ClusterOptions {
  readonly brokers?: number
  readonly properties?: Readonly<Record<string, string | number>>
  /** Continue on this directory, which then is not removed. */
  readonly directory?: string
  /** Receives the cluster's log as it is written. */
  readonly onLog?: (text: string) => void
}

export class Cluster {
  readonly directory: string
  readonly brokers: number
  bootstrap = ''
  readonly #options: ClusterOptions
  readonly #removeAtEnd: boolean
  #process: ChildProcess | undefined
  #adminPort = 0
  #log = ''

  constructor(options: ClusterOptions = {}) {
    this.#options = options
    this.brokers = options.brokers ?? 3
    this.#removeAtEnd = options.directory === undefined
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), 'troupe-cluster-'))
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options)
    await cluster.start()
    return cluster
  }

  /** Starts, also again after `kill`: on the same directory and the same ports. */
  async start(): Promise<void> {
    if (this.#adminPort === 0) this.#adminPort = await freePort()
    const listeners =
      this.bootstrap === '' ? await freeRange(this.brokers) : Number(this.bootstrap.split(',')[0]!.split(':')[1])
    const overrides = {
      'log.dirs': this.directory,
      listeners: `PLAINTEXT://127.0.0.1:${listeners}`,
      'troupe.brokers': this.brokers,
      'troupe.admin.port': this.#adminPort,
      ...this.#options.properties,
    }
    const args = Object.entries(overrides).flatMap(([name, value]) => ['--override', `${name}=${value}`])
    const child = spawn(process.execPath, [join(root, 'tools/run.mjs'), 'start', ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-200_000)
      this.#options.onLog?.(text)
    })
    const ready = await new Promise<string>((resolve, reject) => {
      let out = ''
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        out += text
        const line = /^troupe ready bootstrap\.servers=(\S+)$/m.exec(out)
        if (line) resolve(line[1]!)
      })
      child.once('exit', (code) =>
        reject(new ClusterFailed(`the cluster ended with code ${code} before it was ready\n${this.#log}`)),
      )
    })
    this.bootstrap = ready
  }

  /** The end of the cluster's log, without the lines of which a fail-over writes hundreds. */
  get log(): string {
    const lines = this.#log.split('\n').filter((line) => !/"msg":"(isr\.changed|raft)"/.test(line))
    return lines.slice(-40).join('\n')
  }

  get pid(): number {
    return this.#process!.pid!
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#adminPort}`
  }

  async #post(path: string): Promise<void> {
    const response = await fetch(`${this.adminUrl}${path}`, { method: 'POST' })
    if (!response.ok) throw new ClusterFailed(`${path}: ${response.status} ${await response.text()}`)
  }

  /** The broker's worker is gone at once, without warning. */
  crash(broker: number): Promise<void> {
    return this.#post(`/v1/brokers/${broker}/crash`)
  }

  stopBroker(broker: number): Promise<void> {
    return this.#post(`/v1/brokers/${broker}/stop`)
  }

  startBroker(broker: number): Promise<void> {
    return this.#post(`/v1/brokers/${broker}/start`)
  }

  async status(): Promise<{
    controllerId: number
    brokers: { id: number; state: string; fenced: boolean }[]
    partitions: PartitionStatus[]
  }> {
    return (await (await fetch(`${this.adminUrl}/v1/cluster`)).json()) as never
  }

  /** Waits until every broker runs, and every partition has a leader and its whole replica set in sync. */
  async healed(timeoutMs = 60_000): Promise<void> {
    await until(
      async () => {
        const { brokers, partitions } = await this.status()
        return (
          brokers.every(({ state, fenced }) => state === 'running' && !fenced) &&
          partitions.every((partition) => partition.leader > 0 && partition.isr.length === partition.replicas.length)
        )
      },
      timeoutMs,
      () => `the cluster did not heal\n${this.log}`,
    )
  }

  /** Waits until a topic is there: a cluster with a broker down refuses to create one with a replica on each. */
  async hasTopic(name: string): Promise<void> {
    await until(
      async () => (await this.status()).partitions.some(({ topic }) => topic === name),
      60_000,
      () => `there is no topic ${name}\n${this.log}`,
    )
  }

  /** The whole process, at once. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Ordered; returns the exit code. */
  async stop(): Promise<number | null> {
    const code = await this.#end('SIGTERM')
    if (this.#removeAtEnd) rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 })
    return code
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    // tools/run.mjs hands signals on, but cannot hand on a SIGKILL: ask the broker's own process.
    if (signal === 'SIGKILL') await this.#killTree(child.pid!)
    else child.kill(signal)
    return ended
  }

  async #killTree(pid: number): Promise<void> {
    const { readFileSync } = await import('node:fs')
    let children = ''
    try {
      children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    } catch {
      // The process has just ended.
    }
    for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), 'SIGKILL')
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with its child.
    }
  }
}

export class ClusterFailed extends Error {}

/** Polls a condition: the only way in which tests wait. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  timeoutMs: number,
  why: () => string,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let last: unknown
    try {
      if (await condition()) return
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new ClusterFailed(`${why()}${last ? `\n${last}` : ''}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The first of `count` free ports in a row: broker i listens on the first + i − 1. */
async function freeRange(count: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const servers = await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const server = createServer()
        return new Promise<ReturnType<typeof createServer> | null>((resolve) => {
          server.once('error', () => resolve(null))
          server.listen(first + index, '127.0.0.1', () => resolve(server))
        })
      }),
    )
    await Promise.all(servers.map((server) => server && new Promise((resolve) => server.close(resolve))))
    if (servers.every(Boolean)) return first
  }
}
