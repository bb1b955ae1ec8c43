/** CreateTopics, CreatePartitions, DeleteTopics, ElectLeaders: what is made, and every way to be refused. */
import { KafkaError } from '@troupe/wire/errors'
import { api } from '../harness/connection.ts'
import { scenario, versionsOf, type Scenario } from '../harness/session.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'
const timeoutMs = 10_000

const topic = (name: string, rest: object = {}): object => ({ name, numPartitions: 1, replicationFactor: 1, ...rest })
const config = (name: string, value: string | null): object => ({ configs: [{ name, value }] })
const assignment = (...brokers: number[][]): object => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
})

const badTopics: readonly object[] = [
  topic(''),
  topic('.'),
  topic('..'),
  topic('with space'),
  topic('with/slash'),
  topic('x'.repeat(250)),
  topic('ct-no-partitions', { numPartitions: 0 }),
  topic('ct-negative', { numPartitions: -2 }),
  topic('ct-rf-0', { replicationFactor: 0 }),
  topic('ct-rf-negative', { replicationFactor: -2 }),
  topic('ct-rf-4', { replicationFactor: 4 }),
  topic('ct-unknown-config', config('no.such.config', 'x')),
  topic('ct-bad-number', config('retention.ms', 'abc')),
  topic('ct-too-small', config('segment.bytes', '0')),
  topic('ct-segment-small', config('segment.bytes', '1000')),
  topic('ct-bad-boolean', config('preallocate', 'maybe')),
  topic('ct-bad-list', config('cleanup.policy', 'compact,shred')),
  topic('ct-bad-choice', config('compression.type', 'rar')),
  topic('ct-null-config', config('retention.ms', null)),
  topic('ct-empty-number', config('retention.ms', '')),
  topic('ct-bad-double', config('min.cleanable.dirty.ratio', '2')),
  topic('ct-bad-isr', config('min.insync.replicas', '0')),
  topic('ct-lag', {
    configs: [
      { name: 'min.compaction.lag.ms', value: '100' },
      { name: 'max.compaction.lag.ms', value: '10' },
    ],
  }),
  topic('ct-timestamp-type', config('message.timestamp.type', 'Yesterday')),
  topic('ct-remote', config('remote.storage.enable', 'true')),
  topic('ct-local-retention', {
    configs: [
      { name: 'retention.ms', value: '100' },
      { name: 'local.retention.ms', value: '200' },
    ],
  }),
  topic('ct-config-twice', {
    configs: [
      { name: 'retention.ms', value: '100' },
      { name: 'retention.ms', value: '200' },
    ],
  }),
  topic('ct-both', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }),
  topic('ct-unknown-broker', assignment([9])),
  topic('ct-broker-twice', assignment([1, 1])),
  topic('ct-no-broker', assignment([])),
  topic('ct-negative-broker', assignment([-1])),
  topic('ct-gap', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }),
  topic('ct-partition-twice', {
    numPartitions: -1,
    replicationFactor: -1,
    assignments: [
      { partitionIndex: 0, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] },
    ],
  }),
]

const stillGone = {
  until: (answer: { topics: { errorCode: number }[] }) => answer.topics.every(({ errorCode }) => errorCode !== 0),
}

