/**
 * A client's properties by Kafka's names, as far as its core reads them. Defaults: Kafka 4.3.
 *
 * The public client will parse and check properties; what arrives here has its type already.
 */

/** Of connections and metadata; the same for every kind of client. */
export const networkDefaults = {
  'bootstrap.servers': [] as readonly string[],
  'client.id': '',
  'request.timeout.ms': 30_000,
  'retry.backoff.ms': 100,
  'retry.backoff.max.ms': 1000,
  'reconnect.backoff.ms': 50,
  'reconnect.backoff.max.ms': 1000,
  'socket.connection.setup.timeout.ms': 10_000,
  'connections.max.idle.ms': 540_000,
  'metadata.max.age.ms': 300_000,
  /** Of one connection; Java's consumer and admin have 100, its producer counts for itself (see `producerDefaults`). */
  'max.in.flight.requests.per.connection': 100,
  /** `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; TLS itself is the transport's. */
  'security.protocol': 'PLAINTEXT',
  'sasl.mechanism': 'GSSAPI',
  'sasl.jaas.config': null as string | null,
  /** Instead of a login module, as librdkafka has them. */
  'sasl.username': null as string | null,
  'sasl.password': null as string | null,
}

export const producerDefaults = {
  acks: -1 as -1 | 0 | 1,
  'batch.size': 16_384,
  'linger.ms': 5,
  'buffer.memory': 33_554_432,
  'max.block.ms': 60_000,
  'max.request.size': 1_048_576,
  'compression.type': 'none' as 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd',
  /** KIP-390. Java's lz4 has 1 to 17; ours is the fast one of its default whatever is said. */
  'compression.gzip.level': -1,
  'compression.lz4.level': 9,
  'compression.zstd.level': 3,
  'enable.idempotence': true,
  'max.in.flight.requests.per.connection': 5,
  retries: 2_147_483_647,
  'retry.backoff.ms': 100,
  'retry.backoff.max.ms': 1000,
  'request.timeout.ms': 30_000,
  'delivery.timeout.ms': 120_000,
  'partitioner.ignore.keys': false,
  /** null: by key, else sticky and adaptive. `roundrobin` or Java's RoundRobinPartitioner. */
  'partitioner.class': null as string | null,
  /** 0: a slow broker's partitions stay in the choice. */
  'partitioner.availability.timeout.ms': 0,
  'partitioner.adaptive.partitioning.enable': true,
  'transactional.id': null as string | null,
  'transaction.timeout.ms': 60_000,
}

export const adminDefaults = {
  'default.api.timeout.ms': 60_000,
  'request.timeout.ms': 30_000,
  'retry.backoff.ms': 100,
  'retry.backoff.max.ms': 1000,
}

export type NetworkProperties = Readonly<typeof networkDefaults>
export type ProducerProperties = Readonly<typeof producerDefaults>
export type AdminProperties = Readonly<typeof adminDefaults>

/** Kafka's exponential back-off: doubled with each failure up to `max`, spread by a fifth to either side. */
export function backoff(base: number, max: number, failures: number, random: () => number): number {
  const term = Math.min(base * 2 ** Math.max(failures, 0), Math.max(base, max))
  return Math.floor(term * (0.8 + (0.4 * random()) / 0x1_0000_0000))
}
