/** DescribeLogDirs and DescribeQuorum. */
import { batch } from '../harness/batches.ts'
import { scenario, type AskOptions, type Scenario } from '../harness/session.ts'
import { produce } from './produce.ts'

const ours: AskOptions = {
  view: (answer) => ({
    ...answer,
    results: answer.results.map((result: { topics: { name: string }[] }) => ({
      ...result,
      topics: result.topics.filter(({ name }) => name.startsWith('ld')),
    })),
  }),
}

export const admin: Scenario[] = [
  scenario('DescribeLogDirs', async (s) => {
    await s.topic('ld', { partitions: 2 })
    await s.do('Produce', 9, produce('ld', batch(['a', 'b'])))
    await s.every('one topic', 'DescribeLogDirs', () => ({ topics: [{ topic: 'ld', partitions: [0, 1] }] }))
    await s.every('all', 'DescribeLogDirs', () => ({ topics: null }), ours)
    await s.every('unknown topic and partition', 'DescribeLogDirs', () => ({
      topics: [
        { topic: 'ld-unknown', partitions: [0] },
        { topic: 'ld', partitions: [9] },
      ],
    }))
    await s.every('nothing', 'DescribeLogDirs', () => ({ topics: [] }))
  }),
  scenario('DescribeQuorum', async (s) => {
    // How long the log of the metadata is depends on what was done before.
    const strip = ['highWatermark', 'logEndOffset', 'leaderEpoch', 'lastFetchTimestamp', 'lastCaughtUpTimestamp']
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    await s.every('the quorum', 'DescribeQuorum', () => ({ topics }), { strip })
    await s.every(
      'another topic',
      'DescribeQuorum',
      () => ({ topics: [{ topicName: 'other', partitions: [{ partitionIndex: 0 }] }] }),
      { strip },
    )
    await s.every(
      'another partition',
      'DescribeQuorum',
      () => ({ topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 1 }] }] }),
      { strip },
    )
    await s.every('nothing', 'DescribeQuorum', () => ({ topics: [] }), { strip })
  }),
]
