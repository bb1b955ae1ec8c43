/** What our client is held against others on: three brokers of Troupe, and Apache Kafka. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@troupe/client'
import { Cluster } from '@troupe/tools/cluster'
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import { kafkaClasspath } from '@troupe/tools/reference/maven'

export interface Brokers {
  readonly bootstrap: string
  /** Creates a topic. */
  topic(name: string, partitions: number): Promise<string>
  stop(): Promise<void>
}

const properties = {
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
}

function brokers(bootstrap: string, replicationFactor: number, stop: () => Promise<unknown>): Brokers {
  return {
    bootstrap,
    async topic(name, partitions) {
      await using admin = new Admin({ 'bootstrap.servers': bootstrap })
      // Records with timestamps of long ago are not to be deleted while they are read.
      const configs = { 'retention.ms': '-1' }
      await admin.createTopics([{ name, partitions, replicationFactor, configs }])
      return name
    },
    stop: async () => void (await stop()),
  }
}

const start = {
  async Troupe() {
    const cluster = await Cluster.start({ brokers: 3, properties })
    return brokers(cluster.bootstrap, 3, () => cluster.stop())
  },
  async 'Apache Kafka'() {
    const directory = mkdtempSync(join(tmpdir(), 'troupe-interop-'))
    const classpath = kafkaClasspath() as string
    const kafka = await startApacheKafka({ classpath, directory, nodes: 1, heap: '512m', silent: true, properties })
    return brokers(kafka.bootstrap, 1, async () => {
      await kafka.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    })
  },
}

export type Target = keyof typeof start

/** `TARGETS=troupe` leaves the reference out. */
export const targets: readonly Target[] = process.env.TARGETS === 'troupe' ? ['Troupe'] : ['Troupe', 'Apache Kafka']

export function startTarget(target: Target): Promise<Brokers> {
  return start[target]()
}
