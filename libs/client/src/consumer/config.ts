/** A consumer's properties by Kafka's names, as far as its core reads them. Defaults: Kafka 4.3. */

export const consumerDefaults = {
  'group.id': null as string | null,
  'group.instance.id': null as string | null,
  'client.rack': '',
  'partition.assignment.strategy': ['range', 'cooperative-sticky'] as readonly string[],
  'session.timeout.ms': 45_000,
  'heartbeat.interval.ms': 3000,
  'max.poll.interval.ms': 300_000,
  'max.poll.records': 500,
  'enable.auto.commit': true,
  'auto.commit.interval.ms': 5000,
  /** `earliest`, `latest`, `none` or `by_duration:<ISO-8601>` (KIP-1106). */
  'auto.offset.reset': 'latest' as string,
  'exclude.internal.topics': true,
  /** How long a read replica is preferred (KIP-392). */
  'metadata.max.age.ms': 300_000,
  'isolation.level': 'read_uncommitted' as 'read_uncommitted' | 'read_committed',
  'fetch.min.bytes': 1,
  'fetch.max.bytes': 52_428_800,
  'fetch.max.wait.ms': 500,
  'max.partition.fetch.bytes': 1_048_576,
  'check.crcs': true,
  'allow.auto.create.topics': true,
  'request.timeout.ms': 30_000,
  'default.api.timeout.ms': 60_000,
  'retry.backoff.ms': 100,
  'retry.backoff.max.ms': 1000,
}

export type ConsumerProperties = Readonly<typeof consumerDefaults>
