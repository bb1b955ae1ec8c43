/**
 * From properties to what each broker is started with: defaults for one host, listeners and ports, directories.
 *
 * `listeners` names the first broker's ports; broker i listens i − 1 further on. `log.dirs` is the parent of all
 * brokers' directories. Whatever is set explicitly wins over a default made here.
 */
import { isAbsolute, join, resolve } from 'node:path'
import { networkInterfaces } from 'node:os'
import { definitions, resolveBrokerConfig, type BrokerConfig } from '@troupe/config'
import type { ListenerAddress } from './sockets.ts'
import { reportLevels, type ReportLevel } from './control.ts'

export interface Settings {
  readonly brokers: number
  readonly adminPort: number
  readonly watchdogMs: number
  readonly level: ReportLevel
  /** Parent of the brokers' directories. */
  readonly directory: string
  readonly warnings: readonly string[]
  config(broker: number): BrokerConfig
  listeners(broker: number): ListenerAddress[]
  advertised(broker: number): ListenerAddress[]
}

/** The start is refused; the message has a line for each thing that is wrong. */
export class InvalidSettings extends Error {}

/** Properties of the shell itself, beside those that the brokers see. */
const shellProperties = {
  'troupe.watchdog.ms': { default: 15_000, least: 100 },
} as const

export const defaultDirectory = join('data', 'troupe')
const defaultListeners = 'PLAINTEXT://127.0.0.1:9092'

export function resolveSettings(given: ReadonlyMap<string, string>): Settings {
  const errors: string[] = []
  const brokers = quickNumber(given, 'troupe.brokers')
  const shell = takeShellProperties(given, errors)
  const base = withDefaults(shell.rest, brokers)
  const first = resolveBrokerConfig(base)
  errors.push(...first.errors)
  const warnings = [...first.warnings]
  const listeners = parseListeners(base, 'listeners', errors, warnings)
  const advertised = base.has('advertised.listeners') ? parseListeners(base, 'advertised.listeners', errors, []) : null
  checkPorts(listeners, brokers, errors)
  checkAdvertised(listeners, advertised, errors)
  if (errors.length > 0) throw new InvalidSettings(errors.join('\n'))
  const directory = dataDirectory(base, warnings)
  const settings = { brokers, directory, warnings, ...shell.values, adminPort: first.config['troupe.admin.port'] }
  return {
    ...settings,
    config: (broker) => configOf(broker, base, directory, listeners, advertised),
    listeners: (broker) => shifted(listeners, broker),
    advertised: (broker) => advertisedOf(broker, listeners, advertised),
  }
}

/** Before anything is parsed properly: the number of workers to start. What is wrong with it is found out later. */
export function quickNumber(given: ReadonlyMap<string, string>, name: string): number {
  const definition = definitions.broker.get(name)!
  const value = Number(given.get(name) ?? definition.default)
  return Number.isInteger(value) && value >= 1 && value <= 64 ? value : 1
}

function takeShellProperties(given: ReadonlyMap<string, string>, errors: string[]) {
  const rest = new Map(given)
  const { default: fallback, least } = shellProperties['troupe.watchdog.ms']
  const text = rest.get('troupe.watchdog.ms')
  const watchdogMs = text === undefined ? fallback : Number(text)
  if (!Number.isInteger(watchdogMs) || watchdogMs < least) {
    errors.push(`invalid value ${text} for property troupe.watchdog.ms: allowed is [${least},...]`)
  }
  const level = (rest.get('troupe.log.level') ?? 'info') as ReportLevel
  if (!reportLevels.includes(level)) {
    errors.push(`invalid value ${level} for property troupe.log.level: allowed is ${reportLevels.join(', ')}`)
  }
  rest.delete('troupe.watchdog.ms')
  rest.delete('troupe.log.level')
  return { rest, values: { watchdogMs, level } }
}

/** What makes transactions and groups work at once on one host. */
function withDefaults(given: ReadonlyMap<string, string>, brokers: number): Map<string, string> {
  const replicas = String(Math.min(3, brokers))
  const minIsr = String(Math.min(2, brokers))
  return new Map([
    ['offsets.topic.replication.factor', replicas],
    ['transaction.state.log.replication.factor', replicas],
    ['transaction.state.log.min.isr', minIsr],
    ['share.coordinator.state.topic.replication.factor', replicas],
    ['share.coordinator.state.topic.min.isr', minIsr],
    ['group.initial.rebalance.delay.ms', '0'],
    ['listeners', defaultListeners],
    ...given,
  ])
}

function dataDirectory(properties: ReadonlyMap<string, string>, warnings: string[]): string {
  const text = properties.get('log.dirs') ?? properties.get('log.dir') ?? defaultDirectory
  const [first = defaultDirectory, ...others] = text.split(',').map((path) => path.trim())
  if (others.length > 0) warnings.push(`log.dirs: only the first directory is used, not ${others.join(', ')}`)
  return isAbsolute(first) ? first : resolve(first)
}

export function brokerDirectory(directory: string, broker: number): string {
  return join(directory, `broker-${broker}`)
}