export const topics: Scenario[] = [
  scenario('CreateTopics', async (s) => {
    const name = 'CreateTopics'
    for (const version of versionsOf(name)) {
      await s.ask('new', name, version, { topics: [topic(`ct-new-${version}`, { numPartitions: 3 })], timeoutMs })
      await s.ask('existing', name, version, { topics: [topic(`ct-new-${version}`)], timeoutMs })
      await s.ask('only validated', name, version, {
        topics: [
          topic(`ct-valid-${version}`, { numPartitions: 2, configs: [{ name: 'retention.ms', value: '1000' }] }),
        ],
        timeoutMs,
        validateOnly: true,
      })
      await s.ask('existing, only validated', name, version, {
        topics: [topic(`ct-new-${version}`)],
        timeoutMs,
        validateOnly: true,
      })
      await s.ask('assigned by hand', name, version, {
        topics: [topic(`ct-hand-${version}`, assignment([1], [1]))],
        timeoutMs,
      })
      if (version >= 4)
        await s.ask('with defaults', name, version, {
          topics: [{ name: `ct-default-${version}`, numPartitions: -1, replicationFactor: -1 }],
          timeoutMs,
        })
      await s.ask('with configs', name, version, {
        topics: [
          topic(`ct-config-${version}`, {
            configs: [
              { name: 'cleanup.policy', value: 'compact' },
              { name: 'max.message.bytes', value: '2000' },
            ],
          }),
        ],
        timeoutMs,
      })
      await s.ask('none', name, version, { topics: [], timeoutMs })
    }
    for (const bad of badTopics)
      await s.ask(`refused ${(bad as { name: string }).name.slice(0, 30)}`, name, 7, { topics: [bad], timeoutMs })
    await s.ask('refused, only validated', name, 7, { topics: badTopics.slice(6), timeoutMs, validateOnly: true })
    await s.ask('good ones among bad ones', name, 7, { topics: [topic('ct-among'), topic('a b')], timeoutMs })
    await s.ask('the same name twice', name, 7, {
      topics: [topic('ct-twice'), topic('ct-twice'), topic('ct-once')],
      timeoutMs,
    })
    await s.ask('names that collide', name, 7, { topics: [topic('ct.collide')], timeoutMs })
    await s.ask('names that collide, second', name, 7, { topics: [topic('ct_collide')], timeoutMs })
    await s.ask('names that collide within one request', name, 7, {
      topics: [topic('ct.both'), topic('ct_both')],
      timeoutMs,
    })
    await s.ask('reserved name', name, 7, { topics: [topic('__cluster_metadata')], timeoutMs })
    await s.ask('timeout 0', name, 7, { topics: [topic('ct-timeout-0')], timeoutMs: 0 })
    await s.ask('timeout -1', name, 7, { topics: [topic('ct-timeout-1')], timeoutMs: -1 })
    for (const late of ['ct-timeout-0', 'ct-timeout-1'])
      await s.ask(
        'it is there all the same',
        'Metadata',
        12,
        { topics: [{ name: late }] },
        {
          whileAny: [KafkaError.UNKNOWN_TOPIC_OR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE],
          view: (answer) => answer.topics[0].partitions.length,
        },
      )
  }),
  scenario('CreatePartitions', async (s) => {
    const name = 'CreatePartitions'
    await s.topic('cp', { partitions: 1 })
    for (const version of versionsOf(name)) {
      const count = version + 2
      await s.ask('only validated', name, version, {
        topics: [{ name: 'cp', count, assignments: null }],
        timeoutMs,
        validateOnly: true,
      })
      await s.ask('one more', name, version, { topics: [{ name: 'cp', count, assignments: null }], timeoutMs })
      await s.leaders('cp', count)
      await s.ask('as many as there are', name, version, {
        topics: [{ name: 'cp', count, assignments: null }],
        timeoutMs,
      })
      await s.ask('fewer', name, version, { topics: [{ name: 'cp', count: 1, assignments: null }], timeoutMs })
    }
    const ask = (label: string, rest: object): Promise<unknown> =>
      s.ask(label, name, 3, { topics: [{ name: 'cp', count: 9, assignments: null, ...rest }], timeoutMs })
    await ask('none at all', { count: 0 })
    await ask('negative', { count: -1 })
    await ask('unknown topic', { name: 'cp-unknown' })
    await ask('invalid name', { name: 'a b' })
    await ask('too few assignments', { assignments: [{ brokerIds: [1] }] })
    await ask('too many assignments', { count: 6, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] })
    await ask('unknown broker', { count: 6, assignments: [{ brokerIds: [7] }] })
    await ask('broker twice', { count: 6, assignments: [{ brokerIds: [1, 1] }] })
    await ask('no broker', { count: 6, assignments: [{ brokerIds: [] }] })
    await ask('empty assignments', { count: 6, assignments: [] })
    await ask('assigned by hand', { count: 6, assignments: [{ brokerIds: [1] }] })
    await s.ask('the same topic twice', name, 3, {
      topics: [
        { name: 'cp', count: 7, assignments: null },
        { name: 'cp', count: 8, assignments: null },
      ],
      timeoutMs,
    })
    await s.ask('a good and an unknown one', name, 3, {
      topics: [
        { name: 'cp', count: 7, assignments: null },
        { name: 'cp-unknown', count: 8, assignments: null },
      ],
      timeoutMs,
    })
    await s.ask('none', name, 3, { topics: [], timeoutMs })
    await s.leaders('cp', 7)
    await s.ask('what there is in the end', 'Metadata', 12, { topics: [{ name: 'cp' }] })
  }),
  scenario('DeleteTopics', async (s) => {
    const name = 'DeleteTopics'
    for (const version of versionsOf(name)) {
      const topicName = `dt-${version}`
      const id = await s.topic(topicName, { partitions: 2 })
      const named = (...names: string[]): object =>
        version >= 6 ? { topics: names.map((each) => ({ name: each })), timeoutMs } : { topicNames: names, timeoutMs }
      await s.ask('one and an unknown one', name, version, named(topicName, 'dt-unknown'))
      await s.ask('again', name, version, named(topicName))
      await s.ask('gone', 'Metadata', 12, { topics: [{ name: topicName }], allowAutoTopicCreation: false }, stillGone)
      await s.ask('produced to when gone', 'Produce', 9, {
        acks: 1,
        timeoutMs,
        topicData: [{ name: topicName, partitionData: [{ index: 0, records: new Uint8Array(0) }] }],
      })
      await s.ask('invalid name', name, version, named('a b'))
      await s.ask('the same twice', name, version, named('dt-x', 'dt-x'))
      await s.ask('none', name, version, named())
      if (version >= 6)
        await s.ask('by the id of what is gone', name, version, { topics: [{ name: null, topicId: id }], timeoutMs })
    }
    const id = await s.topic('dt-by-id')
    const ask = (label: string, ...topics: object[]): Promise<unknown> => s.ask(label, name, 6, { topics, timeoutMs })
    await ask('by unknown id', { name: null, topicId: unknownId })
    await ask('by name and id', { name: 'dt-by-id', topicId: id })
    await ask('by neither', { name: null })
    await ask('by name and by id at once', { name: 'dt-by-id' }, { name: null, topicId: id })
    await ask('by id twice', { name: null, topicId: id }, { name: null, topicId: id })
    await ask('by id', { name: null, topicId: id })
    await s.ask(
      'gone by id',
      'Metadata',
      12,
      { topics: [{ name: 'dt-by-id' }], allowAutoTopicCreation: false },
      stillGone,
    )
    await s.topic('dt-by-id')
    await s.ask('made again with another id', 'Metadata', 12, { topics: [{ name: 'dt-by-id' }] })
  }),
  scenario('ElectLeaders', async (s) => {
    const name = 'ElectLeaders'
    await s.topic('el', { partitions: 2 })
    for (const version of versionsOf(name)) {
      for (const electionType of version === 0 ? [0] : [0, 1]) {
        const ask = (label: string, topicPartitions: object[] | null): Promise<unknown> =>
          s.ask(
            `${label}, type ${electionType}`,
            name,
            version,
            { electionType, topicPartitions, timeoutMs },
            { view: api(name).key === 43 ? onlyOurs : undefined },
          )
        await ask('not needed', [{ topic: 'el', partitions: [0, 1] }])
        await ask('unknown partition and topic', [
          { topic: 'el', partitions: [5] },
          { topic: 'el-unknown', partitions: [0] },
        ])
        await ask('negative partition', [{ topic: 'el', partitions: [-1] }])
        await ask('everything', null)
        await ask('nothing', [])
      }
    }
    await s.ask('unknown type', name, 2, {
      electionType: 5,
      topicPartitions: [{ topic: 'el', partitions: [0] }],
      timeoutMs,
    })
  }),
]

function onlyOurs(answer: { replicaElectionResults: { topic: string }[] }): unknown {
  return {
    ...answer,
    replicaElectionResults: answer.replicaElectionResults.filter(({ topic: name }) => name.startsWith('el')),
  }
}
