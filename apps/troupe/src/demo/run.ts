/**
 * One run of the demo: feed, pipeline, trouble, count.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Cluster } from '@troupe/tools/cluster'
import { Kafka, logLevel } from 'kafkajs'
import { addTo, type Flight, type Total } from './data.ts'

export interface RunOptions {
  readonly cluster: Cluster
  readonly input: readonly Flight[]
  readonly mode: 'transactions' | 'plain'
  /** How often a broker is crashed and the pipeline is killed, each. */
  readonly kills: number
  readonly say: (text: string) => void
}

export interface Outcome {
  readonly mode: string
  readonly produced: number
  readonly counted: number
  readonly wrongKeys: number
  readonly brokerCrashes: number
  readonly pipelineKills: number
  readonly ms: number
  readonly expected: Map<string, Total>
  readonly totals: Map<string, Total>
}

const partitions = 6
/** KafkaJS sets a timer in the past now and then, and Node says so. */
const quiet = ['--disable-warning=TimeoutNegativeWarning']

export async function runOnce({ cluster, input, mode, kills, say }: RunOptions): Promise<Outcome> {
  const started = performance.now()
  const kafka = new Kafka({
    clientId: 'demo',
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 500, retries: 100 },
  })
  const topics = { input: `flights-${mode}`, output: `totals-${mode}` }
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: Object.values(topics).map((topic) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: 3,
      configEntries: [{ name: 'min.insync.replicas', value: '2' }],
    })),
  })
  const expected = new Map<string, Total>()
  for (const { key, delay } of input) addTo(expected, key, { count: 1, delay })

  const pipeline = new Pipeline([cluster.bootstrap, topics.input, topics.output, mode])
  const fed = feed(kafka, topics.input, input)
  let crashes = 0
  for (let round = 0; round < kills; round++) {
    await pipeline.afterSomeWork()
    pipeline.kill()
    say(`${mode}: pipeline killed`)
    const broker = (round % cluster.brokers) + 1
    await cluster.crash(broker)
    crashes++
    say(`${mode}: broker ${broker} crashed`)
    await cluster.healed()
  }
  await fed
  say(`${mode}: all flights produced; waiting for the pipeline`)
  await untilRead(admin, `pipeline-${mode}-${topics.input}`, topics.input)
  pipeline.stop()

  const totals = await count(kafka, admin, topics.output)
  await admin.disconnect()
  let counted = 0
  for (const total of totals.values()) counted += total.count
  const wrongKeys = [...expected].filter(([key, { count, delay }]) => {
    const total = totals.get(key)
    return total?.count !== count || total.delay !== delay
  }).length
  return {
    mode,
    produced: input.length,
    counted,
    wrongKeys,
    brokerCrashes: crashes,
    pipelineKills: pipeline.kills,
    ms: performance.now() - started,
    expected,
    totals,
  }
}

/** The pipeline's process, started again whenever it ends. */
class Pipeline {
  kills = 0
  readonly #args: readonly string[]
  #child!: ChildProcess
  #stopped = false

  constructor(args: readonly string[]) {
    this.#args = args
    this.#start()
  }

  #start(): void {
    this.#child = spawn(process.execPath, [...quiet, join(import.meta.dirname, 'pipeline.ts'), ...this.#args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child.once('exit', () => this.#stopped || this.#start())
  }

  /** It says `running` when it consumes; then it gets a moment in which to leave work half done. */
  async afterSomeWork(): Promise<void> {
    const child = this.#child
    await new Promise((resolve) => child.stdout!.once('data', resolve).once('close', resolve))
    await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 900))
  }

  kill(): void {
    this.kills++
    this.#child.kill('SIGKILL')
  }

  stop(): void {
    this.#stopped = true
    this.#child.kill('SIGKILL')
  }
}

/**
 * One partition at a time: when a part of a send fails, KafkaJS asks only those brokers again that have not answered, and
 * so drops a partition whose leader has moved to one that has.
 */
async function feed(kafka: Kafka, topic: string, input: readonly Flight[]): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const step = 500
  for (let start = 0; start < input.length; start += step) {
    const messages = input.slice(start, start + step).map(({ key, delay }) => ({
      partition: (start / step) % partitions,
      key,
      value: JSON.stringify({ delay }),
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  await producer.disconnect()
}

type Admin = ReturnType<Kafka['admin']>

/** Until the group has committed the end of every partition. */
async function untilRead(admin: Admin, groupId: string, topic: string): Promise<void> {
  for (;;) {
    const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]))
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    if (committed!.partitions.every(({ partition, offset }) => Number(offset) >= ends.get(partition)!)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Everything committed in the output topic, added up. */
async function count(kafka: Kafka, admin: Admin, topic: string): Promise<Map<string, Total>> {
  const totals = new Map<string, Total>()
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]))
  const open = new Set([...ends].filter(([, end]) => end > 0).map(([partition]) => partition))
  const groupId = `count-${topic}`
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    // Markers take offsets at the end that no message has: the batch says how far it reached.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (Number(payload.lastOffset) + 1 >= ends.get(payload.partition)!) open.delete(payload.partition)
      if (open.size === 0) resolve()
    })
    consumer
      .run({
        eachBatchAutoResolve: true,
        eachBatch: async ({ batch }) => {
          for (const { key, value } of batch.messages) addTo(totals, key!.toString(), JSON.parse(value!.toString()))
        },
      })
      .catch(reject)
    if (open.size === 0) resolve()
  })
  await consumer.disconnect()
  return totals
}
