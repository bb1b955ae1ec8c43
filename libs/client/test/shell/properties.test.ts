/** What Kafka's clients refuse, and in which words; what they only warn of. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Consumer, Producer, type Logger, type Properties } from '@troupe/client'
import { clientConfigTarget, generateClientConfigs } from '@troupe/tools/generate-configs'
import { consumerProperties, nodeProperties, producerProperties } from '../../src/shell/properties.ts'
import { silentLogger } from '../../src/shell/logger.ts'

const servers = { 'bootstrap.servers': 'localhost:9092' }

test.each<[Properties, string]>([
  [{ 'linger.ms': -1 }, 'Invalid value -1 for configuration linger.ms: Value must be at least 0'],
  [{ 'linger.ms': 'soon' }, 'Invalid value soon for configuration linger.ms: Not a number of type LONG'],
  [{ 'batch.size': 2 ** 31 }, 'Invalid value 2147483648 for configuration batch.size: Not a number of type INT'],
  [
    { 'compression.zstd.level': 23 },
    'Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22',
  ],
  [
    { 'compression.type': 'zip' },
    'Invalid value zip for configuration compression.type: String must be one of: none, gzip, snappy, lz4, zstd',
  ],
  [
    { 'enable.idempotence': 'yes' },
    'Invalid value yes for configuration enable.idempotence: Expected value to be either true or false',
  ],
  [{ 'transactional.id': '' }, 'Invalid value  for configuration transactional.id: String must be non-empty'],
  [
    { 'bootstrap.servers': undefined },
    'Missing required configuration "bootstrap.servers" which has no default value.',
  ],
  [{ 'bootstrap.servers': '' }, 'No resolvable bootstrap urls given in bootstrap.servers'],
  [{ 'bootstrap.servers': 'localhost' }, 'Invalid value localhost for configuration bootstrap.servers: Invalid url'],
  [{ acks: '2' }, 'Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1'],
  [
    { 'enable.idempotence': true, acks: 1 },
    'Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.',
  ],
  [{ 'enable.idempotence': true, retries: 0 }, 'Must set retries to non-zero when using the idempotent producer.'],
  [
    { 'max.in.flight.requests.per.connection': 6 },
    'Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.',
  ],
  [
    { 'delivery.timeout.ms': 30_004 },
    'delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms',
  ],
  [
    { 'transactional.id': 't', 'enable.idempotence': false },
    'Cannot set a transactional.id without also enabling idempotence.',
  ],
  [{ 'transactional.id': 't', acks: '1' }, 'Cannot set a transactional.id without also enabling idempotence.'],
])('producer refuses %j', (properties, message) => {
  expect(() => new Producer({ ...servers, ...properties })).toThrow(
    expect.objectContaining({ name: 'ConfigException', message }),
  )
})

test.each<[Properties, string, string]>([
  [{ 'auto.offset.reset': 'first' }, 'ConfigException', 'auto.offset.reset'],
  [{ 'max.poll.records': 0 }, 'ConfigException', 'Value must be at least 1'],
  [{ 'isolation.level': 'serializable' }, 'ConfigException', 'String must be one of: read_committed, read_uncommitted'],
  [{ 'enable.auto.commit': true }, 'InvalidConfigurationException', 'default group id (null)'],
  [{ 'group.id': 'g', 'heartbeat.interval.ms': 45_000 }, 'IllegalArgumentException', 'Heartbeat must be set lower'],
  [{ 'partition.assignment.strategy': 'com.example.Assignor' }, 'KafkaException', 'ClassNotFoundException'],
  [{ 'group.protocol': 'consumer' }, 'ConfigException', 'KIP-848'],
])('consumer refuses %j', (properties, name, words) => {
  const refusal = expect.objectContaining({ name, message: expect.stringContaining(words) })
  expect(() => new Consumer({ ...servers, ...properties })).toThrow(refusal)
})

test('values may be texts or what they stand for', () => {
  const texts = { ...servers, 'linger.ms': '7', acks: 'all', 'partitioner.ignore.keys': 'TRUE' }
  const values = { 'bootstrap.servers': ['localhost:9092'], 'linger.ms': 7, acks: -1, 'partitioner.ignore.keys': true }
  const read = (given: Properties) => ({ ...producerProperties(given, silentLogger), 'client.id': '' })
  expect(read(texts)).toEqual(read(values))
  expect(read(texts)).toMatchObject({ 'linger.ms': 7, acks: -1, 'partitioner.ignore.keys': true, retries: 2 ** 31 - 1 })
})

test('assignors go by Java’s class names or by their own', () => {
  const classes = 'org.apache.kafka.clients.consumer.StickyAssignor, org.apache.kafka.clients.consumer.RangeAssignor'
  const read = (strategy?: string) =>
    consumerProperties({ ...servers, 'partition.assignment.strategy': strategy }, silentLogger)[
      'partition.assignment.strategy'
    ]
  expect(read(classes)).toEqual(['sticky', 'range'])
  expect(read()).toEqual(['range', 'cooperative-sticky'])
})

test('what excludes idempotence turns it off when nobody asked for it', () => {
  const read = (given: Properties) => producerProperties({ ...servers, ...given }, silentLogger)['enable.idempotence']
  expect([read({}), read({ acks: 1 }), read({ retries: 0 })]).toEqual([true, false, false])
})

test('an unknown name is warned of, and one of another client is not', () => {
  const warned: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void warned.push(message) }
  producerProperties({ ...servers, 'group.id': 'g', lingerMs: 5 }, logger)
  expect(warned).toEqual(["These configurations '[lingerMs]' were supplied but are not used yet."])
})

test('names of librdkafka and values in another case are taken', () => {
  const given = { ...servers, 'sasl.username': 'alice', 'security.protocol': 'sasl_ssl' }
  expect(nodeProperties(given).network).toMatchObject({ 'sasl.username': 'alice', 'security.protocol': 'SASL_SSL' })
})

test('clients name themselves as Java’s do', () => {
  const producer = producerProperties({ ...servers, 'transactional.id': 'tx' }, silentLogger)
  const consumer = consumerProperties({ ...servers, 'group.id': 'g', 'group.instance.id': 'i' }, silentLogger)
  expect([producer['client.id'], consumer['client.id']]).toEqual(['producer-tx', 'consumer-g-i'])
})

test('the generated definitions are what the generator makes', () => {
  const root = join(import.meta.dirname, '../../../..')
  expect(readFileSync(join(root, clientConfigTarget), 'utf8')).toBe(
    generateClientConfigs(join(root, 'libs/config/schema')),
  )
})
