/**
 * Our producer beside Apache Kafka's own, both on sockets, before brokers that follow one script: the same requests in the
 * same bytes, and for every error in every request the same outcome of whatever the application does next.
 *
 * By default the errors that brokers give in these requests, and a few that they should not; with `RUNS=all` all of them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { KafkaError as errors, type ErrorName } from '@troupe/wire/errors'
import { KafkaError, Producer } from '../src/shell/index.ts'
import { MockCluster, type Frame, type Refusal } from './java/mock-cluster.ts'
import { Oracle } from './java/oracle.ts'

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'as Apache Kafka' : `as Apache Kafka (skipped: ${classpath.skipped})`

/** At a time. */
const THREADS = 4

type Step = { readonly do: string; readonly [field: string]: unknown }
type Properties = Record<string, string>

const send = (partition: number, value: string, change: object = {}): Step => ({
  do: 'send',
  topic: 'orders',
  partition,
  timestamp: 1_700_000_000_000,
  key: null,
  value: Buffer.from(value).toString('hex'),
  headers: [],
  ...change,
})
const sendOffsets = (instance: string | null = null): Step => ({ do: 'sendOffsetsToTransaction', instance })
const op = (name: string): Step => ({ do: name })
const [init, begin, commit, abort] = ['init', 'begin', 'commit', 'abort'].map((name) =>
  op(name === 'init' ? 'initTransactions' : `${name}Transaction`),
)

const common: Properties = {
  'client.id': 'one',
  'linger.ms': '0',
  'retry.backoff.ms': '1',
  'retry.backoff.max.ms': '1',
  'reconnect.backoff.ms': '1',
  'max.block.ms': '4000',
  'request.timeout.ms': '3000',
  'delivery.timeout.ms': '4000',
  'enable.metrics.push': 'false',
}
const transactional: Properties = { ...common, 'transactional.id': 'tx' }

/** What an application does that has not understood anything: so that every state shows. */
const stubborn = [init, begin, send(0, 'a'), sendOffsets(), commit, abort, begin, send(0, 'b'), commit]
const plain = [send(0, 'a'), send(1, 'b'), send(0, 'c')]

const usual: readonly ErrorName[] = [
  'UNKNOWN_SERVER_ERROR',
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'MESSAGE_TOO_LARGE',
  'OFFSET_METADATA_TOO_LARGE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'ILLEGAL_GENERATION',
  'INVALID_GROUP_ID',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'INVALID_COMMIT_OFFSET_SIZE',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_VERSION',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'POLICY_VIOLATION',
  'INVALID_REQUEST',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TRANSACTION_TIMEOUT',
  'CONCURRENT_TRANSACTIONS',
  'TRANSACTION_COORDINATOR_FENCED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'OPERATION_NOT_ATTEMPTED',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_PRODUCER_ID',
  'FENCED_INSTANCE_ID',
  'INVALID_RECORD',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
  'PRODUCER_FENCED',
  'UNKNOWN_TOPIC_ID',
  'STALE_MEMBER_EPOCH',
  'FENCED_MEMBER_EPOCH',
  'TRANSACTION_ABORTABLE',
]
const codes: readonly ErrorName[] =
  process.env.RUNS === 'all' ? (Object.keys(errors) as ErrorName[]).filter((name) => name !== 'NONE') : usual

interface Ran {
  readonly outcomes: readonly string[]
  readonly told: readonly string[]
  readonly frames: Frame[]
}

