/**
 * From texts to values: the broker's configuration from its properties, a topic's from the broker's and its overrides.
 *
 * Precedence as in Kafka: topic value, then the first broker synonym that was set (`ms` before `minutes` before
 * `hours`), then Kafka's default.
 */
import { definitions, parseValue, topicSynonyms, type ConfigDefinition, type ConfigValue } from './definitions.ts'
import type { BrokerProperties, TopicProperties } from './generated/definitions.ts'

/** Frozen values by property name; `given` are the texts that were set explicitly. */
export type BrokerConfig = Readonly<BrokerProperties> & { readonly given: ReadonlyMap<string, string> }
export type TopicConfig = Readonly<TopicProperties>

export interface ResolvedBroker {
  readonly config: BrokerConfig
  /** One line for each property that Kafka does not know. */
  readonly warnings: readonly string[]
  /** One line for each value that is not allowed: property, value and what is. */
  readonly errors: readonly string[]
}

export function resolveBrokerConfig(properties: ReadonlyMap<string, string>): ResolvedBroker {
  const warnings: string[] = []
  const errors: string[] = []
  const values: Record<string, ConfigValue> = {}
  for (const definition of definitions.broker.values()) values[definition.name] = defaultOf(definition)
  for (const [name, text] of properties) {
    const definition = definitions.broker.get(name)
    if (!definition) {
      if (!isScoped(name)) warnings.push(`unknown property ${name} is ignored`)
      continue
    }
    const parsed = parseValue(definition, text)
    if ('problem' in parsed) errors.push(`invalid value ${text} for property ${name}: ${parsed.problem}`)
    else values[name] = parsed.value
  }
  return { config: Object.freeze({ ...values, given: properties }) as BrokerConfig, warnings, errors }
}

/** `listener.name.x.…`, and prefixes that plug-ins own: Kafka passes them on without a definition. */
function isScoped(name: string): boolean {
  return /^(listener\.name|group\.coordinator|metrics|client\.quota|config\.providers)\./.test(name)
}

function defaultOf(definition: ConfigDefinition): ConfigValue {
  if (definition.default === null) return null
  const parsed = parseValue({ ...definition, valid: null }, definition.default)
  return 'value' in parsed ? parsed.value : null
}

export function resolveTopicConfig(broker: BrokerConfig, overrides: ReadonlyMap<string, string>): TopicConfig {
  const values: Record<string, ConfigValue> = {}
  for (const definition of definitions.topic.values()) {
    values[definition.name] = topicValue(definition, broker, overrides)
  }
  return values as unknown as TopicConfig
}

function topicValue(
  definition: ConfigDefinition,
  broker: BrokerConfig,
  overrides: ReadonlyMap<string, string>,
): ConfigValue {
  const text = overrides.get(definition.name)
  if (text !== undefined) {
    const parsed = parseValue(definition, text)
    if ('value' in parsed) return parsed.value
  }
  const source = synonymOf(definition.name, broker)
  if (!source) return defaultOf(definition)
  const value = broker[source.property as keyof BrokerProperties] as ConfigValue
  return typeof value === 'number' && value >= 0 ? value * source.factor : value
}

/** The broker property that supplies a topic's value when the topic sets none: the first one set, else the first with a default. */
export function synonymOf(topicProperty: string, broker: BrokerConfig): { property: string; factor: number } | null {
  const synonyms = topicSynonyms.get(topicProperty) ?? []
  const chosen =
    synonyms.find(([property]) => broker.given.has(property)) ??
    synonyms.find(([property]) => broker[property as keyof BrokerProperties] !== null)
  return chosen ? { property: chosen[0], factor: chosen[1] } : null
}

/** The first thing wrong with a topic's overrides in Kafka's wording, or null. */
export function validateTopicConfig(overrides: ReadonlyMap<string, string>): string | null {
  return validate(definitions.topic, overrides, 'topic') ?? contradiction(overrides)
}

/** Values that are good alone and not together, or not in this broker. Source: Kafka's LogConfig.validate. */
function contradiction(overrides: ReadonlyMap<string, string>): string | null {
  const least = Number(overrides.get('min.compaction.lag.ms') ?? 0)
  const most = Number(overrides.get('max.compaction.lag.ms') ?? Infinity)
  if (least > most) return `max.compaction.lag.ms (${most}) is below min.compaction.lag.ms (${least})`
  if (overrides.get('remote.storage.enable')?.trim().toLowerCase() === 'true') {
    return 'remote.storage.enable: there is no tiered storage in this broker'
  }
  return null
}

export function validateGroupConfig(overrides: ReadonlyMap<string, string>): string | null {
  return validate(definitions.group, overrides, 'group')
}

/** Dynamic broker properties: known and well-formed. */
export function validateBrokerConfig(overrides: ReadonlyMap<string, string>): string | null {
  return validate(definitions.broker, overrides, 'broker')
}

function validate(
  table: ReadonlyMap<string, ConfigDefinition>,
  overrides: ReadonlyMap<string, string>,
  what: string,
): string | null {
  for (const [name, text] of overrides) {
    const definition = table.get(name)
    if (!definition) return `Unknown ${what} config name: ${name}`
    const parsed = parseValue(definition, text)
    if ('problem' in parsed) return `Invalid value ${text} for configuration ${name}: ${parsed.problem}`
  }
  return null
}
