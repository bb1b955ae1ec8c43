/** What one pipeline does on one cluster: records/s over a topic that is full, and end-to-end latency at a fixed rate. */
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { Admin, Consumer, Producer } from '@troupe/client'
import { build } from 'hdr-histogram-js'
import type { Target } from '../target.ts'

export type Kind = 'stateless' | 'aggregating'

export interface Scale {
  readonly records: number
  readonly perSecond: number
  readonly seconds: number
}

/** Starts the application: its arguments come last. */
export type Launch = (args: readonly string[]) => ChildProcess

const partitions = 3
const keys = 1000
const batchSize = 1000
const value = 'a line of text, '.repeat(6).slice(0, 90)
const pollMs = 20

export async function recordsPerSecond(
  target: Target,
  kind: Kind,
  launch: Launch,
  { records }: Scale,
): Promise<number> {
  const { bootstrap } = target
  const [input, output, application] = [`${kind}-in`, `${kind}-out`, `${kind}-throughput`]
  await createTopics(bootstrap, [input, output])
  await fill(bootstrap, input, records)
  const app = launch([bootstrap, application, kind, input, output])
  const admin = new Admin({ 'bootstrap.servers': bootstrap })
  try {
    // From the first commit on: how long a process takes to start is not what is asked.
    let first: { at: number; done: number } | null = null
    for (;;) {
      mustRun(app)
      const done = await committed(admin, application, input)
      const at = performance.now()
      if (done > 0) first ??= { at, done }
      if (done >= records) return ((done - first!.done) / (at - first!.at)) * 1000
      await pause(pollMs)
    }
  } finally {
    await admin.close()
    await end(app)
  }
}

export interface Latency {
  readonly p50: number
  readonly p99: number
}

export async function latency(target: Target, kind: Kind, launch: Launch, scale: Scale): Promise<Latency> {
  const { bootstrap } = target
  const [input, output, application] = [`${kind}-paced-in`, `${kind}-paced-out`, `${kind}-latency`]
  await createTopics(bootstrap, [input, output])
  const app = launch([bootstrap, application, kind, input, output])
  const consumer = new Consumer({ 'bootstrap.servers': bootstrap, 'isolation.level': 'read_committed' })
  const producer = new Producer({ 'bootstrap.servers': bootstrap, 'linger.ms': 0 })
  const sentAt: number[] = []
  const histogram = build({ numberOfSignificantValueDigits: 3 })
  const total = scale.perSecond * scale.seconds
  try {
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic: output, partition }))
    consumer.assign(places)
    consumer.seekToBeginning(places)
    // The first records are for starting: the pipeline joins, the processes compile.
    const warmUp = scale.perSecond * 2
    let sent = 0
    let seen = 0
    const startedAt = performance.now()
    const feeding = (async () => {
      await producer.send({ topic: input, key: 'k0', value })
      while (seen === 0) await pause(pollMs)
      const from = performance.now()
      while (sent < warmUp + total) {
        const due = Math.min(warmUp + total, ((performance.now() - from) / 1000) * scale.perSecond)
        for (; sent < due; sent++) {
          sentAt.push(performance.now())
          void producer.send({
            topic: input,
            partition: sent % partitions,
            key: `k${sent % keys}`,
            value,
            timestamp: sent + 1,
          })
        }
        await pause(1)
      }
    })()
    while (seen < warmUp + total + 1) {
      mustRun(app)
      if (performance.now() - startedAt > 300_000) throw new Error(`only ${seen} results in five minutes`)
      for (const record of await consumer.poll({ timeoutMs: 200 })) {
        seen++
        // Results carry the timestamp of their record: here its number.
        const number = record.timestamp - 1
        if (number >= warmUp && number < sentAt.length)
          histogram.recordValue((performance.now() - sentAt[number]!) * 1000)
      }
    }
    await feeding
    return { p50: histogram.getValueAtPercentile(50) / 1000, p99: histogram.getValueAtPercentile(99) / 1000 }
  } finally {
    await Promise.all([consumer.close(), producer.close()])
    await end(app)
  }
}

export function start(command: string, args: readonly string[]): ChildProcess {
  const verbose = process.env.TROUPE_BENCH_VERBOSE ? 'inherit' : 'ignore'
  return spawn(command, args, { stdio: ['pipe', verbose, verbose] })
}

function mustRun({ exitCode }: ChildProcess): void {
  if (exitCode !== null) throw new Error(`the pipeline ended with code ${exitCode}; TROUPE_BENCH_VERBOSE=1 shows why`)
}

async function end(app: ChildProcess): Promise<void> {
  if (app.exitCode !== null) return
  const gone = new Promise((resolve) => app.once('exit', resolve))
  app.stdin!.end()
  const kill = setTimeout(() => app.kill('SIGKILL'), 20_000)
  await gone
  clearTimeout(kill)
}

async function createTopics(bootstrap: string, names: readonly string[]): Promise<void> {
  const admin = new Admin({ 'bootstrap.servers': bootstrap })
  await admin.createTopics(
    names.map((name) => ({ name, partitions, replicationFactor: -1, configs: { 'retention.ms': '-1' } })),
  )
  await admin.close()
}

async function fill(bootstrap: string, topic: string, records: number): Promise<void> {
  const producer = new Producer({ 'bootstrap.servers': bootstrap, 'linger.ms': 5, 'batch.size': 131_072 })
  for (let from = 0; from < records; from += batchSize) {
    const size = Math.min(batchSize, records - from)
    await producer.sendBatch(
      Array.from({ length: size }, (_, index) => ({ topic, key: `k${(from + index) % keys}`, value })),
    )
  }
  await producer.close()
}

async function committed(admin: Admin, group: string, topic: string): Promise<number> {
  try {
    const found = (await admin.listConsumerGroupOffsets([{ groupId: group }])).get(group)
    let sum = 0
    for (const [name, { offset }] of found ?? []) if (name.startsWith(`${topic}-`)) sum += Math.max(0, offset)
    return sum
  } catch {
    // There is no such group yet, or it rebalances.
    return 0
  }
}
