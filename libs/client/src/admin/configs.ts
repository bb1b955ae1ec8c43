/** Configurations: describe, alter by operations (KIP-339). */
import type {
  DescribeConfigsResponse,
  DescribeConfigsResponse_DescribeConfigsResourceResult,
} from '@troupe/wire/generated/32-describe-configs'
import type { IncrementalAlterConfigsResponse } from '@troupe/wire/generated/44-incremental-alter-configs'
import { answer, passesAtController } from './answers.ts'
import { defineOperation, type Route } from './operation.ts'

const resourceTypes = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const

export interface ConfigResource {
  readonly type: keyof typeof resourceTypes
  /** '' with `broker`: the defaults of all brokers. */
  readonly name: string
}

const sources = [
  'UNKNOWN',
  'DYNAMIC_TOPIC_CONFIG',
  'DYNAMIC_BROKER_CONFIG',
  'DYNAMIC_DEFAULT_BROKER_CONFIG',
  'STATIC_BROKER_CONFIG',
  'DEFAULT_CONFIG',
  'DYNAMIC_BROKER_LOGGER_CONFIG',
  'DYNAMIC_CLIENT_METRICS_CONFIG',
  'DYNAMIC_GROUP_CONFIG',
] as const
export type ConfigSource = (typeof sources)[number]

export function configSource(code: number): ConfigSource {
  return sources[code] ?? 'UNKNOWN'
}

const types = ['UNKNOWN', 'BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD'] as const

export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly type: (typeof types)[number]
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSource }[]
  readonly documentation: string | null
}

export function keyOfResource({ type, name }: ConfigResource): string {
  return `${type}:${name}`
}

function typeOf(code: number): ConfigResource['type'] {
  const [type] = Object.entries(resourceTypes).find(([, value]) => value === code) ?? ['topic']
  return type as ConfigResource['type']
}

function answered(of: { readonly resourceType: number; readonly resourceName: string }): string {
  return keyOfResource({ type: typeOf(of.resourceType), name: of.resourceName })
}

/** What belongs to one broker is known, and may be changed, there only. */
function routeOf({ type, name }: ConfigResource): Route {
  return name !== '' && (type === 'broker' || type === 'broker-logger') ? Number(name) : 'any'
}

export interface DescribeConfigsArgs {
  readonly resources: readonly (ConfigResource & {
    /** Default: all. */
    readonly keys?: readonly string[]
  })[]
  readonly includeSynonyms?: boolean
  readonly includeDocumentation?: boolean
}

export const describeConfigs = defineOperation({
  api: 32,
  items: ({ resources }: DescribeConfigsArgs) => resources,
  keyOf: keyOfResource,
  route: routeOf,
  request: (items, { includeSynonyms = false, includeDocumentation = false }) => ({
    body: {
      resources: items.map(({ type, name, keys }) => ({
        resourceType: resourceTypes[type],
        resourceName: name,
        configurationKeys: keys ?? null,
      })),
      includeSynonyms,
      includeDocumentation,
    },
  }),
  read: ({ results }: DescribeConfigsResponse) =>
    results.map((result) => {
      const entries = new Map(result.configs.map((config) => [config.name, entry(config)]))
      return answer(
        answered(result),
        entries as ReadonlyMap<string, ConfigEntry>,
        result.errorCode,
        result.errorMessage,
      )
    }),
  repeat: () => false,
})

function entry(config: DescribeConfigsResponse_DescribeConfigsResourceResult): ConfigEntry {
  return {
    name: config.name,
    value: config.value,
    source: configSource(config.configSource),
    readOnly: config.readOnly,
    sensitive: config.isSensitive,
    type: types[config.configType] ?? 'UNKNOWN',
    synonyms: config.synonyms.map(({ name, value, source }) => ({ name, value, source: configSource(source) })),
    documentation: config.documentation,
  }
}

const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export interface ConfigChange {
  readonly name: string
  readonly operation: keyof typeof operations
  /** Of lists, `append` and `subtract`: comma-separated. */
  readonly value?: string
}

export interface ConfigAlteration extends ConfigResource {
  readonly changes: readonly ConfigChange[]
}

export interface AlterConfigsArgs {
  readonly resources: readonly ConfigAlteration[]
  readonly validateOnly?: boolean
}

export const incrementalAlterConfigs = defineOperation({
  api: 44,
  items: ({ resources }: AlterConfigsArgs) => resources,
  keyOf: keyOfResource,
  route: routeOf,
  request: (items, { validateOnly = false }) => ({
    body: {
      resources: items.map(({ type, name, changes }) => ({
        resourceType: resourceTypes[type],
        resourceName: name,
        configs: changes.map((change) => ({
          name: change.name,
          configOperation: operations[change.operation],
          value: change.value ?? null,
        })),
      })),
      validateOnly,
    },
  }),
  read: ({ responses }: IncrementalAlterConfigsResponse) =>
    responses.map((result) => answer(answered(result), undefined, result.errorCode, result.errorMessage)),
  repeat: passesAtController,
})
