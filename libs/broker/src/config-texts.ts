/**
 * Properties as DescribeConfigs shows them: the text in force, where it comes from, and what it would otherwise be.
 *
 * Source: Kafka's ConfigHelper and DynamicBrokerConfig.brokerConfigSynonyms.
 */
import type { ClusterView } from '@troupe/actor'
import { definitions, topicSynonyms, type BrokerConfig, type ConfigDefinition } from '@troupe/config'
import { configSources, configTypes, isDynamic } from './config-resources.ts'

export interface ConfigText {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly configType: number
  readonly synonyms: readonly ConfigText[]
}

export interface ConfigLayers {
  readonly cluster: ClusterView
  readonly config: BrokerConfig
  readonly broker: number
}

/** `minutes` and `hours` stand behind `ms`. */
const coarser: Readonly<Record<string, readonly string[]>> = {
  'log.roll.ms': ['log.roll.ms', 'log.roll.hours'],
  'log.roll.jitter.ms': ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  'log.flush.interval.ms': ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  'log.retention.ms': ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
}

/** How the definitions say that there is no default. */
const REQUIRED = '<required>'

export const ofTopics = new Set([...topicSynonyms.values()].map(([[first]]) => first))

/** All texts of a broker property and its synonyms, the one in force first. */
function brokerTexts({ cluster, config, broker }: ConfigLayers, property: string): ConfigText[] {
  const names = coarser[property] ?? [property]
  const texts: ConfigText[] = []
  const layer = (values: (name: string) => string | null | undefined, source: number): void => {
    for (const name of names) {
      const value = values(name)
      if (value !== undefined && value !== null) texts.push({ name, value, source })
    }
  }
  const own = cluster.configs('broker', String(broker))
  const everywhere = cluster.configs('broker', '')
  layer((name) => own.get(name), configSources.DYNAMIC_BROKER)
  layer((name) => everywhere.get(name), configSources.DYNAMIC_DEFAULT_BROKER)
  layer((name) => config.given.get(name), configSources.STATIC_BROKER)
  const preset = definitions.broker.get(property)?.default ?? null
  if (preset !== null && preset !== REQUIRED)
    texts.push({ name: property, value: preset, source: configSources.DEFAULT })
  return texts
}

/** Kafka defines these for its own tests and experiments. */
const hidden = new Set([
  'controller.performance.always.log.threshold.ms',
  'controller.performance.sample.period.ms',
  'group.consumer.regex.refresh.interval.ms',
  'group.share.initialize.retry.interval.ms',
  'group.share.persister.class.name',
  'log.initial.task.delay.ms',
  'producer.id.expiration.check.interval.ms',
  'remote.log.index.file.cache.ttl.ms',
  'remote.log.manager.task.retry.backoff.max.ms',
  'remote.log.manager.task.retry.backoff.ms',
  'remote.log.manager.task.retry.jitter',
  'server.max.startup.time.ms',
  'share.coordinator.cold.partition.snapshot.interval.ms',
  'share.coordinator.state.topic.prune.interval.ms',
  'unclean.leader.election.interval.ms',
  'unstable.api.versions.enable',
  'unstable.feature.versions.enable',
])

/** Properties that are not for users are not shown, unless somebody has set them. */
function shown(
  all: ReadonlyMap<string, ConfigDefinition>,
  given: ReadonlyMap<string, unknown> = new Map(),
): ConfigDefinition[] {
  return [...all.values()].filter(({ name }) => given.has(name) || (!name.startsWith('internal.') && !hidden.has(name)))
}

export function brokerEntries(layers: ConfigLayers): ConfigEntry[] {
  return shown(definitions.broker, layers.config.given).map((definition) =>
    entry(definition, brokerTexts(layers, definition.name), !isDynamic(definition.name, ofTopics)),
  )
}

/** What was set for all brokers at run time. */
export function brokerDefaultEntries({ cluster }: ConfigLayers): ConfigEntry[] {
  return [...cluster.configs('broker', '')].map(([name, value]) => {
    const definition = definitions.broker.get(name) ?? unknown(name)
    return entry(definition, [{ name, value, source: configSources.DYNAMIC_DEFAULT_BROKER }], false)
  })
}

export function topicEntries(layers: ConfigLayers, topic: string): ConfigEntry[] {
  const overrides = layers.cluster.configs('topic', topic)
  return shown(definitions.topic).map((definition) => {
    const { name } = definition
    const texts: ConfigText[] = []
    const value = overrides.get(name)
    if (value !== undefined) texts.push({ name, value, source: configSources.TOPIC })
    const [first] = topicSynonyms.get(name) ?? []
    if (first) texts.push(...brokerTexts(layers, first[0]))
    return entry(definition, texts, false, factorOf(name, texts[0]))
  })
}

export function groupEntries(layers: ConfigLayers, group: string): ConfigEntry[] {
  const overrides = layers.cluster.configs('group', group)
  return [...definitions.group.values()].map((definition) => {
    const { name } = definition
    const texts: ConfigText[] = []
    const value = overrides.get(name)
    if (value !== undefined) texts.push({ name, value, source: configSources.GROUP })
    const ofBroker = `group.${name}`
    if (definitions.broker.has(ofBroker)) texts.push(...brokerTexts(layers, ofBroker))
    return entry(definition, texts, false)
  })
}

export function clientMetricsEntries({ cluster }: ConfigLayers, name: string): ConfigEntry[] {
  return [...cluster.configs('client-metrics', name)].map(([property, value]) => ({
    name: property,
    value,
    readOnly: false,
    configSource: configSources.CLIENT_METRICS,
    isSensitive: false,
    configType: 0,
    synonyms: [],
  }))
}

/** Milliseconds in one unit of the synonym that supplies a topic's value. */
function factorOf(topicProperty: string, inForce: ConfigText | undefined): number {
  const synonym = topicSynonyms.get(topicProperty)?.find(([name]) => name === inForce?.name)
  return synonym?.[1] ?? 1
}

function entry(definition: ConfigDefinition, texts: readonly ConfigText[], readOnly: boolean, factor = 1): ConfigEntry {
  const isSensitive = definition.type === 'PASSWORD'
  const [inForce] = texts
  const text = inForce ? inForce.value : definition.default
  return {
    name: definition.name,
    value: isSensitive ? null : inUnits(text, factor),
    readOnly,
    configSource: inForce?.source ?? configSources.DEFAULT,
    isSensitive,
    configType: configTypes[definition.type] ?? 0,
    synonyms: isSensitive ? texts.map((one) => ({ ...one, value: null })) : texts,
  }
}

function inUnits(text: string | null, factor: number): string | null {
  const number = Number(text)
  return text === null || factor === 1 || Number.isNaN(number) || number < 0 ? text : String(number * factor)
}

function unknown(name: string): ConfigDefinition {
  return { name, type: 'STRING', default: null, valid: null, importance: 'LOW' }
}
