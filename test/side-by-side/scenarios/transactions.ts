/** Transactions in every order, with old clients (transaction version 1) and new ones (version 2, KIP-890). */
import { scenario, versionsOf, type Message, type Scenario } from '../harness/session.ts'
import { fetchOf, readAll } from './reading.ts'
import { passing, Script, unknownProducer } from './transaction-script.ts'

function life(version: 1 | 2): Scenario {
  return scenario(`transactions: version ${version}`, async (s) => {
    const name = `t${version}`
    const id = await s.topic(name, { partitions: 3 })
    const t = new Script(s, version, name, id)
    const p = await t.init('a producer', `${name}-life`)
    const add = async (label: string, partitions?: number[]): Promise<void> =>
      void (version === 1 && (await t.add(label, p, partitions)))
    await t.describe('empty at first', p)
    await add('partition 0')
    await t.produce('first record', p, 0)
    await t.produce('second record', p, 1)
    await t.describe('ongoing', p)
    await s.ask('before the end', 'Fetch', 12, fetchOf(name, 0, 0, { isolationLevel: 1 }))
    await s.ask('latest before the end', 'ListOffsets', 7, {
      replicaId: -1,
      isolationLevel: 1,
      topics: [
        {
          name,
          partitions: [
            { partitionIndex: 0, timestamp: -1 },
            { partitionIndex: 0, timestamp: -3 },
          ],
        },
      ],
    })
    await s.ask('producers while open', 'DescribeProducers', 0, { topics: [{ name, partitionIndexes: [0] }] })
    const before = { ...p }
    await t.end('commit', p, true)
    await t.end('commit again with the old epoch', { ...before }, true)
    await t.end('abort after the commit, old epoch', { ...before }, false)
    await t.describe('committed', p)
    await t.read('after the commit')
    await s.ask('producers after the end', 'DescribeProducers', 0, { topics: [{ name, partitionIndexes: [0] }] })
    const next = version === 1 ? 2 : 0
    await add('partitions 0 and 1', [0, 1])
    await t.produce('to be aborted', p, next)
    await t.produce('to be aborted too', p, 0, { partition: 1 })
    const open = { ...p }
    await t.end('abort', p, false)
    await t.end('abort again with the old epoch', { ...open }, false)
    await t.end('commit after the abort, old epoch', { ...open }, true)
    await t.describe('aborted', p)
    await t.read('after the abort')
    await t.read('after the abort', 1)
    for (const version of versionsOf('Fetch')) {
      if (version < 13)
        await s.ask(
          'aborted, at every version',
          'Fetch',
          version,
          fetchOf(name, 0, 2, { isolationLevel: 1 }, version < 9 ? { currentLeaderEpoch: undefined } : {}),
        )
      else
        await s.ask('aborted, at every version', 'Fetch', version, {
          ...fetchOf('', 0, 0, { isolationLevel: 1 }),
          topics: [
            {
              topicId: id,
              partitions: [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 2, partitionMaxBytes: 1_000_000 }],
            },
          ],
        })
    }
    await t.end('commit of nothing', p, true)
    await t.end('abort of nothing', p, false)
    await t.describe('after nothing', p)
    if (version === 1) await t.produce('without having added the partition', p, 0, { partition: 2 })
    await t.produce('without a transactional id', p, version === 1 ? 3 : 0, { transactionalId: null })
    await t.produce('with a foreign transactional id', p, 5, { transactionalId: 'nobody' })
    await t.produce('not transactional in a transaction', p, 9, { transactional: false })
    await t.produce('with a producer id of nobody', { ...p, producerId: unknownProducer }, 0)
    await t.produce('with a greater epoch', { ...p, producerEpoch: p.producerEpoch + 5 }, 0)
    await t.end('with a greater epoch', { ...p, producerEpoch: p.producerEpoch + 5 }, true)
    await t.end('with a foreign producer id', { ...p, producerId: unknownProducer }, true)
    await t.end('with an unknown id', { ...p, id: 'nobody' }, true)
    await t.end('with an empty id', { ...p, id: '' }, true)
    const old = { ...p }
    const fresh = await t.init('the producer starts again', p.id)
    if (version === 1) await t.add('its old self adds a partition', old)
    await t.produce('its old self produces', old, 20, { partition: 2 })
    await t.end('its old self commits', old, true)
    await t.end('its old self aborts', old, false)
    await t.init('its old self asks for an id with its epoch', p.id, {
      producerId: old.producerId,
      producerEpoch: old.producerEpoch,
    })
    if (version === 1) await t.add('its new self adds a partition', fresh)
    await t.produce('its new self produces', fresh, 0)
    await t.init('the producer starts again in the middle', p.id)
    await t.read('the open one was aborted')
    await t.end('the one in the middle commits', fresh, true)
    await s.ask('timeout of 0', 'InitProducerId', 5, {
      transactionalId: `${name}-x`,
      transactionTimeoutMs: 0,
      producerId: -1,
      producerEpoch: -1,
    })
    await readAll(s, name, 2)
  })
}

