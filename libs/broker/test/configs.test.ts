/** DescribeConfigs, and what is refused before the controller is asked. */
import { describe, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { World } from './world.ts'

interface Config {
  readonly name: string
  readonly value: string | null
  readonly configSource: number
  readonly isSensitive: boolean
  readonly readOnly: boolean
  readonly configType: number
  readonly synonyms: { name: string; value: string | null; source: number }[]
}

function newWorld(properties: Record<string, string> = {}): World {
  const world = new World(properties)
  world.cluster.add('orders')
  world.cluster.configMap.set('topic/orders', new Map([['cleanup.policy', 'compact']]))
  world.cluster.configMap.set('broker/1', new Map([['log.retention.ms', '111']]))
  world.cluster.configMap.set(
    'broker/',
    new Map([
      ['log.retention.ms', '222'],
      ['message.max.bytes', '333'],
    ]),
  )
  return world
}

function describeOne(world: World, resourceType: number, resourceName: string, keys: string[] | null = null) {
  const resources = [{ resourceType, resourceName, configurationKeys: keys }]
  const [result] = world.ask(32, 4, { resources, includeSynonyms: true }).results
  const configs = result.configs as Config[]
  return { error: result.errorCode as number, of: (name: string) => configs.find((one) => one.name === name)!, configs }
}

describe('sources', () => {
  test("a topic: its own value, then the broker's by the topic's synonyms", () => {
    const { of } = describeOne(newWorld({ 'log.segment.bytes': '2000000' }), 2, 'orders')
    expect(of('cleanup.policy')).toMatchObject({ value: 'compact', configSource: 1, configType: 7, readOnly: false })
    expect(of('segment.bytes')).toMatchObject({ value: '2000000', configSource: 4, configType: 3 })
    expect(of('max.message.bytes')).toMatchObject({ value: '333', configSource: 3 })
    expect(of('retention.ms')).toMatchObject({ value: '111', configSource: 2, configType: 5 })
    expect(of('retention.ms').synonyms).toEqual([
      expect.objectContaining({ name: 'log.retention.ms', value: '111', source: 2 }),
      expect.objectContaining({ name: 'log.retention.ms', value: '222', source: 3 }),
    ])
    expect(of('min.insync.replicas')).toMatchObject({ value: '1', configSource: 5 })
  })

  test('hours become milliseconds, large numbers stay exact', () => {
    const world = new World({ 'log.retention.hours': '2' })
    world.cluster.add('orders')
    const { of } = describeOne(world, 2, 'orders')
    expect(of('retention.ms')).toMatchObject({ value: '7200000', configSource: 4 })
    expect(of('flush.messages').value).toBe('9223372036854775807')
  })

  test('a broker: set by hand, by default, secret, and what only a restart changes', () => {
    const world = newWorld({ 'num.partitions': '6', 'ssl.keystore.password': 'secret' })
    const { of } = describeOne(world, 4, '1')
    expect(of('num.partitions')).toMatchObject({ value: '6', configSource: 4, readOnly: true })
    expect(of('num.network.threads')).toMatchObject({ configSource: 5, readOnly: false })
    expect(of('ssl.keystore.password')).toMatchObject({ value: null, isSensitive: true, configType: 9 })
    expect(of('ssl.keystore.password').synonyms.map(({ value }) => value)).toEqual([null])
    expect(of('log.retention.ms')).toMatchObject({ value: '111', configSource: 2 })
  })

  test('all brokers: what was set for them at run time, and nothing else', () => {
    const { configs } = describeOne(newWorld(), 4, '')
    expect(configs.map(({ name, value, configSource }) => [name, value, configSource])).toEqual([
      ['log.retention.ms', '222', 3],
      ['message.max.bytes', '333', 3],
    ])
  })

  test('a group, and its own value', () => {
    const world = newWorld()
    world.cluster.configMap.set('group/g', new Map([['consumer.session.timeout.ms', '50000']]))
    const { of } = describeOne(world, 32, 'g')
    expect(of('consumer.session.timeout.ms')).toMatchObject({ value: '50000', configSource: 8 })
    expect(of('consumer.heartbeat.interval.ms')).toMatchObject({ configSource: 5 })
  })

  test('client metrics', () => {
    const world = newWorld()
    world.cluster.configMap.set('client-metrics/m', new Map([['interval.ms', '1000']]))
    expect(describeOne(world, 16, 'm').configs).toMatchObject([{ name: 'interval.ms', value: '1000', configSource: 7 }])
  })

  test('only the keys that were asked for', () => {
    expect(describeOne(newWorld(), 2, 'orders', ['retention.ms']).configs.map(({ name }) => name)).toEqual([
      'retention.ms',
    ])
  })
})

test.each([
  ['an unknown topic', 2, 'none', KafkaError.UNKNOWN_TOPIC_OR_PARTITION],
  ['an illegal topic', 2, 'a b', KafkaError.INVALID_TOPIC_EXCEPTION],
  ['another broker', 4, '2', KafkaError.INVALID_REQUEST],
  ['loggers of another broker', 8, '2', KafkaError.INVALID_REQUEST],
  ['a nameless group', 32, '', KafkaError.INVALID_REQUEST],
  ['an unknown type', 77, 'x', KafkaError.INVALID_REQUEST],
])('DescribeConfigs of %s', (_name, type, name, error) => {
  expect(describeOne(newWorld(), type, name).error).toBe(error)
})

test.each([33, 44])("changes (%i): what cannot be stored is refused here, the rest is the controller's", (key) => {
  const world = newWorld()
  world.on('controller', (message) => {
    const { body } = message as unknown as { body: { resources: { resourceType: number; resourceName: string }[] } }
    return {
      responses: body.resources.map(({ resourceType, resourceName }) => ({
        resourceType,
        resourceName,
        errorCode: KafkaError.INVALID_CONFIG,
        errorMessage: 'no',
      })),
    }
  })
  const configs = [{ name: 'retention.ms', value: '1', configOperation: 0 }].map((one) =>
    key === 33 ? { name: one.name, value: one.value } : one,
  )
  const resources = [
    { resourceType: 2, resourceName: 'orders', configs },
    { resourceType: 8, resourceName: '1', configs },
    { resourceType: 2, resourceName: 'twice', configs },
    { resourceType: 2, resourceName: 'twice', configs },
    { resourceType: 4, resourceName: '1', configs: [...configs, ...configs] },
  ]
  const { responses } = world.ask(key, 1, { resources })
  expect(responses.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([40, 42, 42, 42, 42])
  expect(responses.map(({ resourceName }: { resourceName: string }) => resourceName)).toEqual([
    'orders',
    '1',
    'twice',
    'twice',
    '1',
  ])
})