function parseListeners(
  properties: ReadonlyMap<string, string>,
  property: string,
  errors: string[],
  warnings: string[],
): ListenerAddress[] {
  const protocols = protocolMap(properties.get('listener.security.protocol.map'))
  const ofController = new Set(list(properties.get('controller.listener.names')))
  const listeners: ListenerAddress[] = []
  for (const text of list(properties.get(property))) {
    const parts = /^([A-Za-z0-9_.-]+):\/\/(\[[0-9a-fA-F:.%]+\]|[^:/[\]]*):(\d{1,5})$/.exec(text)
    const refuse = (allowed: string): number =>
      errors.push(`invalid value ${text} for property ${property}: ${allowed}`)
    if (parts === null || Number(parts[3]) > 65_535) {
      refuse('allowed is NAME://host:port, port 0 to 65535')
      continue
    }
    const name = parts[1]!.toUpperCase()
    if (ofController.has(name)) {
      warnings.push(`${property}: ${text} is not opened, the metadata quorum talks inside the process`)
      continue
    }
    const protocol = protocols.get(name) ?? name
    if (protocol !== 'PLAINTEXT') {
      refuse(`its security protocol is ${protocol}, allowed is PLAINTEXT`)
      continue
    }
    if (listeners.some((other) => other.name === name)) refuse(`listener ${name} is there twice`)
    listeners.push({ name, host: parts[2]!.replace(/^\[|\]$/g, ''), port: Number(parts[3]) })
  }
  if (listeners.length === 0 && errors.length === 0) {
    errors.push(`invalid value ${properties.get(property)} for property ${property}: allowed is at least one listener`)
  }
  return listeners
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function protocolMap(text: string | undefined): Map<string, string> {
  const pairs = list(text).map((pair): [string, string] => {
    const at = pair.indexOf(':')
    return [pair.slice(0, at).toUpperCase(), pair.slice(at + 1).toUpperCase()]
  })
  return new Map(pairs)
}

/** Listeners of one broker must not take the ports of another's. */
function checkPorts(listeners: readonly ListenerAddress[], brokers: number, errors: string[]): void {
  const taken = new Map<number, string>()
  for (const { name, port } of listeners) {
    for (let broker = 1; port !== 0 && broker <= brokers; broker++) {
      const number = port + broker - 1
      const other = taken.get(number)
      if (number > 65_535)
        errors.push(`invalid value ${port} for property listeners: broker ${broker} would need port ${number}`)
      else if (other !== undefined) {
        errors.push(
          `invalid value ${port} for property listeners: broker ${broker}'s ${name} and ${other} need port ${number}`,
        )
      } else taken.set(number, `broker ${broker}'s ${name}`)
    }
  }
}

function checkAdvertised(
  listeners: readonly ListenerAddress[],
  advertised: readonly ListenerAddress[] | null,
  errors: string[],
): void {
  for (const { name, host, port } of advertised ?? []) {
    const value = `${name}://${host}:${port}`
    if (!listeners.some((listener) => listener.name === name)) {
      errors.push(
        `invalid value ${value} for property advertised.listeners: allowed are listeners that listeners names`,
      )
    }
    if (host === '0.0.0.0' || host === '::') {
      errors.push(
        `invalid value ${value} for property advertised.listeners: allowed is an address that clients can reach`,
      )
    }
  }
}

function shifted(listeners: readonly ListenerAddress[], broker: number): ListenerAddress[] {
  return listeners.map((listener) => ({ ...listener, port: listener.port === 0 ? 0 : listener.port + broker - 1 }))
}

/** In the order of the listeners; port 0 stands for the one that is bound. */
function advertisedOf(
  broker: number,
  listeners: readonly ListenerAddress[],
  advertised: readonly ListenerAddress[] | null,
): ListenerAddress[] {
  return shifted(listeners, broker).map((listener) => {
    const explicit = advertised?.find(({ name }) => name === listener.name)
    if (explicit !== undefined) return shifted([explicit], broker)[0]!
    return { ...listener, host: reachableHost(listener.host) }
  })
}

/** Of a listener on all addresses, clients are told one. */
function reachableHost(host: string): string {
  if (host !== '' && host !== '0.0.0.0' && host !== '::') return host
  for (const addresses of Object.values(networkInterfaces())) {
    const outside = addresses?.find(({ internal, family }) => !internal && family === 'IPv4')
    if (outside !== undefined) return outside.address
  }
  return '127.0.0.1'
}

function configOf(
  broker: number,
  base: ReadonlyMap<string, string>,
  directory: string,
  listeners: readonly ListenerAddress[],
  advertised: readonly ListenerAddress[] | null,
): BrokerConfig {
  const text = (addresses: readonly ListenerAddress[]): string =>
    addresses.map(({ name, host, port }) => `${name}://${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  const own = new Map(base)
  own.set('node.id', String(broker))
  own.set('log.dirs', brokerDirectory(directory, broker))
  own.set('listeners', text(shifted(listeners, broker)))
  if (advertised !== null) own.set('advertised.listeners', text(shifted(advertised, broker)))
  return resolveBrokerConfig(own).config
}