describe.skipIf(typeof classpath !== 'string')(title, () => {
  let oracle: Oracle
  beforeAll(() => void (oracle = new Oracle(classpath as string, THREADS)))
  afterAll(() => oracle[Symbol.asyncDispose]())

  async function both(version: number, properties: Properties, steps: readonly Step[], refusals: Refusal[] = []) {
    const script = { version, properties, steps, refusals }
    const theirs = await on(script, (asked) => oracle.ask<string[]>('producer', asked))
    const ours = await on(script, (asked) => run(asked.properties, steps))
    return { theirs, ours }
  }

  describe('the same bytes in every request', () => {
    const records = [
      send(0, 'a'),
      send(1, 'key', { key: '6b6579', headers: [['h', '01'], ['h', null]] }), // prettier-ignore
      send(0, '', { value: null, key: '6b' }),
    ]
    const rounds = [init, begin, ...records, sendOffsets(), commit, begin, ...records, sendOffsets('i'), abort]

    test.each([1, 2])('of transactions of version %i', async (version) => {
      const { theirs, ours } = await both(version, transactional, rounds)
      expect(ours.outcomes).toEqual(
        rounds.map(({ do: name }) => expect.stringMatching(name === 'send' ? /^ok \d/ : 'ok')),
      )
      expect(ours.outcomes).toEqual(theirs.outcomes)
      expect(ours.told).toEqual(theirs.told)
      expect(ours.frames).toEqual(theirs.frames)
    })

    test.each(['all', '1', '0'])('of plain records, acks=%s', async (acks) => {
      const properties = { ...common, acks, ...(acks === 'all' ? {} : { 'enable.idempotence': 'false' }) }
      const { theirs, ours } = await both(2, properties, records)
      // To two brokers, of which none is waited for.
      if (acks === '0') for (const { frames } of [theirs, ours]) frames.sort((a, b) => (a.hex < b.hex ? -1 : 1))
      expect(ours.frames).toEqual(theirs.frames)
      expect(ours.frames.filter(({ name }) => name === 'Produce')).toHaveLength(3)
    })
  })

  describe('a record that cannot be sent takes its transaction with it', () => {
    test.each([
      ['too large', send(0, 'x'.repeat(2000)), 'MESSAGE_TOO_LARGE'],
      ['to a topic that does not come', send(0, 'x', { topic: 'missing' }), 'REQUEST_TIMED_OUT'],
      ['to a partition that does not come', send(7, 'x'), 'REQUEST_TIMED_OUT'],
    ])('%s', async (_, lost, error) => {
      const properties = { ...transactional, 'max.request.size': '1000', 'max.block.ms': '1000' }
      const steps = [init, begin, send(0, 'a'), lost, send(0, 'b'), commit, abort, begin, send(0, 'c'), commit]
      const { theirs, ours } = await both(2, properties, steps)
      expect(theirs.outcomes.slice(3, 7)).toEqual([`${error} abortable`, expect.any(String), expect.any(String), 'ok'])
      expect(ours).toEqual(theirs)
    })
  })

  describe.each(scripts)('every error, %s', (_, version, properties, steps, apis) => {
    test.each(apis)(
      '%s',
      async (api) => {
        const left = codes.filter((name) => !api.startsWith('FindGroup') || errors[name] % 4 === 0)
        const different = await inTurns(left, async (name) => {
          if (javasOwn.get(api)?.includes(name)) return []
          const { theirs, ours } = await both(version, properties, steps, [{ api, error: errors[name] }])
          const told = [asOurs(api, name, theirs), ours].map((ran) => [...ran.outcomes, ...ran.told].join('\n  '))
          return told[0] === told[1] ? [] : [`${name}\nKafka\n  ${told[0]}\nTroupe\n  ${told[1]}`]
        })
        expect(different.join('\n\n'), `${different.length} of ${left.length}`).toBe('')
      },
      120_000,
    )
  })
})

