/** Offsets in transactions, transactions as an administrator sees them, and those that nobody ends. */
import { KafkaError } from '@troupe/wire/errors'
import { scenario, versionsOf, type AskOptions, type Message, type Scenario } from '../harness/session.ts'
import { readAll } from './reading.ts'
import { passing, Script, unknownProducer } from './transaction-script.ts'

export const transactionEnds: Scenario[] = [
  scenario('TxnOffsetCommit', async (s) => {
    await s.topic('toc', { partitions: 2 })
    for (const version of versionsOf('TxnOffsetCommit')) {
      const t = new Script(s, version >= 5 ? 2 : 1, 'toc', '')
      const groupId = `toc-${version}`
      const p = await t.init('a producer', groupId)
      const commit = (label: string, rest: object = {}, partition: object = {}, name = 'toc'): Promise<Message> =>
        s.ask(
          label,
          'TxnOffsetCommit',
          version,
          {
            transactionalId: p.id,
            groupId,
            producerId: p.producerId,
            producerEpoch: p.producerEpoch,
            topics: [{ name, partitions: [{ partitionIndex: 0, committedOffset: 5, ...partition }] }],
            ...rest,
          },
          passing,
        )
      const fetched = (label: string, requireStable: boolean): Promise<Message> =>
        s.ask(label, 'OffsetFetch', 7, { groupId, topics: [{ name: 'toc', partitionIndexes: [0, 1] }], requireStable })
      await commit('without AddOffsets')
      if (version < 5)
        await s.ask(
          'the group',
          'AddOffsetsToTxn',
          3,
          { transactionalId: p.id, producerId: p.producerId, producerEpoch: p.producerEpoch, groupId },
          passing,
        )
      await commit('offset 5')
      await commit(
        'with metadata',
        {},
        { partitionIndex: 1, committedMetadata: 'hello', ...(version >= 2 ? { committedLeaderEpoch: 0 } : {}) },
      )
      await commit('unknown partition', {}, { partitionIndex: 9 })
      await commit('unknown topic', {}, {}, 'toc-unknown')
      await commit('metadata too long', {}, { committedMetadata: 'x'.repeat(4097) })
      await commit('negative offset', {}, { committedOffset: -1 })
      await commit('old epoch', { producerEpoch: p.producerEpoch - 1 })
      await commit('future epoch', { producerEpoch: p.producerEpoch + 1 })
      await commit('foreign producer', { producerId: unknownProducer })
      await commit('unknown id', { transactionalId: 'nobody' })
      await commit('empty group', { groupId: '' })
      if (version >= 3) {
        await commit('unknown member', { memberId: 'who', generationId: 1 })
        await commit('unknown generation', { generationId: 4 })
        await commit('unknown instance', { groupInstanceId: 'static', memberId: 'who', generationId: 1 })
      }
      await fetched('pending, not required stable', false)
      await fetched('pending, required stable', true)
      await t.end('commit', p, true)
      await s.ask(
        'committed',
        'OffsetFetch',
        7,
        { groupId, topics: [{ name: 'toc', partitionIndexes: [0, 1] }], requireStable: true },
        { whileAny: [KafkaError.UNSTABLE_OFFSET_COMMIT] },
      )
      if (version < 5)
        await s.ask(
          'the group again',
          'AddOffsetsToTxn',
          3,
          { transactionalId: p.id, producerId: p.producerId, producerEpoch: p.producerEpoch, groupId },
          passing,
        )
      await commit('offset 9', {}, { committedOffset: 9 })
      await t.end('abort', p, false)
      await s.ask(
        'aborted',
        'OffsetFetch',
        7,
        { groupId, topics: [{ name: 'toc', partitionIndexes: [0, 1] }], requireStable: true },
        { whileAny: [KafkaError.UNSTABLE_OFFSET_COMMIT] },
      )
    }
  }),
  scenario('transactions: described and listed', async (s) => {
    const id = await s.topic('tl')
    const t = new Script(s, 2, 'tl', id)
    const ids = ['tl-empty', 'tl-open', 'tl-done']
    const [, open, done] = [await t.init('one', ids[0]!), await t.init('two', ids[1]!), await t.init('three', ids[2]!)]
    await t.produce('open', open!, 0)
    await t.produce('done', done!, 0)
    await t.end('done', done!, true)
    await t.describe('done', done!)
    await s.ask('described', 'DescribeTransactions', 0, { transactionalIds: [...ids, 'tl-unknown', '', ids[0]] })
    await s.ask('nothing described', 'DescribeTransactions', 0, { transactionalIds: [] })
    const ours: AskOptions = {
      view: (answer) => ({
        ...answer,
        transactionStates: answer.transactionStates.filter((state: { transactionalId: string }) =>
          state.transactionalId.startsWith('tl-'),
        ),
      }),
    }
    for (const version of versionsOf('ListTransactions')) {
      const ask = (label: string, request: object): Promise<Message> =>
        s.ask(label, 'ListTransactions', version, request, ours)
      await ask('all', {})
      for (const state of [
        'Empty',
        'Ongoing',
        'CompleteCommit',
        'CompleteAbort',
        'PrepareCommit',
        'Dead',
        'PrepareEpochFence',
        'ongoing',
        'Nonsense',
        '',
      ])
        await ask(`state ${state}`, { stateFilters: [state] })
      await ask('two states', { stateFilters: ['Empty', 'Ongoing', 'Rubbish'] })
      await ask('a producer', { producerIdFilters: [open!.producerId, 5] })
      if (version >= 1)
        for (const durationFilter of [0, 3_600_000, -1, -5]) await ask(`duration ${durationFilter}`, { durationFilter })
      if (version >= 2)
        for (const transactionalIdPattern of ['tl-.*', 'tl-o.*', 'tl', '.*done', '', null, '['])
          await ask(`pattern ${transactionalIdPattern}`, { transactionalIdPattern })
    }
  }),
  scenario('transactions: timed out', async (s) => {
    const id = await s.topic('tt')
    for (const version of [1, 2] as const) {
      const t = new Script(s, version, 'tt', id)
      const p = await t.init('a short one', `tt-${version}`, { transactionTimeoutMs: 100 })
      if (version === 1) await t.add('partition', p)
      await t.produce('left open', p, 0)
      await t.read('aborted by its coordinator')
      await s.ask(
        'described',
        'DescribeTransactions',
        0,
        { transactionalIds: [p.id] },
        { until: (answer) => answer.transactionStates[0].transactionState === 'CompleteAbort' },
      )
      await t.produce('after the timeout', p, 1)
      await t.end('commit after the timeout', p, true)
      await t.end('abort after the timeout', p, false)
      await t.init('and again', p.id, { transactionTimeoutMs: 100 })
    }
  }),
  scenario('WriteTxnMarkers', async (s) => {
    const id = await s.topic('wm')
    const t = new Script(s, 2, 'wm', id)
    const p = await t.init('a producer', 'wm')
    await t.produce('open', p, 0)
    for (const version of versionsOf('WriteTxnMarkers')) {
      const ask = (label: string, rest: object, name = 'wm', partitionIndexes = [0]): Promise<Message> =>
        s.ask(label, 'WriteTxnMarkers', version, {
          markers: [
            {
              producerId: p.producerId,
              producerEpoch: p.producerEpoch,
              transactionResult: false,
              topics: [{ name, partitionIndexes }],
              coordinatorEpoch: 0,
              ...rest,
            },
          ],
        })
      await ask('old epoch', { producerEpoch: p.producerEpoch - 1 })
      await ask('old coordinator', { coordinatorEpoch: -1 })
      await ask('unknown partition', {}, 'wm', [4])
      await ask('unknown topic', {}, 'wm-unknown')
      await ask('aborted by hand', {})
      await ask('aborted twice', {})
      await ask('unknown producer', { producerId: unknownProducer })
      await s.ask('no marker', 'WriteTxnMarkers', version, { markers: [] })
    }
    await readAll(s, 'wm')
  }),
]
