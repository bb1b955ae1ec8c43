/** Numbers of DescribeConfigs and its kin. Source: Kafka's ConfigResource.Type and DescribeConfigsResponse. */
export const resourceTypes = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const

export const configSources = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  DYNAMIC_BROKER_LOGGER: 6,
  CLIENT_METRICS: 7,
  GROUP: 8,
} as const

export const configTypes: Readonly<Record<string, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

const exact = new Set([
  'background.threads',
  'follower.fetch.last.tiered.offset.enable',
  'group.consumer.assignment.interval.ms',
  'group.coordinator.cached.buffer.max.bytes',
  'group.share.assignment.interval.ms',
  'group.streams.assignment.interval.ms',
  'log.cleaner.backoff.ms',
  'log.cleaner.dedupe.buffer.size',
  'log.cleaner.io.buffer.load.factor',
  'log.cleaner.io.buffer.size',
  'log.cleaner.io.max.bytes.per.second',
  'log.cleaner.threads',
  'max.connection.creation.rate',
  'max.connections',
  'max.connections.per.ip',
  'max.connections.per.ip.overrides',
  'metric.reporters',
  'num.io.threads',
  'num.network.threads',
  'num.recovery.threads.per.data.dir',
  'num.replica.fetchers',
  'producer.id.expiration.ms',
  'remote.fetch.max.wait.ms',
  'remote.list.offsets.request.timeout.ms',
  'remote.log.index.file.cache.total.size.bytes',
  'remote.log.manager.copier.thread.pool.size',
  'remote.log.manager.copy.max.bytes.per.second',
  'remote.log.manager.expiration.thread.pool.size',
  'remote.log.manager.fetch.max.bytes.per.second',
  'remote.log.manager.follower.thread.pool.size',
  'remote.log.reader.threads',
  'share.coordinator.cached.buffer.max.bytes',
  'transaction.partition.verification.enable',
])

/** Of these a listener cannot be rebuilt. */
const fixedSsl = new Set(['ssl.allow.dn.changes', 'ssl.allow.san.changes', 'ssl.principal.mapping.rules'])

/** Whether Kafka lets this broker property be changed at run time (DynamicBrokerConfig), `synonyms` being those of topics. */
export function isDynamic(property: string, synonyms: ReadonlySet<string>): boolean {
  return exact.has(property) || synonyms.has(property) || (property.startsWith('ssl.') && !fixedSsl.has(property))
}
