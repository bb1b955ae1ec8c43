/**
 * Our client beside Java's, librdkafka and KafkaJS on the same brokers, Troupe's and Apache Kafka's: what each has written
 * all others read alike, to the byte. Mixed groups: `client-interop-groups.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTarget, targets, type Brokers } from './support/client-targets.ts'
import {
  javaTalker,
  kafkajsPeer,
  pythonTalker,
  talkingPeer,
  troupePeer,
  type Codec,
  type Peer,
  type PeerRecord,
  type Seen,
} from './support/client-peers.ts'
import { javaClients, pythonClients } from './support/tools.ts'

const java = javaClients()
const python = pythonClients()
const missing = [java, python].filter((tool) => typeof tool !== 'string').map(({ skipped }) => skipped)

const codecs: readonly Codec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const text = (value: string): string => Buffer.from(value).toString('hex')
const T = 1_700_000_000_000

/** Keys, values and headers of every kind; enough of them that compression has something to do. */
function recordsOf(peer: string): PeerRecord[] {
  const odd: PeerRecord[] = [
    { timestamp: T, key: text('k'), value: text('v'), headers: [] },
    { timestamp: T + 5, key: null, value: text('no key'), headers: [['h', text('1')]] },
    { timestamp: T - 7, key: text('tombstone'), value: null, headers: [['a', text('ä')], ['b', '00ff']] }, // prettier-ignore
    { timestamp: T + 9, key: '', value: '', headers: [['empty', '']] },
    { timestamp: T + 10, key: text('long'), value: text('troupe '.repeat(3000)), headers: [] },
  ]
  // KafkaJS has its headers in an object, and none that are null.
  const more: PeerRecord = {
    timestamp: T + 11,
    key: text('headers'),
    value: text('twice'),
    headers: [['twice', text('1')], ['twice', text('2')], ['null', null]], // prettier-ignore
  }
  const many = Array.from({ length: 300 }, (_, n): PeerRecord => {
    return { timestamp: T + n, key: text(`key-${n % 17}`), value: text(`${peer} ${n}`), headers: [] }
  })
  return [...odd, ...(peer === 'KafkaJS' ? [] : [more]), ...many]
}

/** Says who it is that does not come to an end. */
async function within<T>(ms: number, what: string, done: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms)
  return await Promise.race([done, promise]).finally(() => clearTimeout(late))
}

const inOrder = (seen: readonly Seen[]): Seen[] => [...seen].sort((a, b) => a[0] - b[0] || a[1] - b[1])

/** What KafkaJS cannot say is left out of what others have said. */
function asKafkajs(seen: readonly Seen[]): Seen[] {
  return seen.map(([partition, offset, timestamp, key, value, headers]) => {
    const odd = headers.some(([name]) => name === 'twice')
    return [partition, offset, timestamp, key, value, odd ? [] : headers]
  })
}

describe.each(targets)(`on %s${missing.length > 0 ? ` (skipped: ${missing.join(', ')})` : ''}`, (target) => {
  if (missing.length > 0) return test.skip('needs Java and Python', () => {})
  let brokers: Brokers
  let peers: Peer[]
  beforeAll(async () => {
    brokers = await startTarget(target)
    const { bootstrap } = brokers
    peers = [
      troupePeer(bootstrap),
      talkingPeer('Java', javaTalker(java as string, bootstrap)),
      talkingPeer('librdkafka', pythonTalker(python as string, bootstrap)),
      kafkajsPeer(bootstrap),
    ]
  }, 60_000)
  afterAll(async () => {
    await Promise.all(peers.map((peer) => peer.close()))
    await brokers.stop()
  }, 60_000)

  /** Each peer that can reads the topic and sees the same. */
  async function everyoneSees(
    topic: string,
    isolation: 'read_committed' | 'read_uncommitted',
    expected: Seen[],
    codec: Codec,
  ) {
    for (const peer of peers.filter((each) => each.codecs.includes(codec))) {
      const seen = inOrder(await within(30_000, `${peer.name} reads ${topic}`, peer.consume(topic, isolation)))
      const [got, wanted] = peer.name === 'KafkaJS' ? [asKafkajs(seen), asKafkajs(expected)] : [seen, expected]
      const keys = new Set(got.map(([partition, offset]) => `${partition}@${offset}`))
      const missing = wanted.filter(([partition, offset]) => !keys.has(`${partition}@${offset}`))
      expect(
        missing.map(([partition, offset]) => `${partition}@${offset}`),
        `${peer.name} ${isolation}`,
      ).toEqual([])
      expect(got, `${peer.name} ${isolation}`).toEqual(wanted)
    }
  }

  test.each(codecs)(
    '%s: what each has written, all read',
    async (codec) => {
      const topic = await within(15_000, `creating codec-${codec}`, brokers.topic(`codec-${codec}`, peers.length))
      const expected: Seen[] = []
      for (const [partition, peer] of peers.entries()) {
        if (!peer.codecs.includes(codec)) continue
        const records = recordsOf(peer.name)
        await within(15_000, `${peer.name} writes ${topic}`, peer.produce(topic, partition, codec, records))
        for (const [offset, { timestamp, key, value, headers }] of records.entries())
          expected.push([partition, offset, timestamp, key, value, headers.map(([name, data]) => [name, data])])
      }
      await everyoneSees(topic, 'read_uncommitted', expected, codec)
    },
    60_000,
  )

  test('transactions: what was aborted only read_uncommitted shows, at the same offsets to all', async () => {
    const topic = await brokers.topic('transactions', peers.length)
    const rounds = [true, false, true, false, false, true].map((commit, round) => ({
      commit,
      records: Array.from({ length: 3 }, (_, n): PeerRecord => {
        return { timestamp: T + n, key: null, value: text(`${round}/${n}/${commit}`), headers: [] }
      }),
    }))
    const expected: [Seen, boolean][] = []
    for (const [partition, peer] of peers.entries()) {
      await peer.transactions(topic, partition, `tx-${peer.name}`, rounds)
      for (const [round, { commit, records }] of rounds.entries())
        for (const [n, { timestamp, value }] of records.entries())
          // A marker ends each round.
          expected.push([[partition, round * 4 + n, timestamp, null, value, []], commit])
    }
    await everyoneSees(
      topic,
      'read_uncommitted',
      expected.map(([seen]) => seen),
      'none',
    )
    const committed = expected.filter(([, commit]) => commit).map(([seen]) => seen)
    await everyoneSees(topic, 'read_committed', committed, 'none')
  }, 60_000)
})
