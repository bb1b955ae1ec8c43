/**
 * `run`'s properties: Kafka Streams' own, and those of its clients with Streams' prefixes (`consumer.`, `main.consumer.`,
 * `restore.consumer.`, `producer.`, `admin.`) or without. Source: StreamsConfig.
 */
import { consumerProperties, nodeProperties, producerProperties } from '@troupe/client/shell/properties'
import { KafkaError } from '@troupe/client/shell/errors'
import type { Logger } from '@troupe/client/shell/logger'
import type { Properties, Property } from '@troupe/client/shell/property'
import { ASSIGNOR } from '../thread/assignor.ts'
import { pipelineDefaults, type ExceptionHandler, type PipelineProperties } from '../thread/config.ts'
import type { PipelineThreadArgs } from '../thread/messages.ts'

export interface RunProperties {
  readonly config: PipelineProperties
  readonly threads: number
  /** Of a thread's node and its clients, by the thread's number. */
  node(thread: string): Properties
  clients(thread: string): Pick<PipelineThreadArgs, 'consumer' | 'restoreConsumer' | 'producer' | 'admin'>
}

/** Of Streams alone: no client knows them. */
const own: readonly string[] = [
  ...Object.keys(pipelineDefaults),
  'application.id',
  'application.server',
  'num.stream.threads',
  'state.dir',
  'task.timeout.ms',
  'topology.optimization',
]
const prefixes = ['main.consumer.', 'restore.consumer.', 'global.consumer.', 'consumer.', 'producer.', 'admin.']

const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} }

export function runProperties(given: Properties, applicationId: string, logger: Logger): RunProperties {
  const config = pipelineProperties(given)
  const shared = without(given)
  const exactlyOnce = config['processing.guarantee'] === 'exactly_once_v2'
  const clientId = String(given['client.id'] ?? applicationId)
  const named = (thread: string, role: string): Properties => ({
    ...shared,
    'client.id': `${clientId}-${thread}${role}`,
  })
  const consumer = (thread: string, role: string, prefix: string): Properties => ({
    'auto.offset.reset': 'earliest',
    'max.poll.records': 1000,
    ...named(thread, role),
    ...prefixed(given, 'consumer.'),
    ...prefixed(given, prefix),
    'group.id': applicationId,
    'enable.auto.commit': false,
    'partition.assignment.strategy': ASSIGNOR,
  })
  const producer = (thread: string): Properties => ({
    'linger.ms': 100,
    ...(exactlyOnce ? { 'transaction.timeout.ms': 10_000 } : {}),
    ...named(thread, '-producer'),
    ...prefixed(given, 'producer.'),
    ...(exactlyOnce ? { 'transactional.id': `${applicationId}-${thread}` } : {}),
  })
  const clients: RunProperties['clients'] = (thread) => ({
    consumer: consumerProperties(consumer(thread, '-consumer', 'main.consumer.'), silent, [ASSIGNOR]),
    restoreConsumer: consumerProperties(consumer(thread, '-restore-consumer', 'restore.consumer.'), silent, [ASSIGNOR]),
    producer: producerProperties(producer(thread), silent),
    admin: nodeProperties({ ...named(thread, '-admin'), ...prefixed(given, 'admin.') }).admin,
  })
  // What is wrong is said before anything starts.
  consumerProperties(consumer('check', '', 'main.consumer.'), logger, [ASSIGNOR])
  producerProperties(producer('check'), silent)
  return { config, threads: threadsOf(given), node: (thread) => named(thread, ''), clients }
}

function without(given: Properties): Record<string, Property> {
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => !own.includes(name) && !prefixes.some((each) => name.startsWith(each))),
  )
}

function prefixed(given: Properties, prefix: string): Record<string, Property> {
  const named = Object.entries(given).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(named.map(([name, value]) => [name.slice(prefix.length), value]))
}

function threadsOf(given: Properties): number {
  const threads = Number(given['num.stream.threads'] ?? 1)
  return Number.isInteger(threads) && threads > 0
    ? threads
    : refuse('num.stream.threads', threads, 'not a number above 0')
}

function refuse(name: string, value: unknown, why: string): never {
  throw new KafkaError('ConfigException', `Invalid value ${String(value)} for configuration ${name}: ${why}`)
}

function pipelineProperties(given: Properties): PipelineProperties {
  const config: Record<string, unknown> = { ...pipelineDefaults }
  for (const [name, otherwise] of Object.entries(pipelineDefaults)) {
    const value = given[name]
    if (value === undefined || value === null) continue
    config[name] = typed(name, value, otherwise)
  }
  const parsed = config as PipelineProperties
  const wantsTopic = handlers.some((name) => parsed[name] === 'dead-letter')
  if (wantsTopic && parsed['errors.dead.letter.queue.topic.name'] === null)
    refuse('errors.dead.letter.queue.topic.name', null, 'a handler writes dead letters, and has no topic for them')
  return parsed
}

const handlers = [
  'deserialization.exception.handler',
  'processing.exception.handler',
  'production.exception.handler',
] as const

function typed(name: string, value: Property, otherwise: unknown): unknown {
  if (name === 'processing.guarantee') return guarantee(String(value))
  if ((handlers as readonly string[]).includes(name)) return handler(name, String(value))
  if (name === 'errors.dead.letter.queue.topic.name') return String(value)
  const number = Number(value)
  if (!Number.isInteger(number)) refuse(name, value, `Not a number of type ${typeof otherwise}`)
  return number
}

function guarantee(value: string): PipelineProperties['processing.guarantee'] {
  if (value === 'at_least_once' || value === 'exactly_once_v2') return value
  return refuse('processing.guarantee', value, 'String must be one of: at_least_once, exactly_once_v2')
}

/** Ours by their names, Java's by their classes. */
function handler(name: string, value: string): ExceptionHandler {
  if (value === 'fail' || value === 'continue' || value === 'dead-letter') return value
  if (/LogAndFail\w*|DefaultProductionExceptionHandler$/.test(value)) return 'fail'
  if (/LogAndContinue\w*$/.test(value)) return 'continue'
  return refuse(name, value, 'String must be one of: fail, continue, dead-letter')
}
