/** Kafka's properties: definitions, parsing, precedence, refusals. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configTarget, generateConfigs } from '@troupe/tools/generate-configs'
import { describe, expect, test } from 'vitest'
import { definitions, parseValue, resolveBrokerConfig, resolveTopicConfig, validateTopicConfig } from '../src/index.ts'

const root = join(import.meta.dirname, '../../..')

test('the generated definitions are what the generator makes', () => {
  expect(readFileSync(join(root, configTarget), 'utf8')).toBe(generateConfigs(join(root, 'libs/config/schema')))
})

test('every default of Kafka is a value its own definition allows, but for those that only say "not set"', () => {
  const outside: string[] = []
  for (const table of [definitions.broker, definitions.topic, definitions.group]) {
    for (const definition of table.values()) {
      if (definition.default === null || definition.default === '') continue
      if ('problem' in parseValue(definition, definition.default)) outside.push(definition.name)
    }
  }
  expect(outside).toEqual(['node.id', 'process.roles'])
})

describe('a broker', () => {
  test('names an unknown property and keeps going', () => {
    const { warnings, errors } = resolveBrokerConfig(new Map([['log.retenton.ms', '5']]))
    expect(warnings).toEqual(['unknown property log.retenton.ms is ignored'])
    expect(errors).toEqual([])
  })

  test.each([
    ['num.partitions', '0', '[1,...]'],
    ['num.partitions', 'many', 'a number of type INT'],
    ['log.segment.bytes', '1048575', '[1048576,...]'],
    ['num.partitions', '2147483648', 'a number of type INT'],
    ['auto.create.topics.enable', 'yes', 'true or false'],
    ['compression.type', 'lzma', '[uncompressed, zstd, lz4, snappy, gzip, producer]'],
    ['log.cleanup.policy', 'compact,shred', '[compact, delete]'],
  ])('refuses %s=%s', (name, value, allowed) => {
    const { errors } = resolveBrokerConfig(new Map([[name, value]]))
    expect(errors).toEqual([`invalid value ${value} for property ${name}: allowed is ${allowed}`])
  })
})

describe('a topic', () => {
  const broker = (given: Record<string, string>) => resolveBrokerConfig(new Map(Object.entries(given))).config

  test('takes milliseconds before minutes before hours', () => {
    expect(resolveTopicConfig(broker({}), new Map())['retention.ms']).toBe(604_800_000)
    expect(resolveTopicConfig(broker({ 'log.retention.hours': '1' }), new Map())['retention.ms']).toBe(3_600_000)
    const both = broker({ 'log.retention.hours': '1', 'log.retention.minutes': '5' })
    expect(resolveTopicConfig(both, new Map())['retention.ms']).toBe(300_000)
    const all = broker({ 'log.retention.hours': '1', 'log.retention.minutes': '5', 'log.retention.ms': '7' })
    expect(resolveTopicConfig(all, new Map())['retention.ms']).toBe(7)
    expect(resolveTopicConfig(all, new Map([['retention.ms', '9']]))['retention.ms']).toBe(9)
  })

  test('keeps −1 as "no limit" whatever the unit', () => {
    expect(resolveTopicConfig(broker({ 'log.retention.hours': '-1' }), new Map())['retention.ms']).toBe(-1)
  })

  test('refuses what Kafka refuses', () => {
    expect(validateTopicConfig(new Map([['no.such', '1']]))).toBe('Unknown topic config name: no.such')
    expect(validateTopicConfig(new Map([['retention.ms', '-2']]))).toContain(
      'Invalid value -2 for configuration retention.ms',
    )
    expect(validateTopicConfig(new Map([['retention.ms', '-1']]))).toBeNull()
  })
})
