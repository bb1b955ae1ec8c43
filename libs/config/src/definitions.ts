/**
 * Kafka's property definitions as lookups, with what a definition allows checked as Kafka's ConfigDef does.
 *
 * Source of names, types, defaults and ranges: the generated rows; of synonyms: Kafka's ServerTopicConfigSynonyms.
 */
import { brokerRows, groupRows, topicRows } from './generated/definitions.ts'

export type ConfigType = 'INT' | 'LONG' | 'SHORT' | 'DOUBLE' | 'BOOLEAN' | 'STRING' | 'CLASS' | 'PASSWORD' | 'LIST'
export type ConfigValue = number | boolean | string | readonly string[] | null

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** As written in a properties file; null when there is none. */
  readonly default: string | null
  /** What is allowed, in Kafka's notation (`[0,...]`, `[compact, delete]`); null when anything of the type is. */
  readonly valid: string | null
  readonly importance: string
}

type Rows = readonly (readonly [string, string, string | null, string | null, string])[]

function table(rows: Rows): ReadonlyMap<string, ConfigDefinition> {
  return new Map(
    rows.map(([name, type, value, valid, importance]) => [
      name,
      { name, type: type as ConfigType, default: value, valid, importance },
    ]),
  )
}

export const definitions = {
  broker: table(brokerRows),
  topic: table(topicRows),
  group: table(groupRows),
} as const

export type Parsed = { readonly value: ConfigValue } | { readonly problem: string }

const integerBounds: Record<string, readonly [bigint, bigint]> = {
  SHORT: [-32768n, 32767n],
  INT: [-2147483648n, 2147483647n],
  LONG: [-9223372036854775808n, 9223372036854775807n],
}

/** Parses a value and holds it against type and range; `problem` says what is allowed. */
export function parseValue(definition: ConfigDefinition, text: string): Parsed {
  const typed = parseType(definition.type, text.trim())
  if ('problem' in typed) return typed
  const allowed = definition.valid
  if (allowed && !satisfies(allowed, typed.value)) return { problem: `allowed is ${allowed}` }
  return typed
}

function parseType(type: ConfigType, text: string): Parsed {
  switch (type) {
    case 'INT':
    case 'LONG':
    case 'SHORT': {
      if (!/^[+-]?\d+$/.test(text)) return { problem: `allowed is a number of type ${type}` }
      const exact = BigInt(text.startsWith('+') ? text.slice(1) : text)
      const [low, high] = integerBounds[type]!
      return exact < low || exact > high ? { problem: `allowed is a number of type ${type}` } : { value: Number(exact) }
    }
    case 'DOUBLE': {
      const value = Number(text)
      return text === '' || Number.isNaN(value) ? { problem: 'allowed is a number of type DOUBLE' } : { value }
    }
    case 'BOOLEAN': {
      const lower = text.toLowerCase()
      return lower === 'true' || lower === 'false'
        ? { value: lower === 'true' }
        : { problem: 'allowed is true or false' }
    }
    case 'LIST':
      return { value: text === '' ? [] : text.split(',').map((item) => item.trim()) }
    default:
      return { value: text }
  }
}

/** Kafka's notations: `[a,...]`, `[a,...,b]`, `… or x`, `[x, y]` (also for each element of a list), `non-empty …`. */
function satisfies(allowed: string, value: ConfigValue): boolean {
  if (typeof value === 'number') {
    const range = /^\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\](?: or (-?\d+))?$/.exec(allowed)
    if (!range) return true
    if (range[3] !== undefined && value === Number(range[3])) return true
    return value >= Number(range[1]) && (range[2] === undefined || value <= Number(range[2]))
  }
  if (allowed.startsWith('non-empty')) return value !== null && (value as string | readonly string[]).length > 0
  const choices = /^(\(case insensitive\) )?\[([\w., -]+)\]$/.exec(allowed)
  if (!choices) return true
  const fold = (text: string): string => (choices[1] ? text.toLowerCase() : text)
  const known = new Set(choices[2]!.split(',').map((item) => fold(item.trim())))
  if (Array.isArray(value)) return value.every((item) => known.has(fold(item)))
  return typeof value !== 'string' || known.has(fold(value))
}

/** Topic property → broker properties that supply it, first set one wins, with the factor to milliseconds. */
export const topicSynonyms: ReadonlyMap<string, readonly (readonly [string, number])[]> = new Map([
  ['segment.bytes', [['log.segment.bytes', 1]]],
  [
    'segment.ms',
    [
      ['log.roll.ms', 1],
      ['log.roll.hours', 3_600_000],
    ],
  ],
  [
    'segment.jitter.ms',
    [
      ['log.roll.jitter.ms', 1],
      ['log.roll.jitter.hours', 3_600_000],
    ],
  ],
  ['segment.index.bytes', [['log.index.size.max.bytes', 1]]],
  ['flush.messages', [['log.flush.interval.messages', 1]]],
  [
    'flush.ms',
    [
      ['log.flush.interval.ms', 1],
      ['log.flush.scheduler.interval.ms', 1],
    ],
  ],
  ['retention.bytes', [['log.retention.bytes', 1]]],
  [
    'retention.ms',
    [
      ['log.retention.ms', 1],
      ['log.retention.minutes', 60_000],
      ['log.retention.hours', 3_600_000],
    ],
  ],
  ['max.message.bytes', [['message.max.bytes', 1]]],
  ['index.interval.bytes', [['log.index.interval.bytes', 1]]],
  ['delete.retention.ms', [['log.cleaner.delete.retention.ms', 1]]],
  ['min.compaction.lag.ms', [['log.cleaner.min.compaction.lag.ms', 1]]],
  ['max.compaction.lag.ms', [['log.cleaner.max.compaction.lag.ms', 1]]],
  ['file.delete.delay.ms', [['log.segment.delete.delay.ms', 1]]],
  ['min.cleanable.dirty.ratio', [['log.cleaner.min.cleanable.ratio', 1]]],
  ['cleanup.policy', [['log.cleanup.policy', 1]]],
  ['unclean.leader.election.enable', [['unclean.leader.election.enable', 1]]],
  ['min.insync.replicas', [['min.insync.replicas', 1]]],
  ['compression.type', [['compression.type', 1]]],
  ['compression.gzip.level', [['compression.gzip.level', 1]]],
  ['compression.lz4.level', [['compression.lz4.level', 1]]],
  ['compression.zstd.level', [['compression.zstd.level', 1]]],
  ['preallocate', [['log.preallocate', 1]]],
  ['message.timestamp.type', [['log.message.timestamp.type', 1]]],
  ['message.timestamp.before.max.ms', [['log.message.timestamp.before.max.ms', 1]]],
  ['message.timestamp.after.max.ms', [['log.message.timestamp.after.max.ms', 1]]],
  ['local.retention.bytes', [['log.local.retention.bytes', 1]]],
  ['local.retention.ms', [['log.local.retention.ms', 1]]],
] as [string, [string, number][]][])
