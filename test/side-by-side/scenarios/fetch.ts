/** Fetch: bounds, epochs, sizes, sessions. */
import { batch } from '../harness/batches.ts'
import { scenario, versionsOf, type Message, type Scenario, type Session } from '../harness/session.ts'
import { produce } from './produce.ts'
import { fetchOf } from './reading.ts'

const unknownId = 'AAAAAAAAAAAAAAAAAAAAQQ'

async function filled(s: Session, topic: string, batches = 4, partitions = 1): Promise<string> {
  const id = await s.topic(topic, { partitions })
  for (let partition = 0; partition < partitions; partition++) {
    for (let index = 0; index < batches; index++)
      await s.do('Produce', 9, produce(topic, batch([`a${index}`, `b${index}`, `c${index}`]), {}, partition))
  }
  return id
}

/** Which partition comes first in a session's answer goes round, and with it how they are grouped by topic. */
function flat(answer: Message): unknown {
  const responses = answer.responses.flatMap(({ topic, topicId, partitions }: Message) =>
    partitions.map((partition: Message) => ({ topic, topicId, ...partition })),
  )
  return { ...answer, responses }
}

/** By name or by id, as the version has it, one partition. */
function one(version: number, topic: string, topicId: string, partition: object, rest: object = {}): Message {
  return {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 10_000_000,
    topics: [
      {
        ...(version >= 13 ? { topicId } : { topic }),
        partitions: [
          {
            partition: 0,
            fetchOffset: 0,
            partitionMaxBytes: 10_000_000,
            ...(version >= 9 ? { currentLeaderEpoch: -1 } : {}),
            ...partition,
          },
        ],
      },
    ],
    ...rest,
  }
}

