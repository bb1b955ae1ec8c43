/** What the suites of the client's face run against: Troupe, and Apache Kafka where Java is there. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster } from '@troupe/tools/cluster'
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { createTopics } from './topics.ts'

export interface Brokers {
  readonly bootstrap: string
  /** A new topic, by a name that nobody else has. */
  topic(partitions?: number, configs?: Readonly<Record<string, string>>): Promise<string>
  stop(): Promise<void>
}

export interface Target {
  readonly name: string
  /** Why it cannot run here. */
  readonly skipped: string | null
  start(): Promise<Brokers>
}

const properties = {
  'auto.create.topics.enable': 'true',
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
}

function brokers(bootstrap: string, stop: () => Promise<unknown>): Brokers {
  let topics = 0
  return {
    bootstrap,
    async topic(partitions = 1, configs = {}) {
      const name = `topic-${++topics}-${Math.random().toString(36).slice(2, 8)}`
      await createTopics(bootstrap, [{ name, partitions, replicationFactor: 1, configs }])
      return name
    },
    stop: async () => void (await stop()),
  }
}

const troupe: Target = {
  name: 'troupe',
  skipped: null,
  async start() {
    const cluster = await Cluster.start({ brokers: 1, properties })
    return brokers(cluster.bootstrap, () => cluster.stop())
  },
}

/** Nothing is downloaded, nor Java looked for, unless it is wanted. */
const wanted = (process.env.TARGETS ?? 'troupe,apache-kafka').split(',')
const classpath = wanted.includes('apache-kafka') ? kafkaClasspath() : { skipped: 'not wanted' }

const apacheKafka: Target = {
  name: 'apache-kafka',
  skipped: typeof classpath === 'string' ? null : classpath.skipped,
  async start() {
    const directory = mkdtempSync(join(tmpdir(), 'troupe-client-kafka-'))
    mkdirSync(directory, { recursive: true })
    const kafka = await startApacheKafka({
      classpath: classpath as string,
      directory,
      nodes: 1,
      heap: '512m',
      silent: true,
      properties,
    })
    return brokers(kafka.bootstrap, async () => {
      await kafka.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    })
  },
}

export const targets: readonly Target[] = [troupe, apacheKafka].filter(({ name }) => wanted.includes(name))
