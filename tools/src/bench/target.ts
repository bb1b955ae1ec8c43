/**
 * What is measured: a Troupe or an Apache Kafka on this machine, as a user would start it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApacheKafka } from '../reference/apache-kafka.ts'
import { firstMetadata } from './raw-client.ts'

const root = join(import.meta.dirname, '../../..')

export type System = 'Apache Kafka' | 'Troupe'

export interface Target {
  readonly system: System
  readonly brokers: 1 | 3
  readonly bootstrap: string
  /** Milliseconds from the start of the process to the first Metadata answer that names every broker. */
  readonly startMs: number
  /** Processor seconds used so far by all processes of the target. */
  cpuSeconds(): number
  /** Resident memory of all processes of the target. */
  residentBytes(): number
  /** The broker is gone without warning: `kill -9`, or for Troupe the crash of its worker. */
  crash(broker: number): Promise<void>
  stop(): Promise<void>
}

export async function startTarget(system: System, brokers: 1 | 3, classpath: string): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-bench-'))
  return system === 'Troupe' ? startTroupe(brokers, directory) : startKafka(brokers, directory, classpath)
}

async function startKafka(brokers: 1 | 3, directory: string, classpath: string): Promise<Target> {
  let startedAt = 0
  const kafka = await startApacheKafka({
    classpath,
    directory,
    nodes: brokers,
    beforeStart: () => (startedAt = performance.now()),
  })
  await firstMetadata(kafka.bootstrap, brokers)
  const startMs = performance.now() - startedAt
  const processes = () => kafka.processes.map((process) => process.pid!)
  return {
    system: 'Apache Kafka',
    brokers,
    bootstrap: kafka.bootstrap,
    startMs,
    cpuSeconds: () => sum(processes(), cpuSecondsOf),
    residentBytes: () => sum(processes(), residentBytesOf),
    async crash(broker) {
      const victim = kafka.processes[broker - 1]!
      const gone = new Promise((resolve) => victim.once('exit', resolve))
      victim.kill('SIGKILL')
      await gone
    },
    async stop() {
      await kafka.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function startTroupe(brokers: 1 | 3, directory: string): Promise<Target> {
  const adminPort = await freePort()
  const overrides = [
    `log.dirs=${directory}`,
    `listeners=PLAINTEXT://127.0.0.1:0`,
    `troupe.brokers=${brokers}`,
    `troupe.admin.port=${adminPort}`,
  ]
  const startedAt = performance.now()
  // The launcher that `npm start` runs; npm itself, like Kafka's start script, is left out on both sides.
  const child = spawn(
    process.execPath,
    [join(root, 'tools/run.mjs'), 'start', ...overrides.flatMap((override) => ['--override', override])],
    { cwd: root, stdio: ['ignore', 'pipe', process.env.TROUPE_BENCH_VERBOSE ? 'inherit' : 'ignore'] },
  )
  const bootstrap = await readyLine(child)
  await firstMetadata(bootstrap, brokers)
  const startMs = performance.now() - startedAt
  const processes = () => processTree(child.pid!)
  return {
    system: 'Troupe',
    brokers,
    bootstrap,
    startMs,
    cpuSeconds: () => sum(processes(), cpuSecondsOf),
    residentBytes: () => sum(processes(), residentBytesOf),
    async crash(broker) {
      await fetch(`http://127.0.0.1:${adminPort}/v1/brokers/${broker}/crash`, { method: 'POST' })
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      for (const pid of processTree(child.pid!).reverse()) process.kill(pid, 'SIGKILL')
      await gone
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const line = /^troupe ready bootstrap\.servers=(\S+)$/m.exec(out)
      if (line) resolve(line[1]!)
    })
    child.once('exit', (code) => reject(new BenchFailed(`npm start ended with code ${code}`)))
  })
}

export class BenchFailed extends Error {}

/** A process and everything below it. */
function processTree(pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = Number(statOf(Number(entry))?.[1])
    parents.set(parent, [...(parents.get(parent) ?? []), Number(entry)])
  }
  const below = (of: number): number[] => (parents.get(of) ?? []).flatMap((child) => [child, ...below(child)])
  return [pid, ...below(pid)]
}

/** Fields of /proc/PID/stat from the state on; undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

const ticksPerSecond = 100

function cpuSecondsOf(pid: number): number {
  const stat = statOf(pid)
  return stat ? (Number(stat[11]) + Number(stat[12])) / ticksPerSecond : 0
}

function residentBytesOf(pid: number): number {
  return Number(statOf(pid)?.[21] ?? 0) * 4096
}

function sum(pids: readonly number[], value: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + value(pid), 0)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