type Scripts = [string, number, Properties, readonly Step[], readonly string[]]
const scripts: Scripts[] = [
  [
    'version 2',
    2,
    transactional,
    stubborn,
    ['FindCoordinator', 'InitProducerId', 'Produce', 'TxnOffsetCommit', 'EndTxn'],
  ],
  [
    'version 1',
    1,
    transactional,
    stubborn,
    ['AddPartitionsToTxn', 'Produce', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'],
  ],
  ['version 2', 2, { ...transactional, 'max.block.ms': '1000' }, stubborn, ['FindGroup']],
  ['idempotent', 2, common, plain, ['InitProducerId', 'Produce']],
]

/** Errors that no broker gives there, and with which Java's client ends in a state of which nothing can come. */
const javasOwn: ReadonlyMap<string, readonly ErrorName[]> = new Map([
  // Its transaction has no producer id; a record that it has refused is sent with the next one, EndTxn with the id -1.
  ['FindCoordinator', ['GROUP_AUTHORIZATION_FAILED', 'TRANSACTION_ABORTABLE']],
  // The same; without transactions, an IllegalStateException. Authorisation: its first request comes before any record.
  [
    'InitProducerId',
    ['TRANSACTION_ABORTABLE', 'CLUSTER_AUTHORIZATION_FAILED', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  ],
  // It is not taken for the error that it is, since it is packed into another.
  ['AddPartitionsToTxn', ['CLUSTER_AUTHORIZATION_FAILED']],
])

/** What Java's client says otherwise though it means the same. */
function asOurs(api: string, name: ErrorName, { outcomes, ...ran }: Ran): Ran {
  const said = outcomes.map((outcome, index) => {
    // Its own class for both of: the member is not (any more) what it says it is.
    if (name === 'ILLEGAL_GENERATION' || name === 'UNKNOWN_MEMBER_ID')
      return outcome.replace('CommitFailedException', name)
    // Nobody tells the waiting call that the search has failed for good: it waits until max.block.ms is over.
    if (api === 'FindGroup' && outcome === 'REQUEST_TIMED_OUT fatal') return outcomes[index + 1]
    return outcome
  })
  return { ...ran, outcomes: said }
}

interface Script {
  readonly version: number
  readonly properties: Properties
  readonly steps: readonly Step[]
  readonly refusals: readonly Refusal[]
}

async function on(
  { version, properties, steps, refusals }: Script,
  ask: (asked: { properties: Properties; steps: readonly Step[] }) => Promise<string[]>,
): Promise<Ran> {
  await using cluster = new MockCluster(version, refusals)
  const bootstrap = await cluster.start()
  const outcomes = await ask({ properties: { ...properties, 'bootstrap.servers': bootstrap }, steps })
  if (properties.acks === '0') await cluster.arrived(steps.length)
  return { outcomes, told: cluster.told, frames: cluster.frames }
}

/** Some of them at a time, answers in order. */
async function inTurns<Item, Answer>(
  items: readonly Item[],
  work: (item: Item) => Promise<Answer[]>,
): Promise<Answer[]> {
  const answers: Answer[][] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      answers[index] = await work(items[index])
    }
  }
  await Promise.all(Array.from({ length: THREADS }, worker))
  return answers.flat()
}

// --- ours, step by step

async function run(properties: Properties, steps: readonly Step[]): Promise<string[]> {
  const producer = new Producer<Uint8Array | null, Uint8Array | null>(properties)
  const outcomes: string[] = []
  for (const step of steps) {
    try {
      outcomes.push(await take(producer, step))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      outcomes.push(`${error.name}${error.fatal ? ' fatal' : error.abortable ? ' abortable' : ''}`)
    }
  }
  await producer.close({ timeoutMs: 0 })
  return outcomes
}

const bytes = (hex: unknown): Uint8Array | null => (hex === null ? null : Buffer.from(hex as string, 'hex'))

async function take(producer: Producer<Uint8Array | null, Uint8Array | null>, step: Step): Promise<string> {
  if (step.do === 'send') {
    const { topic, partition, timestamp } = step as unknown as { topic: string; partition: number; timestamp: number }
    const headers = (step.headers as [string, string | null][]).map(([key, value]) => ({ key, value: bytes(value) }))
    const record = { topic, partition, timestamp, headers, key: bytes(step.key), value: bytes(step.value) }
    return `ok ${(await producer.send(record)).offset}`
  }
  if (step.do === 'sendOffsetsToTransaction') {
    const offset = { topic: 'input', partition: 0, offset: 17, leaderEpoch: 2, metadata: '' }
    const groupInstanceId = step.instance as string | null
    await producer.sendOffsetsToTransaction([offset], { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId })
  } else {
    await producer[step.do as 'initTransactions' | 'beginTransaction' | 'commitTransaction' | 'abortTransaction']()
  }
  return 'ok'
}
