/** Who is there and what is where: ApiVersions, Metadata, DescribeCluster, DescribeTopicPartitions, FindCoordinator. */
import { Connection } from '../harness/connection.ts'
import { servedApis } from '../harness/served.ts'
import { scenario, versionsOf, type Scenario } from '../harness/session.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'

const ours = (answer: { apiKeys: { apiKey: number }[] }): unknown => ({
  ...answer,
  apiKeys: answer.apiKeys.filter(({ apiKey }) => servedApis.includes(apiKey)),
})

export const metadata: Scenario[] = [
  scenario('ApiVersions', async (s) => {
    const names = { clientSoftwareName: 'side-by-side', clientSoftwareVersion: '1.0' }
    await s.every('what is served', 'ApiVersions', (version) => (version < 3 ? {} : names), { view: ours })
    await s.ask('empty software name', 'ApiVersions', 3, { ...names, clientSoftwareName: '' }, { view: ours })
    await s.ask('software name with a space', 'ApiVersions', 3, { ...names, clientSoftwareName: 'a b' }, { view: ours })
    await s.ask(
      'software version with a slash',
      'ApiVersions',
      3,
      { ...names, clientSoftwareVersion: '1/2' },
      { view: ours },
    )
    await s.ask(
      'software version ending with a dot',
      'ApiVersions',
      3,
      { ...names, clientSoftwareVersion: '1.' },
      { view: ours },
    )
    for (const version of [5, 6, 99, -1]) {
      const { host, port } = s.target.addresses.get(1)!
      const connection = await Connection.open(host, port)
      const sent = Uint8Array.of(0, 0, 0, 12, 0, 18, version >> 8, version & 255, 0, 0, 0, 7, 0xff, 0xff, 0, 1)
      connection.write(sent)
      const frame = await connection.next(5_000)
      s.note(
        `unsupported version ${version}`,
        frame.kind === 'frame' ? Buffer.from(frame.bytes).toString('hex') : frame.kind,
      )
      connection.close()
    }
  }),
  scenario('Metadata', async (s) => {
    const id = await s.topic('metadata-a', { partitions: 3 })
    await s.topic('metadata-b', { configs: { 'cleanup.policy': 'compact' } })
    const only = (answer: { topics: { name: string | null }[] }): unknown => ({
      ...answer,
      topics: answer.topics.filter(({ name }) => name === null || name.startsWith('metadata-') || name === ''),
    })
    await s.every('two topics', 'Metadata', () => ({ topics: [{ name: 'metadata-a' }, { name: 'metadata-b' }] }))
    await s.every('all topics', 'Metadata', (version) => ({ topics: version === 0 ? [] : null }), { view: only })
    await s.every('no topic', 'Metadata', () => ({ topics: [] }), { from: 1 })
    await s.every(
      'unknown topic, not created',
      'Metadata',
      () => ({ topics: [{ name: 'metadata-unknown' }], allowAutoTopicCreation: false }),
      { from: 4 },
    )
    await s.every(
      'invalid names',
      'Metadata',
      () => ({
        topics: ['', '.', '..', 'a b', 'ä', 'x'.repeat(250)].map((name) => ({ name })),
        allowAutoTopicCreation: false,
      }),
      { from: 4 },
    )
    await s.every(
      'the same topic twice',
      'Metadata',
      () => ({ topics: [{ name: 'metadata-a' }, { name: 'metadata-a' }] }),
      { from: 8 },
    )
    await s.every('by id', 'Metadata', () => ({ topics: [{ name: null, topicId: id }] }), { from: 12 })
    await s.every('by unknown id', 'Metadata', () => ({ topics: [{ name: null, topicId: unknownId }] }), { from: 12 })
    await s.every('by id and name', 'Metadata', () => ({ topics: [{ name: 'metadata-a', topicId: id }] }), { from: 12 })
    await s.every('by neither', 'Metadata', () => ({ topics: [{ name: null }] }), { from: 12 })
    await s.every(
      'by name and by id',
      'Metadata',
      () => ({ topics: [{ name: 'metadata-b' }, { name: null, topicId: id }] }),
      { from: 12 },
    )
    await s.every('null name', 'Metadata', () => ({ topics: [{ name: null }] }), { from: 10, to: 11 })
    await s.every('by id too early', 'Metadata', () => ({ topics: [{ name: null, topicId: id }] }), {
      from: 10,
      to: 11,
    })
    await s.every(
      'authorized operations',
      'Metadata',
      (version) => ({
        topics: [{ name: 'metadata-a' }],
        includeTopicAuthorizedOperations: true,
        ...(version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
      }),
      { from: 8 },
    )
    await s.ask('created by asking', 'Metadata', 12, {
      topics: [{ name: 'metadata-created' }],
      allowAutoTopicCreation: true,
    })
    await s.ask(
      'and then there',
      'Metadata',
      12,
      { topics: [{ name: 'metadata-created' }], allowAutoTopicCreation: true },
      { whileAny: [3, 5] },
    )
    await s.ask('created by asking at version 0', 'Metadata', 0, { topics: [{ name: 'metadata-created-0' }] })
    await s.ask('created by asking, invalid name', 'Metadata', 12, {
      topics: [{ name: 'a/b' }],
      allowAutoTopicCreation: true,
    })
    await s.ask('created by asking, name that collides', 'Metadata', 12, {
      topics: [{ name: 'metadata_a' }, { name: 'metadata.a' }],
      allowAutoTopicCreation: true,
    })
    await s.ask(
      'internal topic by asking',
      'Metadata',
      12,
      { topics: [{ name: '__transaction_state' }], allowAutoTopicCreation: true },
      { whileAny: [3, 5] },
    )
  }),
  scenario('DescribeCluster', async (s) => {
    await s.every('the cluster', 'DescribeCluster', () => ({}))
    await s.every('with operations', 'DescribeCluster', () => ({ includeClusterAuthorizedOperations: true }))
    await s.every('controllers asked of a broker', 'DescribeCluster', () => ({ endpointType: 2 }), { from: 1 })
    await s.every('unknown endpoint type', 'DescribeCluster', () => ({ endpointType: 7 }), { from: 1 })
    await s.every('with fenced brokers', 'DescribeCluster', () => ({ includeFencedBrokers: true }), { from: 2 })
  }),
  scenario('DescribeTopicPartitions', async (s) => {
    await s.topic('dtp-a', { partitions: 5 })
    await s.topic('dtp-b', { partitions: 2 })
    await s.topic('dtp-c', { partitions: 1 })
    const topics = ['dtp-b', 'dtp-a', 'dtp-c'].map((name) => ({ name }))
    const name = 'DescribeTopicPartitions'
    await s.ask('three topics', name, 0, { topics })
    for (const limit of [1, 3, 5, 6, 7, 8])
      await s.ask(`limit ${limit}`, name, 0, { topics, responsePartitionLimit: limit })
    await s.ask('limit 0', name, 0, { topics, responsePartitionLimit: 0 })
    await s.ask('limit -1', name, 0, { topics, responsePartitionLimit: -1 })
    await s.ask('cursor inside a topic', name, 0, {
      topics,
      responsePartitionLimit: 3,
      cursor: { topicName: 'dtp-a', partitionIndex: 2 },
    })
    await s.ask('cursor at a later topic', name, 0, {
      topics,
      responsePartitionLimit: 3,
      cursor: { topicName: 'dtp-b', partitionIndex: 1 },
    })
    await s.ask('cursor between topics', name, 0, {
      topics,
      responsePartitionLimit: 3,
      cursor: { topicName: 'dtp-aa', partitionIndex: 0 },
    })
    await s.ask('cursor at a topic not asked for', name, 0, {
      topics: [{ name: 'dtp-c' }],
      cursor: { topicName: 'dtp-a', partitionIndex: 0 },
    })
    await s.ask('cursor beyond the partitions', name, 0, { topics, cursor: { topicName: 'dtp-c', partitionIndex: 9 } })
    await s.ask('cursor with a negative partition', name, 0, {
      topics,
      cursor: { topicName: 'dtp-c', partitionIndex: -1 },
    })
    await s.ask('unknown topics', name, 0, { topics: [{ name: 'dtp-a' }, { name: 'dtp-unknown' }] })
    await s.ask('invalid name', name, 0, { topics: [{ name: 'a b' }, { name: '' }] })
    await s.ask('the same topic twice', name, 0, { topics: [{ name: 'dtp-c' }, { name: 'dtp-c' }] })
    const only = (answer: { topics: { name: string }[] }): unknown => ({
      ...answer,
      topics: answer.topics.filter((topic) => topic.name.startsWith('dtp-')),
    })
    await s.ask(
      'all topics from a cursor',
      name,
      0,
      { topics: [], cursor: { topicName: 'dtp-', partitionIndex: 0 }, responsePartitionLimit: 8 },
      { view: only },
    )
  }),
  scenario('FindCoordinator', async (s) => {
    const name = 'FindCoordinator'
    for (const version of versionsOf(name)) {
      const keys = (...list: string[]) => (version >= 4 ? { coordinatorKeys: list } : { key: list[0] })
      await s.ask('group', name, version, { ...keys('some-group'), keyType: 0 })
      if (version >= 1) await s.ask('transaction', name, version, { ...keys('some-id'), keyType: 1 })
      if (version >= 1 && version < 6)
        await s.ask('share group too early', name, version, { ...keys('g:AAAAAAAAAAAAAAAAAAAAQQ:0'), keyType: 2 })
      if (version >= 1) await s.ask('unknown kind', name, version, { ...keys('x'), keyType: 9 })
      await s.ask('empty group', name, version, { ...keys(''), keyType: 0 })
      if (version >= 1) await s.ask('empty transaction', name, version, { ...keys(''), keyType: 1 })
    }
    await s.ask('several keys', name, 4, { coordinatorKeys: ['a', 'b', 'c'], keyType: 0 })
    await s.ask('no key', name, 4, { coordinatorKeys: [], keyType: 0 })
    await s.ask('the same key twice', name, 4, { coordinatorKeys: ['a', 'a'], keyType: 1 })
  }),
]
