/** ListOffsets, OffsetForLeaderEpoch, DeleteRecords. */
import { batch, startMs } from '../harness/batches.ts'
import { scenario, versionsOf, type Scenario } from '../harness/session.ts'
import { produce } from './produce.ts'
import { readAll } from './reading.ts'

const timeoutMs = 10_000

export const offsets: Scenario[] = [
  scenario('ListOffsets', async (s) => {
    await s.topic('lo', { partitions: 2 })
    for (let index = 0; index < 4; index++)
      await s.do('Produce', 9, produce('lo', batch(['a', 'b', 'c'], { compression: index % 2 })))
    for (const version of versionsOf('ListOffsets')) {
      const ask = (label: string, timestamp: number, partition: object = {}, rest: object = {}): Promise<unknown> =>
        s.ask(label, 'ListOffsets', version, {
          replicaId: -1,
          topics: [{ name: 'lo', partitions: [{ partitionIndex: 0, timestamp, ...partition }] }],
          ...rest,
        })
      const since: Record<string, number> = {
        earliest: -2,
        latest: -1,
        'maximum timestamp': -3,
        'earliest local': -4,
        'latest tiered': -5,
        'earliest pending upload': -6,
        'unknown special': -9,
      }
      for (const [label, timestamp] of Object.entries(since)) await ask(label, timestamp)
      for (const [label, timestamp] of [
        ['first record', startMs],
        ['second record', startMs + 1000],
        ['between', startMs + 500],
        ['before', 5],
        ['0', 0],
        ['after all', startMs + 10_000],
      ] as const)
        await ask(label, timestamp)
      for (const timestamp of [-2, -1, -3]) await ask(`empty partition ${timestamp}`, timestamp, { partitionIndex: 1 })
      await ask('empty partition by time', startMs, { partitionIndex: 1 })
      await ask('unknown partition', -1, { partitionIndex: 6 })
      await ask('negative partition', -1, { partitionIndex: -1 })
      if (version >= 2)
        for (const timestamp of [-1, -2, -3, startMs])
          await ask(`read committed ${timestamp}`, timestamp, {}, { isolationLevel: 1 })
      if (version >= 4)
        for (const currentLeaderEpoch of [0, 3, -2])
          await ask(`leader epoch ${currentLeaderEpoch}`, -1, { currentLeaderEpoch })
      await ask('as a debugging replica', -1, {}, { replicaId: -2 })
      await ask('as a replica', -1, {}, { replicaId: 1 })
      await s.ask('unknown topic', 'ListOffsets', version, {
        replicaId: -1,
        topics: [{ name: 'lo-unknown', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      })
      await s.ask('partition twice', 'ListOffsets', version, {
        replicaId: -1,
        topics: [
          {
            name: 'lo',
            partitions: [
              { partitionIndex: 0, timestamp: -1 },
              { partitionIndex: 0, timestamp: -2 },
            ],
          },
        ],
      })
      await s.ask('no topic', 'ListOffsets', version, { replicaId: -1, topics: [] })
    }
    await s.ask('invalid name', 'ListOffsets', 7, {
      replicaId: -1,
      topics: [{ name: 'a b', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    })
  }),
  scenario('OffsetForLeaderEpoch', async (s) => {
    await s.topic('ole', { partitions: 2 })
    await s.do('Produce', 9, produce('ole', batch(['a', 'b', 'c'])))
    for (const version of versionsOf('OffsetForLeaderEpoch')) {
      const ask = (label: string, leaderEpoch: number, rest: object = {}, topic = 'ole'): Promise<unknown> =>
        s.ask(label, 'OffsetForLeaderEpoch', version, {
          replicaId: -1,
          topics: [{ topic, partitions: [{ partition: 0, leaderEpoch, ...rest }] }],
        })
      for (const epoch of [0, 1, 7, -1, -2]) await ask(`epoch ${epoch}`, epoch)
      for (const epoch of [0, 1, -1]) await ask(`empty partition, epoch ${epoch}`, epoch, { partition: 1 })
      for (const currentLeaderEpoch of [0, 5, -2])
        await ask(`believing in ${currentLeaderEpoch}`, 0, { currentLeaderEpoch })
      await ask('unknown partition', 0, { partition: 5 })
      await ask('unknown topic', 0, {}, 'ole-unknown')
      await ask('invalid name', 0, {}, 'a b')
      await s.ask('nothing', 'OffsetForLeaderEpoch', version, { replicaId: -1, topics: [] })
    }
  }),
  scenario('DeleteRecords', async (s) => {
    for (const version of versionsOf('DeleteRecords')) {
      const topic = `dr-${version}`
      await s.topic(topic)
      for (let index = 0; index < 3; index++) await s.do('Produce', 9, produce(topic, batch(['a', 'b', 'c'])))
      const ask = (label: string, offset: number, rest: object = {}, name = topic): Promise<unknown> =>
        s.ask(label, 'DeleteRecords', version, {
          topics: [{ name, partitions: [{ partitionIndex: 0, offset, ...rest }] }],
          timeoutMs,
        })
      await ask('nothing yet', 0)
      await ask('inside a batch', 2)
      await ask('less than before', 1)
      await ask('beyond the high watermark', 10)
      await ask('negative', -2)
      await ask('unknown partition', 0, { partitionIndex: 4 })
      await ask('unknown topic', 0, {}, 'dr-unknown')
      await ask('internal topic', 0, {}, '__cluster_metadata')
      await s.ask('what is left', 'Fetch', 12, {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 10_000,
        topics: [
          { topic, partitions: [{ partition: 0, currentLeaderEpoch: -1, fetchOffset: 2, partitionMaxBytes: 10_000 }] },
        ],
      })
      await readAll(s, topic)
      await s.ask('earliest', 'ListOffsets', 7, {
        replicaId: -1,
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
      })
      await s.ask('produced after it', 'Produce', 9, produce(topic, batch(['z'])))
      await ask('everything', -1)
      await s.ask('everything is gone', 'ListOffsets', 7, {
        replicaId: -1,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 0, timestamp: -2 },
              { partitionIndex: 0, timestamp: -1 },
            ],
          },
        ],
      })
      await s.ask('nothing', 'DeleteRecords', version, { topics: [], timeoutMs })
      await s.ask('timeout 0', 'DeleteRecords', version, {
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }],
        timeoutMs: 0,
      })
    }
    await s.topic('dr-compact', { configs: { 'cleanup.policy': 'compact' } })
    await s.ask('a compacted topic', 'DeleteRecords', 2, {
      topics: [{ name: 'dr-compact', partitions: [{ partitionIndex: 0, offset: 0 }] }],
      timeoutMs,
    })
    await s.topic('dr-both', { configs: { 'cleanup.policy': 'compact,delete' } })
    await s.ask('a topic compacted and deleted', 'DeleteRecords', 2, {
      topics: [{ name: 'dr-both', partitions: [{ partitionIndex: 0, offset: 0 }] }],
      timeoutMs,
    })
  }),
]
