/**
 * Topics that come into being because somebody needs them: those of the coordinators, and with
 * `auto.create.topics.enable` any that a client names.
 *
 * Source: Kafka's AutoTopicCreationManager. Replication factors are clamped to the brokers there are, so that one
 * broker with the defaults (factor 3, min ISR 2) has working transactions.
 */
import type { CreateTopicsRequest_CreatableTopicInput, CreateTopicsResponseInput } from '@troupe/wire/messages'
import type { BrokerConfig } from '@troupe/config'
import type { RequestContext } from './context.ts'
import { askController } from './controller.ts'
import { untilImageShows } from './image-wait.ts'
import { OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTION_TOPIC } from './topic-names.ts'
import { errorName, KafkaError } from '@troupe/wire/errors'

const CREATE_TIMEOUT_MS = 5_000
const LEADER_WAIT_MS = 1_000

/** How the broker would create this topic. */
export function creatableTopic(
  name: string,
  config: BrokerConfig,
  brokers: number,
): CreateTopicsRequest_CreatableTopicInput {
  switch (name) {
    case OFFSETS_TOPIC: {
      const replicationFactor = Math.min(config['offsets.topic.replication.factor'], brokers)
      return {
        name,
        numPartitions: config['offsets.topic.num.partitions'],
        replicationFactor,
        assignments: [],
        configs: configsOf({
          'cleanup.policy': 'compact',
          'compression.type': 'producer',
          'segment.bytes': config['offsets.topic.segment.bytes'],
          'min.insync.replicas': matchingMinIsr(config, 'min.insync.replicas', replicationFactor),
        }),
      }
    }
    case TRANSACTION_TOPIC: {
      const replicationFactor = Math.min(config['transaction.state.log.replication.factor'], brokers)
      return {
        name,
        numPartitions: config['transaction.state.log.num.partitions'],
        replicationFactor,
        assignments: [],
        configs: configsOf({
          'unclean.leader.election.enable': false,
          'compression.type': 'uncompressed',
          'cleanup.policy': 'compact',
          'min.insync.replicas': Math.min(config['transaction.state.log.min.isr'], replicationFactor),
          'segment.bytes': config['transaction.state.log.segment.bytes'],
        }),
      }
    }
    case SHARE_STATE_TOPIC: {
      const replicationFactor = Math.min(config['share.coordinator.state.topic.replication.factor'], brokers)
      return {
        name,
        numPartitions: config['share.coordinator.state.topic.num.partitions'],
        replicationFactor,
        assignments: [],
        configs: configsOf({
          'cleanup.policy': 'delete',
          'compression.type': 'producer',
          'retention.ms': -1,
          'min.insync.replicas': Math.min(config['share.coordinator.state.topic.min.isr'], replicationFactor),
          'segment.bytes': config['share.coordinator.state.topic.segment.bytes'],
        }),
      }
    }
    default:
      return {
        name,
        numPartitions: config['num.partitions'],
        replicationFactor: Math.min(config['default.replication.factor'], brokers),
        assignments: [],
        configs: [],
      }
  }
}

/** Kafka leaves the offsets topic at the broker's min ISR; with several replicas a majority is what keeps acked commits. */
function matchingMinIsr(config: BrokerConfig, property: 'min.insync.replicas', replicationFactor: number): number {
  const set = config.given.has(property) ? config[property] : Math.max(1, replicationFactor - 1)
  return Math.min(set, replicationFactor)
}

function configsOf(values: Record<string, string | number | boolean>): { name: string; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value: String(value) }))
}

/**
 * Creates topics that are not there and runs `then` when this broker knows them and they have leaders, or after a
 * short while. Topics that are being created for another request are waited for only.
 */
export function createAndAwait(ctx: RequestContext, names: readonly string[], then: () => void): void {
  const { cluster, config, now } = ctx.env
  const { creating } = ctx.front
  const missing = names.filter((name) => !cluster.topic(name) && (creating.get(name) ?? 0) <= now)
  const finish = (): void => {
    for (const name of missing) creating.delete(name)
    then()
  }
  const wait = (): void => {
    const ready = (): boolean => names.every((name) => hasLeaders(ctx, name))
    untilImageShows(ctx, LEADER_WAIT_MS, ready, finish)
  }
  if (missing.length === 0) return wait()
  // Also those that are away for a moment: a factor that is too small would stay for ever.
  const brokers = cluster.brokers.size
  for (const name of missing) creating.set(name, now + CREATE_TIMEOUT_MS)
  const body = {
    topics: missing.map((name) => creatableTopic(name, config, Math.max(1, brokers))),
    timeoutMs: CREATE_TIMEOUT_MS,
    validateOnly: false,
  }
  askController<CreateTopicsResponseInput>(ctx, 'CreateTopics', body, CREATE_TIMEOUT_MS, {
    answered(response) {
      const failed = (response.topics ?? []).filter(
        ({ errorCode = KafkaError.NONE }) =>
          errorCode !== KafkaError.NONE && errorCode !== KafkaError.TOPIC_ALREADY_EXISTS,
      )
      for (const { name, errorCode = KafkaError.NONE, errorMessage } of failed) {
        ctx.front.out.trace('topic.not-created', { topic: name, error: errorName(errorCode), message: errorMessage })
      }
      if (failed.length === missing.length && missing.length === names.length) finish()
      else wait()
    },
    refused(error) {
      ctx.front.out.trace('topic.not-created', { topics: missing, error: errorName(error) })
      finish()
    },
  })
}

function hasLeaders(ctx: RequestContext, name: string): boolean {
  const topic = ctx.env.cluster.topic(name)
  return topic !== undefined && topic.partitions.length > 0 && topic.partitions.every(({ leader }) => leader >= 0)
}
