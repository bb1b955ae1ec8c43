/** A replica's settings in a model whose topic has one replica in sync at least: Kafka's defaults for all the rest. */
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import type { ReplicaConfig } from '@troupe/replication/messages'

const { config } = resolveBrokerConfig(new Map())

export function replicaConfigOf(unclean: boolean): ReplicaConfig {
  return {
    log: {
      ...resolveTopicConfig(config, new Map()),
      'producer.id.expiration.ms': config['producer.id.expiration.ms'],
    } as unknown as ReplicaConfig['log'],
    'min.insync.replicas': 1,
    'replica.lag.time.max.ms': config['replica.lag.time.max.ms'],
    'replica.fetch.wait.max.ms': config['replica.fetch.wait.max.ms'],
    'replica.fetch.max.bytes': config['replica.fetch.max.bytes'],
    'replica.fetch.backoff.ms': config['replica.fetch.backoff.ms'],
    'unclean.leader.election.enable': unclean,
  }
}
