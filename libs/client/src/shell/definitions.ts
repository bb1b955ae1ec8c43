/** Checks one property as Kafka's ConfigDef does, in the words of its ConfigException. */
import { parseValue, type ConfigDefinition, type ConfigType, type ConfigValue } from '@troupe/config/definitions'
import { adminRows, commonRows, consumerRows, producerRows } from './generated/properties.ts'
import { KafkaError } from './errors.ts'
import type { Property } from './property.ts'

export type ClientKind = 'producer' | 'consumer' | 'admin'

const REQUIRED = '<required>'

function table(own: typeof commonRows): ReadonlyMap<string, ConfigDefinition> {
  return new Map(
    [...commonRows, ...own].map(([name, type, value, valid]) => [
      name,
      { name, type: type as ConfigType, default: value, valid, importance: '' },
    ]),
  )
}

export const clientDefinitions: Readonly<Record<ClientKind, ReadonlyMap<string, ConfigDefinition>>> = {
  producer: table(producerRows),
  consumer: table(consumerRows),
  admin: table(adminRows),
}

/** Of some kind of client. */
export function isKnown(name: string): boolean {
  return Object.values(clientDefinitions).some((known) => known.has(name))
}

export function configError(name: string, value: unknown, why: string): KafkaError {
  return new KafkaError('ConfigException', `Invalid value ${String(value)} for configuration ${name}: ${why}`)
}

/** The value as its type has it; throws a ConfigException. */
export function valueOf(definition: ConfigDefinition, given: Property): ConfigValue | object {
  const { name, type } = definition
  if (given === null || given === undefined) return defaultOf(definition)
  if (type === 'CLASS' && (typeof given === 'function' || typeof given === 'object')) return given
  const text = Array.isArray(given) ? given.join(',') : String(given)
  // A password is what it is, blanks included; PEM texts are such passwords.
  if (type === 'PASSWORD') return text
  const typed = parseValue({ ...definition, valid: null }, text)
  if ('problem' in typed) throw configError(name, text, typeProblem(type))
  const valid = parseValue(definition, text)
  if ('problem' in valid) throw configError(name, text, rangeProblem(definition.valid!, typed.value))
  return typed.value
}

export function defaultOf(definition: ConfigDefinition): ConfigValue {
  const { name, default: text } = definition
  if (text === null || name.endsWith('serializer')) return null
  if (text === REQUIRED)
    throw new KafkaError('ConfigException', `Missing required configuration "${name}" which has no default value.`)
  const parsed = parseValue({ ...definition, valid: null }, text)
  return 'value' in parsed ? parsed.value : null
}

function typeProblem(type: ConfigType): string {
  return type === 'BOOLEAN' ? 'Expected value to be either true or false' : `Not a number of type ${type}`
}

function rangeProblem(valid: string, value: ConfigValue): string {
  if (typeof value === 'number') {
    const [, low, high] = /^\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\]/.exec(valid)!
    return value < Number(low) ? `Value must be at least ${low}` : `Value must be no more than ${high}`
  }
  if (valid.startsWith('non-empty')) return 'String must be non-empty'
  const [, folded, choices] = /^(\(case insensitive\) )?\[(.*)\]$/.exec(valid) ?? [null, undefined, valid]
  return `String must be one of${folded ? ' (case insensitive)' : ''}: ${choices}`
}