export const transactions: Scenario[] = [
  scenario('InitProducerId', async (s) => {
    for (const version of versionsOf('InitProducerId')) {
      const ask = (label: string, request: object): Promise<Message> =>
        s.ask(label, 'InitProducerId', version, { transactionTimeoutMs: 60_000, ...request }, passing)
      await ask('idempotent', { transactionalId: null })
      await ask('transactional', { transactionalId: `ip-${version}` })
      const again = await ask('again', { transactionalId: `ip-${version}` })
      await ask('empty id', { transactionalId: '' })
      await ask('timeout too long', { transactionalId: `ip-${version}`, transactionTimeoutMs: 900_001 })
      await ask('timeout 0', { transactionalId: `ip-${version}`, transactionTimeoutMs: 0 })
      await ask('timeout -1', { transactionalId: `ip-${version}`, transactionTimeoutMs: -1 })
      await ask('idempotent with a timeout of 0', { transactionalId: null, transactionTimeoutMs: 0 })
      if (version < 3) continue
      const epoch = { producerId: again.producerId, producerEpoch: again.producerEpoch }
      await ask('with its epoch', { transactionalId: `ip-${version}`, ...epoch })
      await ask('with its epoch again', { transactionalId: `ip-${version}`, ...epoch })
      await ask('with an old epoch', { transactionalId: `ip-${version}`, ...epoch, producerEpoch: 0 })
      await ask('with a future epoch', { transactionalId: `ip-${version}`, ...epoch, producerEpoch: 99 })
      await ask('with a foreign producer id', {
        transactionalId: `ip-${version}`,
        ...epoch,
        producerId: unknownProducer,
      })
      await ask('with a producer id but no epoch', {
        transactionalId: `ip-${version}`,
        producerId: 5,
        producerEpoch: -1,
      })
      await ask('with an epoch but no producer id', {
        transactionalId: `ip-${version}`,
        producerId: -1,
        producerEpoch: 5,
      })
      await ask('unknown id with a producer id', {
        transactionalId: `ip-unknown-${version}`,
        producerId: 77,
        producerEpoch: 3,
      })
      await ask('idempotent with a producer id', { transactionalId: null, producerId: 77, producerEpoch: 3 })
    }
  }),
  life(1),
  life(2),
  scenario('AddPartitionsToTxn and AddOffsetsToTxn', async (s) => {
    const id = await s.topic('ap', { partitions: 3 })
    const t = new Script(s, 1, 'ap', id)
    const p = await t.init('a producer', 'ap')
    for (const version of versionsOf('AddPartitionsToTxn', { to: 3 })) {
      await t.add('partition 0', p, [0], 'ap', version)
      await t.add('the same and another', p, [0, 1], 'ap', version)
      await t.add('unknown partition', p, [0, 9], 'ap', version)
      await t.add('unknown topic', p, [0], 'ap-unknown', version)
      await t.add('no partition', p, [], 'ap', version)
      await t.add('old epoch', { ...p, producerEpoch: -1 }, [0], 'ap', version)
      await t.add('future epoch', { ...p, producerEpoch: 8 }, [0], 'ap', version)
      await t.add('foreign producer id', { ...p, producerId: unknownProducer }, [0], 'ap', version)
      await t.add('unknown id', { ...p, id: 'nobody' }, [0], 'ap', version)
      await t.add('empty id', { ...p, id: '' }, [0], 'ap', version)
      await t.add('internal topic', p, [0], '__consumer_offsets', version)
    }
    for (const version of versionsOf('AddPartitionsToTxn', { from: 4 })) {
      const ask = (label: string, rest: object, ...more: object[]): Promise<Message> =>
        s.ask(
          label,
          'AddPartitionsToTxn',
          version,
          {
            transactions: [
              {
                transactionalId: 'ap',
                producerId: p.producerId,
                producerEpoch: p.producerEpoch,
                verifyOnly: true,
                topics: [{ name: 'ap', partitions: [0] }],
                ...rest,
              },
              ...more,
            ],
          },
          passing,
        )
      await ask('verified', {})
      await ask('verified, not part of it', { topics: [{ name: 'ap', partitions: [0, 2] }] })
      await ask('verified, foreign producer', { producerId: unknownProducer })
      await ask('verified, wrong epoch', { producerEpoch: 9 })
      await ask('verified, unknown id', { transactionalId: 'nobody' })
      await ask('added by a broker', { verifyOnly: false, topics: [{ name: 'ap', partitions: [1] }] })
      await ask('added by a broker, unknown topic', {
        verifyOnly: false,
        topics: [
          { name: 'ap-unknown', partitions: [1] },
          { name: 'ap', partitions: [0] },
        ],
      })
    }
    for (const version of versionsOf('AddOffsetsToTxn')) {
      const ask = (label: string, rest: object): Promise<Message> =>
        s.ask(
          label,
          'AddOffsetsToTxn',
          version,
          {
            transactionalId: 'ap',
            producerId: p.producerId,
            producerEpoch: p.producerEpoch,
            groupId: 'ap-group',
            ...rest,
          },
          passing,
        )
      await ask('a group', {})
      await ask('a group with an old epoch', { producerEpoch: -1 })
      await ask('a group with a future epoch', { producerEpoch: 7 })
      await ask('a group of a foreign producer', { producerId: unknownProducer })
      await ask('a group of an unknown id', { transactionalId: 'nobody' })
      await ask('an empty group', { groupId: '' })
      await ask('a group with an empty id', { transactionalId: '' })
    }
    await t.describe('its partitions', p)
    for (const version of versionsOf('EndTxn', { to: 4 })) {
      await t.end('commit', p, true, version)
      await t.end('commit again', p, true, version)
      await t.end('abort after it', p, false, version)
      await t.add('next', p, [version % 3])
    }
    const bumped = await t.end('version 5 of an old client', p, true, 5)
    s.note('the epoch it got', bumped.producerEpoch)
  }),
]
