/** Makes a topic for a test, which goes on when the topic can be written to. */
import type { CreateTopicsResponse } from '@troupe/wire/generated/19-create-topics'
import { checkError, partitions, type Asked } from './questions.ts'
import { until } from './until.ts'

export interface NewTopicOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  /** Kafka's topic properties. */
  readonly configs?: Readonly<Record<string, string | number | boolean>>
}

const requestTimeoutMs = 10_000
const mostReplicas = 3

export async function createTopic(asked: Asked, name: string, options: NewTopicOptions): Promise<void> {
  const [broker] = asked.answering()
  const { partitions: count = 1, configs = {} } = options
  const { replicationFactor = Math.min(mostReplicas, asked.answering().length) } = options
  const topic = {
    name,
    numPartitions: count,
    replicationFactor,
    assignments: [],
    configs: Object.entries(configs).map(([name, value]) => ({ name, value: String(value) })),
  }
  const answer = await asked.ask<CreateTopicsResponse>(broker!, 'CreateTopics', {
    topics: [topic],
    timeoutMs: requestTimeoutMs,
    validateOnly: false,
  })
  checkError(answer.topics[0]!.errorCode, `creation of ${name}`)
  await until(
    async () => {
      const found = await partitions(asked, name)
      return found.length === count && found.every(({ leader }) => leader >= 0)
    },
    { what: `${name} has leaders` },
  )
}
