/**
 * Properties as the core takes them: every one parsed and checked by Kafka's definitions, and what Kafka's clients
 * refuse in combination refused here. Source: ProducerConfig, ConsumerConfig, CommonClientConfigs.
 */
import { adminDefaults, networkDefaults, producerDefaults } from '../config.ts'
import type { AdminProperties, NetworkProperties, ProducerProperties } from '../config.ts'
import { consumerDefaults, type ConsumerProperties } from '../consumer/config.ts'
import { resetTarget } from '../consumer/reset-policy.ts'
import { clientDefinitions, configError, isKnown, valueOf, type ClientKind } from './definitions.ts'
import { KafkaError } from './errors.ts'
import { silentLogger, type Logger } from './logger.ts'
import type { Properties } from './property.ts'

/** By name, defaults included: numbers, booleans, texts, lists. */
export type Values = Readonly<Record<string, unknown>>

const CLASSES = 'org.apache.kafka.clients.consumer.'

/** Instead of a login module in `sasl.jaas.config`. */
const librdkafkaNames: readonly string[] = ['sasl.username', 'sasl.password']

/** Every property of this kind of client. Names that no client of Kafka has are warned of. */
function parse(kind: ClientKind, given: Properties, logger: Logger): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const definition of clientDefinitions[kind].values()) {
    values[definition.name] = valueOf(definition, given[definition.name])
  }
  for (const name of librdkafkaNames) if (isGiven(given, name)) values[name] = String(given[name])
  values['security.protocol'] = String(values['security.protocol']).toUpperCase()
  for (const name of Object.keys(given)) {
    if (!isKnown(name) && !librdkafkaNames.includes(name))
      logger.warn(`These configurations '[${name}]' were supplied but are not used yet.`, { name })
  }
  checkServers(values)
  return values
}

const isGiven = (given: Properties, name: string): boolean => given[name] !== undefined && given[name] !== null

function refuse(message: string): never {
  throw new KafkaError('ConfigException', message)
}

function checkServers(values: Values): void {
  const servers = values['bootstrap.servers'] as readonly string[]
  if (servers.filter((server) => server !== '').length === 0)
    refuse('No resolvable bootstrap urls given in bootstrap.servers')
  for (const server of servers) {
    const [, port] = /^(?:[\w+]+:\/\/)?(?:\[[\da-fA-F:.%]+\]|[^\s:[\]]+):(\d+)$/.exec(server) ?? []
    if (port === undefined || Number(port) > 65_535) throw configError('bootstrap.servers', server, 'Invalid url')
  }
}

/** Those that the core reads of `values`. */
function pick<T extends object>(defaults: T, values: Values): T {
  const picked = { ...defaults } as Record<string, unknown>
  for (const name of Object.keys(defaults)) if (values[name] !== undefined) picked[name] = values[name]
  return picked as T
}

// --- what a node of its own needs

/** The producer counts its own requests; for the others a connection's limit is no property. */
const inFlight = 'max.in.flight.requests.per.connection'

export interface NodeValues {
  readonly network: NetworkProperties & Values
  readonly admin: AdminProperties
}

/** For the actors that all clients of a node share. Properties of other programs (a pipeline's) are passed over. */
export function nodeProperties(given: Properties, kind: ClientKind = 'admin'): NodeValues {
  const values = parse(kind, given, silentLogger)
  const secrets = Object.entries(values).filter(([name]) => /^(sasl|ssl|security)\./.test(name))
  return {
    network: { ...pick(networkDefaults, { ...values, [inFlight]: undefined }), ...Object.fromEntries(secrets) },
    admin: pick(adminDefaults, values),
  }
}

// --- producer

let producers = 0

export function producerProperties(given: Properties, logger: Logger): ProducerProperties & Values {
  const values = parse('producer', given, logger)
  values.acks = values.acks === 'all' ? -1 : Number(values.acks)
  values['enable.idempotence'] = idempotence(values, given, logger)
  values['delivery.timeout.ms'] = deliveryTimeout(values, given, logger)
  if (values['transactional.id'] !== null && values['enable.idempotence'] === false)
    refuse('Cannot set a transactional.id without also enabling idempotence.')
  if (values['transaction.two.phase.commit.enable'] === true)
    refuse('Cannot set transaction.two.phase.commit.enable: brokers without KIP-939 complete no prepared transaction.')
  if (values['client.id'] === '') values['client.id'] = `producer-${values['transactional.id'] ?? ++producers}`
  return { ...values, ...pick(producerDefaults, values) }
}

