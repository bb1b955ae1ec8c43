/** DescribeConfigs, IncrementalAlterConfigs, AlterConfigs: names, types, sources, synonyms, and every operation. */
import { scenario, versionsOf, type AskOptions, type Message, type Scenario } from '../harness/session.ts'

const topicType = 2
const brokerType = 4
const loggerType = 8
const clientMetricsType = 16
const groupType = 32

const set = 0
const remove = 1
const append = 2
const subtract = 3

/** Descriptions are Kafka's own prose. */
const noProse: AskOptions = { strip: ['documentation'] }

interface ShownConfig {
  readonly name: string
  readonly value: string
  readonly configSource: number
}

/** What is set for the topic itself. */
const ownConfigs = (answer: Message): ShownConfig[] =>
  answer.results[0].configs.filter(({ configSource }: ShownConfig) => configSource === 1)

const isSo = (answer: Message, own: Record<string, string | undefined>): boolean =>
  Object.entries(own).every(
    ([name, value]) =>
      ownConfigs(answer)
        .find((config) => config.name === name)
        ?.value.trim() === value,
  )

export const configs: Scenario[] = [
  scenario('DescribeConfigs', async (s) => {
    await s.topic('dc', { configs: { 'retention.ms': '3600000', 'cleanup.policy': 'compact,delete' } })
    for (const version of versionsOf('DescribeConfigs')) {
      const ask = (label: string, resource: object, rest: object = {}): Promise<Message> =>
        s.ask(
          label,
          'DescribeConfigs',
          version,
          { resources: [{ configurationKeys: null, ...resource }], ...rest },
          noProse,
        )
      await ask('a topic', { resourceType: topicType, resourceName: 'dc' })
      await ask('a topic with synonyms', { resourceType: topicType, resourceName: 'dc' }, { includeSynonyms: true })
      await ask(
        'some of a topic',
        {
          resourceType: topicType,
          resourceName: 'dc',
          configurationKeys: ['retention.ms', 'segment.bytes', 'no.such'],
        },
        { includeSynonyms: true },
      )
      await ask('no key of a topic', { resourceType: topicType, resourceName: 'dc', configurationKeys: [] })
      await ask('an unknown topic', { resourceType: topicType, resourceName: 'dc-unknown' })
      await ask('an invalid topic', { resourceType: topicType, resourceName: 'a b' })
      await ask('an empty topic', { resourceType: topicType, resourceName: '' })
      await ask('an unknown broker', { resourceType: brokerType, resourceName: '9' })
      await ask('a broker that is no number', { resourceType: brokerType, resourceName: 'x' })
      await ask('all brokers', { resourceType: brokerType, resourceName: '' }, { includeSynonyms: true })
      await ask(
        'some of a broker',
        {
          resourceType: brokerType,
          resourceName: '1',
          configurationKeys: [
            'log.retention.ms',
            'log.retention.hours',
            'num.partitions',
            'min.insync.replicas',
            'message.max.bytes',
            'node.id',
          ],
        },
        { includeSynonyms: true },
      )
      await ask('an unknown kind', { resourceType: 77, resourceName: 'x' })
      await ask('kind 0', { resourceType: 0, resourceName: 'x' })
    }
    await s.ask(
      'a broker',
      'DescribeConfigs',
      4,
      { resources: [{ resourceType: brokerType, resourceName: '1', configurationKeys: null }], includeSynonyms: true },
      noProse,
    )
    await s.ask(
      'a group',
      'DescribeConfigs',
      4,
      {
        resources: [{ resourceType: groupType, resourceName: 'some-group', configurationKeys: null }],
        includeSynonyms: true,
      },
      noProse,
    )
    await s.ask(
      'client metrics',
      'DescribeConfigs',
      4,
      { resources: [{ resourceType: clientMetricsType, resourceName: 'x', configurationKeys: null }] },
      noProse,
    )
    await s.ask(
      'whether there is prose',
      'DescribeConfigs',
      4,
      {
        resources: [{ resourceType: topicType, resourceName: 'dc', configurationKeys: ['retention.ms'] }],
        includeDocumentation: true,
      },
      { view: (answer) => typeof answer.results[0].configs[0].documentation },
    )
    await s.ask(
      'two at once',
      'DescribeConfigs',
      4,
      {
        resources: [
          { resourceType: topicType, resourceName: 'dc', configurationKeys: ['retention.ms'] },
          { resourceType: topicType, resourceName: 'dc-unknown', configurationKeys: null },
        ],
      },
      noProse,
    )
    await s.ask('nothing', 'DescribeConfigs', 4, { resources: [] })
  }),
  scenario('IncrementalAlterConfigs', async (s) => {
    const name = 'IncrementalAlterConfigs'
    await s.topic('ic')
    /** Brokers learn of a change a moment after the controller has answered: waits until this topic's own values are so. */
    const described = (label: string, own: Record<string, string | undefined>): Promise<Message> =>
      s.ask(
        label,
        'DescribeConfigs',
        4,
        {
          resources: [{ resourceType: topicType, resourceName: 'ic', configurationKeys: null }],
          includeSynonyms: true,
        },
        { view: ownConfigs, until: (answer) => isSo(answer, own) },
      )
    for (const version of versionsOf(name)) {
      const alter = (label: string, configs: object[], rest: object = {}, resource: object = {}): Promise<Message> =>
        s.ask(label, name, version, {
          resources: [{ resourceType: topicType, resourceName: 'ic', configs, ...resource }],
          ...rest,
        })
      const one = (label: string, config: string, configOperation: number, value: string | null): Promise<Message> =>
        alter(label, [{ name: config, configOperation, value }])
      await one('set', 'retention.ms', set, '1000')
      await alter('only validated', [{ name: 'retention.ms', configOperation: set, value: '5000' }], {
        validateOnly: true,
      })
      await alter('only validated, wrong', [{ name: 'retention.ms', configOperation: set, value: 'x' }], {
        validateOnly: true,
      })
      await described('after set', { 'retention.ms': '1000' })
      await one('append to a list', 'cleanup.policy', append, 'compact')
      await one('append what is there', 'cleanup.policy', append, 'compact')
      await described('after append', { 'cleanup.policy': 'delete,compact' })
      await one('subtract from a list', 'cleanup.policy', subtract, 'delete')
      await one('subtract what is not there', 'cleanup.policy', subtract, 'delete')
      await described('after subtract', { 'cleanup.policy': 'compact' })
      await one('append to no list', 'retention.ms', append, '5')
      await one('subtract from no list', 'retention.ms', subtract, '5')
      await one('append nonsense', 'cleanup.policy', append, 'shred')
      await one('remove', 'retention.ms', remove, null)
      await one('remove what is not set', 'segment.ms', remove, null)
      await one('remove with a value', 'cleanup.policy', remove, 'x')
      await described('after remove', { 'retention.ms': undefined, 'cleanup.policy': undefined })
      await one('unknown name', 'no.such', set, '5')
      await one('unknown name removed', 'no.such', remove, null)
      await one('empty name', '', set, '5')
      await one('null value', 'retention.ms', set, null)
      await one('null value appended', 'cleanup.policy', append, null)
      await one('no number', 'retention.ms', set, 'many')
      await one('too small', 'segment.bytes', set, '1')
      await one('too great', 'min.cleanable.dirty.ratio', set, '1.5')
      await one('no choice', 'message.timestamp.type', set, 'Never')
      await one('with spaces', 'retention.ms', set, ' 77 ')
      await one('unknown operation', 'retention.ms', 9, '5')
      await alter('the same name twice', [
        { name: 'retention.ms', configOperation: set, value: '1' },
        { name: 'retention.ms', configOperation: remove, value: null },
      ])
      await alter('one good, one bad', [
        { name: 'retention.ms', configOperation: set, value: '66' },
        { name: 'segment.bytes', configOperation: set, value: 'x' },
      ])
      await alter('nothing', [])
      await alter(
        'unknown topic',
        [{ name: 'retention.ms', configOperation: set, value: '1' }],
        {},
        { resourceName: 'ic-unknown' },
      )
      await alter(
        'invalid topic',
        [{ name: 'retention.ms', configOperation: set, value: '1' }],
        {},
        { resourceName: 'a b' },
      )
      await alter(
        'unknown broker',
        [{ name: 'num.io.threads', configOperation: set, value: '9' }],
        {},
        { resourceType: brokerType, resourceName: '9' },
      )
      await alter(
        'no broker',
        [{ name: 'num.io.threads', configOperation: set, value: '9' }],
        {},
        { resourceType: brokerType, resourceName: 'x' },
      )
      await alter(
        'a read-only property of a broker',
        [{ name: 'node.id', configOperation: set, value: '9' }],
        {},
        { resourceType: brokerType, resourceName: '1' },
      )
      await alter(
        'a logger',
        [{ name: 'kafka', configOperation: set, value: 'LOUD' }],
        {},
        { resourceType: loggerType, resourceName: '1' },
      )
      await alter(
        'an unknown kind',
        [{ name: 'retention.ms', configOperation: set, value: '1' }],
        {},
        { resourceType: 77 },
      )
      await described('in the end', { 'retention.ms': '77' })
      await s.ask('a resource twice', name, version, {
        resources: [
          { resourceType: topicType, resourceName: 'ic', configs: [] },
          { resourceType: topicType, resourceName: 'ic', configs: [] },
        ],
      })
      await s.ask('no resource', name, version, { resources: [] })
    }
    const brokers = (
      label: string,
      resourceName: string,
      config: string,
      configOperation: number,
      value: string | null,
    ): Promise<Message> =>
      s.ask(label, name, 1, {
        resources: [{ resourceType: brokerType, resourceName, configs: [{ name: config, configOperation, value }] }],
      })
    const shown = (label: string, until: string): Promise<Message> =>
      s.ask(
        label,
        'DescribeConfigs',
        4,
        {
          resources: [{ resourceType: brokerType, resourceName: '1', configurationKeys: ['message.max.bytes'] }],
          includeSynonyms: true,
        },
        { ...noProse, until: (answer) => answer.results[0].configs[0].value === until },
      )
    await brokers('for every broker', '', 'message.max.bytes', set, '2000000')
    await shown('for every broker, described', '2000000')
    await brokers('for one broker', '1', 'message.max.bytes', set, '3000000')
    await shown('for one broker, described', '3000000')
    await s.ask(
      'a topic inherits it',
      'DescribeConfigs',
      4,
      {
        resources: [{ resourceType: topicType, resourceName: 'ic', configurationKeys: ['max.message.bytes'] }],
        includeSynonyms: true,
      },
      { ...noProse, until: (answer) => answer.results[0].configs[0].value === '3000000' },
    )
    await brokers('not for one broker', '1', 'message.max.bytes', remove, null)
    await brokers('not for any broker', '', 'message.max.bytes', remove, null)
    await shown('removed, described', '1048588')
  }),
  scenario('AlterConfigs', async (s) => {
    const name = 'AlterConfigs'
    await s.topic('ac', { configs: { 'segment.ms': '70000' } })
    for (const version of versionsOf(name)) {
      const alter = (label: string, configs: object[], rest: object = {}, resource: object = {}): Promise<Message> =>
        s.ask(label, name, version, {
          resources: [{ resourceType: topicType, resourceName: 'ac', configs, ...resource }],
          ...rest,
        })
      await alter('one for all', [{ name: 'retention.ms', value: '1000' }])
      await alter('only validated', [{ name: 'retention.ms', value: '5000' }], { validateOnly: true })
      await s.ask(
        'what is left',
        'DescribeConfigs',
        4,
        { resources: [{ resourceType: topicType, resourceName: 'ac', configurationKeys: null }] },
        { view: ownConfigs, until: (answer) => isSo(answer, { 'retention.ms': '1000', 'segment.ms': undefined }) },
      )
      await alter('null value', [{ name: 'retention.ms', value: null }])
      await alter('unknown name', [{ name: 'no.such', value: '5' }])
      await alter('bad value', [{ name: 'retention.ms', value: 'x' }])
      await alter('name twice', [
        { name: 'retention.ms', value: '1' },
        { name: 'retention.ms', value: '2' },
      ])
      await alter('unknown topic', [{ name: 'retention.ms', value: '1' }], {}, { resourceName: 'ac-unknown' })
      await alter('unknown kind', [{ name: 'retention.ms', value: '1' }], {}, { resourceType: 77 })
      await alter(
        'unknown broker',
        [{ name: 'message.max.bytes', value: '1' }],
        {},
        { resourceType: brokerType, resourceName: '9' },
      )
      await alter('nothing: all are gone', [])
      await s.ask('no resource', name, version, { resources: [] })
    }
    await s.ask(
      'a resource twice',
      name,
      2,
      {
        resources: [
          { resourceType: topicType, resourceName: 'ac', configs: [] },
          { resourceType: topicType, resourceName: 'ac', configs: [] },
        ],
      },
      { timeoutMs: 1_000 },
    )
  }),
]
