/** What the tests of running pipelines share: word count, its input, and what its committed output must be. */
import { int64, string } from '@troupe/client/serdes'
import { Admin } from '@troupe/client/shell/admin'
import { Consumer } from '@troupe/client/shell/consumer'
import type { ConsumerRecord } from '@troupe/client/shell/unread'
import { Producer } from '@troupe/client/shell/producer'
import { Cluster, until } from '@troupe/tools/cluster'
import { pipeline } from '../../src/shell/index.ts'
import type { Pipeline } from '../../src/dsl/pipeline.ts'
import type { Running } from '../../src/shell/run.ts'

export { until }

export const partitions = 3

export function wordCount(name = 'word-count', prefix = ''): Pipeline {
  return pipeline(name, (p) => {
    p.stream(`${prefix}lines`, { key: string, value: string })
      .flatMapValues((line: string) => line.split(' '))
      .groupBy((_key: unknown, word: string) => word, { key: string, value: string })
      .count({ store: 'counts' })
      .toStream()
      .to(`${prefix}counts`, { key: string, value: int64 })
  })
}

export const words = ['red', 'green', 'blue', 'black', 'white', 'grey', 'pink']

/** Every word as often as every other, as long as `n` goes up in steps of the number of words. */
export const line = (n: number): string => `${words[n % words.length]} ${words[(n * 3 + 1) % words.length]}`

/** Groups rebalance at once, and members that fall silent are missed soon. */
export function startCluster(): Promise<Cluster> {
  return Cluster.start({
    brokers: 3,
    properties: {
      'min.insync.replicas': 2,
      'group.initial.rebalance.delay.ms': 0,
      'group.min.session.timeout.ms': 500,
      'transaction.state.log.min.isr': 2,
    },
  })
}

export function properties(cluster: { readonly bootstrap: string }): Record<string, string | number> {
  return {
    'bootstrap.servers': cluster.bootstrap,
    'processing.guarantee': 'exactly_once_v2',
    'consumer.session.timeout.ms': 3000,
    'consumer.heartbeat.interval.ms': 300,
    'producer.transaction.timeout.ms': 4000,
  }
}

export async function createTopics(bootstrap: string, names: readonly string[], factor = 3): Promise<void> {
  await using admin = new Admin({ 'bootstrap.servers': bootstrap })
  await admin.createTopics(names.map((name) => ({ name, partitions, replicationFactor: factor })))
}

export interface Feed {
  readonly sent: number
  /** Ends it, when everything sent is acknowledged. */
  stop(): Promise<number>
}

/** Sends numbered lines, a few at a time, until it is told to stop. */
export function feed(bootstrap: string, topic = 'lines', make: (n: number) => string = line): Feed {
  const producer = new Producer(
    { 'bootstrap.servers': bootstrap, 'delivery.timeout.ms': 120_000 },
    { key: string, value: string },
  )
  let [sent, running] = [0, true]
  const loop = (async () => {
    while (running) {
      const batch = Array.from({ length: 20 }, () => make(sent++))
      await Promise.all(batch.map((value, index) => producer.send({ topic, key: `k${sent + index}`, value })))
      // A pace that a busy machine keeps up with.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await producer.close()
  })()
  return {
    get sent() {
      return sent
    },
    async stop() {
      running = false
      await loop
      return sent
    },
  }
}

/** The committed records of a topic, up to its end as of now. */
export async function committedRecords<V>(
  bootstrap: string,
  topic: string,
  value: { deserialize(bytes: Uint8Array | null): V; serialize(value: V): Uint8Array | null },
): Promise<ConsumerRecord<string, V>[]> {
  await using consumer = new Consumer<string, V>(
    { 'bootstrap.servers': bootstrap, 'isolation.level': 'read_committed', 'auto.offset.reset': 'earliest' },
    { key: string, value },
  )
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  consumer.assign(all)
  const ends = await consumer.endOffsets(all)
  const records: ConsumerRecord<string, V>[] = []
  for (const { topic: name, partition, offset } of ends as { topic: string; partition: number; offset: number }[]) {
    while ((await consumer.position({ topic: name, partition })) < offset) {
      records.push(...(await consumer.poll({ timeoutMs: 200 })))
    }
  }
  return records
}

/** Of every word the counts 1, 2, 3 …, each once and in this order: nothing lost, nothing twice, nothing out of order. */
export function brokenCounts(records: readonly { readonly key: string; readonly value: number | bigint }[]): string[] {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const { key, value } of records) {
    const before = last.get(key) ?? 0
    if (Number(value) !== before + 1) wrong.push(`${key}: ${before} → ${value}`)
    last.set(key, Number(value))
  }
  return wrong
}

export function expectedCounts(lines: number, make: (n: number) => string = line): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let n = 0; n < lines; n++) for (const word of make(n).split(' ')) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

export function lastCounts(records: readonly { readonly key: string; readonly value: number | bigint }[]): object {
  return Object.fromEntries(records.map(({ key, value }) => [key, Number(value)]))
}

/** Until the committed counts add up to what was sent; then they cannot change any more. */
export async function allCounted(
  bootstrap: string,
  lines: number,
  topic = 'counts',
): Promise<ConsumerRecord<string, number>[]> {
  const total = Object.values(expectedCounts(lines)).reduce((a, b) => a + b, 0)
  let records: ConsumerRecord<string, number>[] = []
  await until(
    async () => {
      records = (await committedRecords(bootstrap, topic, int64)) as unknown as ConsumerRecord<string, number>[]
      return records.length >= total
    },
    60_000,
    () => `${records.length} of ${total} counts came`,
  )
  return records
}

/** Restarted under the same name and properties after each crash, as a supervisor would. */
export async function settled(...instances: readonly Running[]): Promise<void> {
  for (const instance of instances) await instance.becomes('RUNNING')
}
