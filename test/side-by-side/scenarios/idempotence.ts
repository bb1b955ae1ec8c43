/** A producer with an id: sequences, duplicates, epochs, and what DescribeProducers shows of it. */
import { batch, joined } from '../harness/batches.ts'
import { scenario, versionsOf, type Scenario } from '../harness/session.ts'
import { produce } from './produce.ts'
import { readAll } from './reading.ts'

const timeoutMs = 10_000

export const idempotence: Scenario[] = [
  scenario('Produce: an idempotent producer', async (s) => {
    const id = await s.topic('idem', { partitions: 4 })
    const init = await s.ask('producer id', 'InitProducerId', 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      producerId: -1,
      producerEpoch: -1,
    })
    const of = (baseSequence: number, values: string[], producerEpoch = 0): Uint8Array =>
      batch(values, { producerId: init.producerId, producerEpoch, baseSequence })
    for (const version of versionsOf('Produce')) {
      const send = (label: string, data: Uint8Array, index = 0): Promise<unknown> =>
        s.ask(label, 'Produce', version, {
          acks: -1,
          timeoutMs,
          topicData: [
            { ...(version >= 13 ? { topicId: id } : { name: 'idem' }), partitionData: [{ index, records: data }] },
          ],
        })
      const from = version * 100
      if (version === 3)
        for (let index = 0; index < 300; index += 50)
          await send(
            'filling up',
            of(
              index,
              Array.from({ length: 50 }, () => 'f'),
            ),
          )
      await send('next', of(from, ['a', 'b']))
      await send('duplicate', of(from, ['a', 'b']))
      for (let index = 1; index < 6; index++) await send(`batch ${index}`, of(from + index * 2, ['c', 'd']))
      await send('duplicate of the fifth last', of(from + 4, ['c', 'd']))
      await send('older than the last five', of(from, ['a', 'b']))
      await send('a part of a duplicate', of(from + 10, ['c']))
      await send('a gap', of(from + 50, ['e']))
      await send(
        'the rest of the hundred',
        of(
          from + 12,
          Array.from({ length: 88 }, () => 'g'),
        ),
      )
    }
    const send = (label: string, data: Uint8Array, index = 1): Promise<unknown> =>
      s.ask(label, 'Produce', 12, produce('idem', data, {}, index))
    await send('first sequence 5', of(5, ['a']))
    await send('first sequence 0', of(0, ['a']))
    await send('epoch 1 with sequence 3', of(3, ['a'], 1))
    await send('epoch 1 with sequence 0', of(0, ['a'], 1))
    await send('epoch 0 again', of(1, ['a'], 0))
    await send('epoch 7 with sequence 0', of(0, ['b'], 7))
    await send('epoch -1', of(0, ['b'], -1))
    await send('sequence -1', of(-1, ['b'], 7))
    await send('sequences at their end', of(2147483646, ['x', 'y', 'z'], 3), 2)
    await send(
      'unknown producer with sequence 4',
      batch(['u'], { producerId: 999_999_999, producerEpoch: 2, baseSequence: 4 }),
      3,
    )
    await send(
      'unknown producer with sequence 0',
      batch(['u'], { producerId: 999_999_998, producerEpoch: 2, baseSequence: 0 }),
      3,
    )
    await s.ask(
      'two batches of one producer',
      'Produce',
      12,
      produce('idem', joined(of(0, ['1']), of(1, ['2'])), {}, 2),
    )
    for (let partition = 0; partition < 4; partition++) {
      await readAll(s, 'idem', partition)
      await s.ask(`producers of ${partition}`, 'DescribeProducers', 0, {
        topics: [{ name: 'idem', partitionIndexes: [partition] }],
      })
    }
    await s.ask('producers of unknown partitions', 'DescribeProducers', 0, {
      topics: [
        { name: 'idem', partitionIndexes: [9, -1] },
        { name: 'idem-unknown', partitionIndexes: [0] },
        { name: 'a b', partitionIndexes: [0] },
      ],
    })
    await s.ask('producers of nothing', 'DescribeProducers', 0, { topics: [] })
  }),
]