/** On by default; a property that excludes it turns it off, unless it was asked for. */
function idempotence(values: Values, given: Properties, logger: Logger): boolean {
  if (values['enable.idempotence'] === false) return false
  const asked = isGiven(given, 'enable.idempotence')
  if (values.retries === 0) {
    if (asked) refuse('Must set retries to non-zero when using the idempotent producer.')
    logger.info('Idempotence will be disabled because retries is set to 0.')
    return false
  }
  if (values.acks !== -1) {
    if (asked)
      refuse('Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.')
    logger.info(`Idempotence will be disabled because acks is set to ${String(values.acks)}, not set to 'all'.`)
    return false
  }
  if ((values['max.in.flight.requests.per.connection'] as number) > 5)
    refuse('Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.')
  return true
}

function deliveryTimeout(values: Values, given: Properties, logger: Logger): number {
  const [delivery, linger, request] = ['delivery.timeout.ms', 'linger.ms', 'request.timeout.ms'].map(
    (name) => values[name] as number,
  ) as [number, number, number]
  if (delivery >= linger + request) return delivery
  const should = 'delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms'
  if (isGiven(given, 'delivery.timeout.ms')) refuse(should)
  logger.warn(`${should}. Setting it to ${linger + request}.`)
  return linger + request
}

// --- consumer

let consumers = 0

export function consumerProperties(
  given: Properties,
  logger: Logger,
  ownAssignors: readonly string[] = [],
): ConsumerProperties & Values {
  const values = parse('consumer', given, logger)
  const group = values['group.id'] as string | null
  values['enable.auto.commit'] = autoCommit(values, given, group)
  if (String(values['group.protocol']).toLowerCase() === 'consumer')
    refuse('group.protocol=consumer (KIP-848) is not supported by this client; use classic')
  checkReset(String(values['auto.offset.reset']))
  values['partition.assignment.strategy'] = strategies(
    values['partition.assignment.strategy'] as string[],
    ownAssignors,
  )
  if ((values['heartbeat.interval.ms'] as number) >= (values['session.timeout.ms'] as number))
    throw new KafkaError('IllegalArgumentException', 'Heartbeat must be set lower than the session timeout')
  if (values['client.id'] === '')
    values['client.id'] = `consumer-${group ?? 'null'}-${values['group.instance.id'] ?? ++consumers}`
  return { ...values, ...pick(consumerDefaults, values) }
}

function checkReset(policy: string): void {
  try {
    resetTarget(policy, 0)
  } catch {
    const choices = 'earliest, latest, none or by_duration:<a positive ISO-8601 duration>'
    throw configError('auto.offset.reset', policy, `String must be one of: ${choices}`)
  }
}

function autoCommit(values: Values, given: Properties, group: string | null): boolean {
  if (group !== null) return values['enable.auto.commit'] === true
  if (isGiven(given, 'enable.auto.commit') && values['enable.auto.commit'] === true)
    throw new KafkaError(
      'InvalidConfigurationException',
      'enable.auto.commit cannot be set to true when default group id (null) is used.',
    )
  return false
}

const assignors = ['range', 'roundrobin', 'sticky', 'cooperative-sticky']
const assignorClasses = ['RangeAssignor', 'RoundRobinAssignor', 'StickyAssignor', 'CooperativeStickyAssignor']

/** Java's classes, or the assignors' own names, or those of the application. */
function strategies(given: readonly string[], own: readonly string[]): string[] {
  const names = given.map((text) => {
    const name = text.replace(/^class /, '')
    const known = assignorClasses.indexOf(name.replace(CLASSES, ''))
    if (known >= 0) return assignors[known]!
    if (assignors.includes(name) || own.includes(name)) return name
    throw new KafkaError('KafkaException', `${name} ClassNotFoundException exception occurred`)
  })
  if (names.length === 0) throw configError('partition.assignment.strategy', '[]', 'must have at least one assignor')
  return names
}

// --- admin

let admins = 0

export function adminProperties(given: Properties, logger: Logger): AdminProperties & Values {
  const values = parse('admin', given, logger)
  if (values['client.id'] === '') values['client.id'] = `adminclient-${++admins}`
  return { ...values, ...pick(adminDefaults, values) }
}
