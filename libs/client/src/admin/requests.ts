/** The requests of an admin question, and what their answers say of each of its items. */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { AdminMessage, NetworkRequest } from '../messages.ts'
import { byTopic } from '../producer/coordinator-bodies.ts'

/** `leaderOf`: asked of that partition's leader. */
export interface Item {
  readonly name: string
  readonly leaderOf: { readonly topic: string; readonly partition: number } | null
}

export interface Outcome {
  readonly error: number
  readonly detail: string | null
}

const CREATE_TOPICS = 19
const DELETE_TOPICS = 20
const DELETE_RECORDS = 21
const INCREMENTAL_ALTER_CONFIGS = 44
const DESCRIBE_CLUSTER = 60

/** From here on topics to delete are structs, which may be named by id. */
const DELETE_BY_STRUCT = 6
const resourceTypes = { topic: 2, broker: 4 } as const
const SET = 0
const DELETE = 1

/** The request for those items that are not settled. */
export function describeAttempt(
  message: AdminMessage,
  items: ReadonlySet<string>,
  timeoutMs: number,
): Pick<NetworkRequest, 'api' | 'body' | 'minVersion'> {
  switch (message.kind) {
    case 'createTopics': {
      const topics = message.topics
        .filter(({ name }) => items.has(name))
        .map((topic) => ({
          name: topic.name,
          numPartitions: topic.assignment ? -1 : topic.partitions,
          replicationFactor: topic.assignment ? -1 : topic.replicationFactor,
          assignments: (topic.assignment ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
          configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
        }))
      return { api: CREATE_TOPICS, body: { topics, timeoutMs, validateOnly: false } }
    }
    case 'deleteTopics': {
      const topics = message.topics.filter((name) => items.has(name)).map((name) => ({ name }))
      return { api: DELETE_TOPICS, body: { topics, timeoutMs }, minVersion: DELETE_BY_STRUCT }
    }
    case 'deleteRecords': {
      const offsets = message.offsets.filter(({ topic, partition }) => items.has(`${topic}-${partition}`))
      const topics = byTopic(offsets).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
      }))
      return { api: DELETE_RECORDS, body: { topics, timeoutMs } }
    }
    case 'alterConfigs': {
      const configs = Object.entries(message.configs).map(([name, value]) => ({
        name,
        value,
        configOperation: value === null ? DELETE : SET,
      }))
      const resources = [{ resourceType: resourceTypes[message.type], resourceName: message.name, configs }]
      return { api: INCREMENTAL_ALTER_CONFIGS, body: { resources, validateOnly: false } }
    }
    case 'describeCluster':
      return { api: DESCRIBE_CLUSTER, body: {} }
    case 'adminRequest':
      return { api: message.api, body: message.body }
  }
}

interface Response {
  readonly errorCode?: number
  readonly errorMessage?: string | null
  readonly topics?: readonly TopicResult[]
  readonly responses?: readonly TopicResult[]
}

interface TopicResult {
  readonly name: string | null
  readonly resourceName?: string
  readonly errorCode: number
  readonly errorMessage?: string | null
  readonly partitions?: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
}

/** By item. One that is missing was not answered. */
export function outcomes(message: AdminMessage, response: Response): Map<string, Outcome> {
  switch (message.kind) {
    case 'createTopics':
      return new Map(response.topics!.map((topic) => [topic.name!, outcome(topic.errorCode, topic.errorMessage)]))
    case 'deleteTopics':
      return new Map(response.responses!.map((topic) => [topic.name!, outcome(topic.errorCode, topic.errorMessage)]))
    case 'deleteRecords':
      return new Map(
        response.topics!.flatMap(({ name, partitions }) =>
          partitions!.map(
            ({ partitionIndex, errorCode }) => [`${name}-${partitionIndex}`, outcome(errorCode)] as const,
          ),
        ),
      )
    case 'alterConfigs':
      return new Map(response.responses!.map((r) => [r.resourceName!, outcome(r.errorCode, r.errorMessage)]))
    default:
      return new Map([[message.kind, outcome(response.errorCode ?? KafkaError.NONE, response.errorMessage)]])
  }
}

function outcome(error: number, message: string | null = null): Outcome {
  return { error, detail: error === KafkaError.NONE ? null : (message ?? errorName(error)) }
}