export const fetches: Scenario[] = [
  scenario('Fetch', async (s) => {
    const id = await filled(s, 'f')
    for (const version of versionsOf('Fetch')) {
      const ask = (label: string, partition: object, rest: object = {}): Promise<unknown> =>
        s.ask(label, 'Fetch', version, one(version, 'f', id, partition, rest))
      await ask('from the start', {})
      await ask('inside a batch', { fetchOffset: 4 })
      await ask('at the end', { fetchOffset: 12 })
      await ask('beyond the end', { fetchOffset: 13 })
      await ask('far beyond', { fetchOffset: 1e15 })
      await ask('before the start', { fetchOffset: -1 })
      await ask('at -2', { fetchOffset: -2 })
      await ask('unknown partition', { partition: 5 })
      await ask('negative partition', { partition: -1 })
      await ask('one byte a partition', { partitionMaxBytes: 1 })
      await ask('no byte a partition', { partitionMaxBytes: 0 })
      await ask('two batches', { partitionMaxBytes: 200 })
      await ask('one byte in all', {}, { maxBytes: 1 })
      await ask('no byte in all', {}, { maxBytes: 0 })
      await ask('negative sizes', { partitionMaxBytes: -1 }, { maxBytes: -1, minBytes: -1 })
      await ask('read committed', {}, { isolationLevel: 1 })
      await ask('unknown isolation level', {}, { isolationLevel: 3 })
      await ask('waiting in vain', { fetchOffset: 12 }, { maxWaitMs: 20, minBytes: 1 })
      await ask('negative wait', { fetchOffset: 12 }, { maxWaitMs: -1, minBytes: 1 })
      if (version >= 9) {
        await ask('current leader epoch', { currentLeaderEpoch: 0 })
        await ask('future leader epoch', { currentLeaderEpoch: 4 })
        await ask('leader epoch -2', { currentLeaderEpoch: -2 })
      }
      if (version >= 12) {
        await ask('last fetched epoch', { lastFetchedEpoch: 0, fetchOffset: 3 })
        await ask('last fetched epoch of the future', { lastFetchedEpoch: 3, fetchOffset: 3 })
        await ask('last fetched epoch beyond the end', { lastFetchedEpoch: 0, fetchOffset: 20 })
      }
      await s.ask('unknown topic', 'Fetch', version, one(version, 'f-unknown', unknownId, {}))
      await s.ask(
        'as an unknown replica',
        'Fetch',
        version,
        one(
          version,
          'f',
          id,
          {},
          version >= 15 ? { replicaState: { replicaId: 9, replicaEpoch: 1 } } : { replicaId: 9 },
        ),
      )
      await s.ask(
        'as a debugging replica',
        'Fetch',
        version,
        one(
          version,
          'f',
          id,
          {},
          version >= 15 ? { replicaState: { replicaId: -2, replicaEpoch: -1 } } : { replicaId: -2 },
        ),
      )
      await s.ask('no topic', 'Fetch', version, { replicaId: -1, maxWaitMs: 5, minBytes: 1, maxBytes: 100, topics: [] })
    }
    await s.ask('zero id', 'Fetch', 13, one(13, '', 'AAAAAAAAAAAAAAAAAAAAAA', {}))
    await s.ask('invalid name', 'Fetch', 12, fetchOf('a b', 0, 0))
    await s.ask('with a rack', 'Fetch', 12, fetchOf('f', 0, 0, { rackId: 'somewhere' }))
    await s.ask('with a foreign cluster id', 'Fetch', 12, fetchOf('f', 0, 0, { clusterId: 'foreign' }))
    await s.ask('partition twice', 'Fetch', 12, {
      ...fetchOf('f', 0, 0),
      topics: [
        {
          topic: 'f',
          partitions: [
            { partition: 0, currentLeaderEpoch: -1, fetchOffset: 0, partitionMaxBytes: 100 },
            { partition: 0, currentLeaderEpoch: -1, fetchOffset: 3, partitionMaxBytes: 100 },
          ],
        },
      ],
    })
  }),
  scenario('Fetch: waiting for data', async (s) => {
    await s.topic('fw')
    const waiting = s.ask('woken by a produce', 'Fetch', 12, fetchOf('fw', 0, 0, { maxWaitMs: 3_000, minBytes: 1 }), {
      on: 'waiter',
    })
    const large = s.ask(
      'two batches are enough',
      'Fetch',
      12,
      fetchOf('fw', 0, 0, { maxWaitMs: 3_000, minBytes: 150 }),
      { on: 'second waiter' },
    )
    await s.ask('first', 'Produce', 9, produce('fw', batch(['a', 'b'])))
    await waiting
    await s.ask('second', 'Produce', 9, produce('fw', batch(['c'])))
    await large
    await s.ask('an error does not wait', 'Fetch', 12, fetchOf('fw', 7, 0, { maxWaitMs: 3_000, minBytes: 1 }))
    await s.ask('data that is there does not wait', 'Fetch', 12, fetchOf('fw', 0, 0, { maxWaitMs: 3_000, minBytes: 1 }))
  }),
  scenario('Fetch: sessions', async (s) => {
    const ids = new Map<string, string>()
    for (const topic of ['fs-a', 'fs-b']) ids.set(topic, await filled(s, topic, 2, 2))
    for (const version of versionsOf('Fetch', { from: 7 })) {
      const partition = (index: number, fetchOffset: number, max = 1_000): object => ({
        partition: index,
        currentLeaderEpoch: -1,
        fetchOffset,
        partitionMaxBytes: max,
      })
      const topic = (name: string, ...partitions: object[]): object => ({
        ...(version >= 13 ? { topicId: ids.get(name) ?? unknownId } : { topic: name }),
        partitions,
      })
      const forgotten = (name: string, ...partitions: number[]): object => ({
        ...(version >= 13 ? { topicId: ids.get(name) ?? unknownId } : { topic: name }),
        partitions,
      })
      const ask = (
        label: string,
        sessionId: number,
        sessionEpoch: number,
        topics: object[],
        forgottenTopicsData: object[] = [],
      ): Promise<Message> =>
        s.ask(
          label,
          'Fetch',
          version,
          {
            replicaId: -1,
            maxWaitMs: 0,
            minBytes: 0,
            maxBytes: 100_000,
            sessionId,
            sessionEpoch,
            topics,
            forgottenTopicsData,
          },
          { view: flat },
        )
      const { sessionId } = await ask('a new session', 0, 0, [
        topic('fs-a', partition(0, 0), partition(1, 6)),
        topic('fs-b', partition(0, 3)),
      ])
      await ask('nothing new', sessionId, 1, [])
      await ask('one moves on', sessionId, 2, [topic('fs-a', partition(0, 6))])
      await ask('only what has changed', sessionId, 3, [])
      await ask('another partition', sessionId, 4, [topic('fs-b', partition(1, 0))])
      await ask('one is forgotten', sessionId, 5, [], [forgotten('fs-b', 1)])
      await ask('an unknown one is forgotten', sessionId, 6, [], [forgotten('fs-unknown', 0)])
      await ask('an unknown topic joins', sessionId, 7, [topic('fs-unknown', partition(0, 0))])
      await ask('the unknown topic stays', sessionId, 8, [])
      await ask('an unknown partition joins', sessionId, 9, [topic('fs-a', partition(7, 0))])
      await s.do('Produce', 9, produce('fs-a', batch([`new ${version}`]), {}, 1))
      await ask('new data shows', sessionId, 10, [])
      await ask('wrong epoch', sessionId, 10, [])
      await ask('wrong epoch, too great', sessionId, 44, [])
      await ask('unknown session', 1_234_567, 1, [])
      await ask('session 0 with an epoch', 0, 3, [])
      await ask('ended', sessionId, -1, [topic('fs-a', partition(0, 6))])
      await ask('after its end', sessionId, 11, [])
      const { sessionId: second } = await ask('a second session', 0, 0, [topic('fs-a', partition(0, 0))])
      await ask('started anew', second, 0, [topic('fs-b', partition(0, 6))])
      await ask('an empty new session', 0, 0, [])
      await ask('no session at all', 0, -1, [topic('fs-a', partition(0, 3))])
    }
  }),
]
