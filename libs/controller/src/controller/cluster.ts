/** Questions about brokers and effective configuration that several decisions ask. */
import { resolveBrokerConfig, resolveTopicConfig, type BrokerConfig, type TopicConfig } from '@troupe/config'
import type { BrokerImage, TopicImage } from '../image/types.ts'
import type { ControllerState, DecideEnv } from './decision.ts'

export const ELR_FEATURE = 'eligible.leader.replicas.version'

/** May lead and join an ISR. */
export function isActive(state: ControllerState, brokerId: number): boolean {
  const broker = state.image.brokers.get(brokerId)
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

/** The registration a request was made under, or undefined when it is not the current one (STALE_BROKER_EPOCH). */
export function currentBroker(state: ControllerState, brokerId: number, brokerEpoch: number): BrokerImage | undefined {
  const broker = state.image.brokers.get(brokerId)
  return broker?.epoch === brokerEpoch ? broker : undefined
}

export const isElrEnabled = (state: ControllerState): boolean => (state.image.features.get(ELR_FEATURE) ?? 0) >= 1

export function clusterConfig(state: ControllerState, env: Pick<DecideEnv, 'config'>): BrokerConfig {
  state.configs.cluster ??= overlay(env.config, state.image.configs('broker', ''))
  return state.configs.cluster
}

/** Static broker properties with dynamic ones on top. */
export function overlay(config: BrokerConfig, ...dynamic: ReadonlyMap<string, string>[]): BrokerConfig {
  if (dynamic.every((values) => values.size === 0)) return config
  const given = new Map(config.given)
  for (const values of dynamic) for (const [name, value] of values) given.set(name, value)
  return resolveBrokerConfig(given).config
}

export function topicConfig(state: ControllerState, env: Pick<DecideEnv, 'config'>, topic: string): TopicConfig {
  const known = state.configs.topics.get(topic)
  if (known) return known
  const resolved = resolveTopicConfig(clusterConfig(state, env), state.image.configs('topic', topic))
  state.configs.topics.set(topic, resolved)
  return resolved
}

/** Kafka caps min.insync.replicas at the replication factor. */
export function effectiveMinIsr(state: ControllerState, env: DecideEnv, topic: TopicImage): number {
  const replicationFactor = topic.partitions[0]?.replicas.length ?? 1
  return Math.min(topicConfig(state, env, topic.name)['min.insync.replicas'], replicationFactor)
}

export const mayElectUnclean = (state: ControllerState, env: DecideEnv, topic: string): boolean =>
  topicConfig(state, env, topic)['unclean.leader.election.enable']
