/** With what properties an internal topic is made. Source: WindowedChangelogTopicConfig. */
import type { Topology } from '../topology.ts'
import type { PipelineProperties } from './config.ts'

/** Nothing for a topic that is not internal: the brokers' defaults. */
export function internalTopicConfig(
  { internalTopics, stores }: Topology,
  name: string,
  properties: PipelineProperties,
): Readonly<Record<string, string>> {
  const { config = {}, store: storeName = null } = internalTopics.get(name) ?? {}
  const store = storeName === null ? undefined : stores.get(storeName)
  if (store?.kind !== 'window' && store?.kind !== 'session') return config
  const additionalMs = properties['windowstore.changelog.additional.retention.ms']
  return { ...config, 'retention.ms': String(store.retentionMs + additionalMs) }
}
