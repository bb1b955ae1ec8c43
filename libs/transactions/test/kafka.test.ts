/**
 * Side by side with the TransactionCoordinator of Apache Kafka 4.3.1 itself: the same state, the same request; the
 * answer and the state it leaves must be equal. A request that Kafka tells CONCURRENT_TRANSACTIONS is asked again there
 * when the markers are written; here it waits for them, so it is the last answers that are compared.
 *
 * Known difference: to an owner's stale epoch when the epochs are used up, Kafka answers UNKNOWN_SERVER_ERROR.
 */
import fc from 'fast-check'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileJava, runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { errorName, type ErrorCode } from '@troupe/wire/errors'
import { metadataOf, recordOf } from '../src/records.ts'
import { isPrepared, type TransactionState } from '../src/transaction-state.ts'
import { transactionStage } from './stage.ts'

const QUESTIONS = 4000
/** The one after it is the coordinator's own: no client is told it. */
const LAST_CLIENT_EPOCH = 32_766

interface Question {
  readonly serverVersion: number
  readonly state: TransactionState | '-'
  readonly previous: number
  readonly next: number
  readonly epoch: number
  readonly topics: string
  readonly version: number
  readonly verb: 'init' | 'add' | 'verify' | 'end'
  readonly pid: number
  readonly askedEpoch: number
  readonly detail: string
  readonly clientVersion: number
}

const states: (TransactionState | '-')[] = [
  '-',
  'EMPTY',
  'ONGOING',
  'PREPARE_COMMIT',
  'PREPARE_ABORT',
  'COMPLETE_COMMIT',
  'COMPLETE_ABORT',
]

const questions: fc.Arbitrary<Question> = fc
  .record({
    serverVersion: fc.constantFrom(1, 2),
    state: fc.constantFrom(...states),
    previous: fc.constantFrom(7, 7, 6),
    epoch: fc.constantFrom(0, 5, 5, 32_765, 32_766),
    version: fc.constantFrom(0, 2),
    verb: fc.constantFrom('init' as const, 'add' as const, 'verify' as const, 'end' as const),
    owner: fc.constantFrom('right', 'right', 'retry', 'older', 'other', 'next', 'before', 'none'),
    commit: fc.boolean(),
    where: fc.constantFrom('t:0', 't:1', 't:0,t:2'),
    clientVersion: fc.constantFrom(0, 2),
  })
  .map(({ owner, commit, where, ...each }) => {
    // A prepared record of version 2 holds the epoch after the bump, and the next producer id when that was the last.
    const prepared = each.state !== '-' && isPrepared(each.state)
    const epoch = prepared && each.version === 2 && each.epoch === 32_766 ? 32_767 : each.epoch
    const next = epoch === 32_767 ? 9 : -1
    const [pid, askedEpoch] = {
      right: [7, epoch],
      retry: [7, epoch - 1],
      older: [7, epoch - 2],
      other: [8, epoch],
      next: [9, 0],
      before: [6, 32_766],
      none: [-1, -1],
    }[owner] as [number, number]
    const busy = each.state === 'ONGOING' || prepared
    const anonymous = each.verb === 'init' ? { pid: -1, askedEpoch: -1 } : { pid: 7, askedEpoch: 0 }
    const said = askedEpoch < 0 || askedEpoch > LAST_CLIENT_EPOCH ? anonymous : { pid, askedEpoch }
    const end = commit ? 'commit' : 'abort'
    return { ...each, ...said, epoch, next, topics: busy ? 't:0' : '', detail: each.verb === 'end' ? end : where }
  })

function line(q: Question): string {
  return [
    q.serverVersion,
    q.state,
    7,
    q.previous,
    q.next,
    q.epoch,
    q.topics,
    q.version,
    q.verb,
    q.pid,
    q.askedEpoch,
    q.detail,
    q.clientVersion,
  ].join('\t')
}

/** The same in a scenario here; the answer in the oracle's words. */
function ours(q: Question): string {
  const { step, harness } = transactionStage()
  step(`version ${q.serverVersion}`)
  step('markers hold')
  if (q.state !== '-') {
    step(
      `given id=a state=${q.state} pid=7 prev=${q.previous} next=${q.next} epoch=${q.epoch} tv=${q.version}` +
        ` ${q.topics}`,
    )
    step('reload')
  }
  const oldest = q.verb === 'end' ? 4 : q.verb === 'add' ? 3 : 5
  const version = q.clientVersion === 2 ? 5 : oldest
  const where = q.detail.replace(',t:', ',')
  const question = `${q.verb} id=a pid=${q.pid} epoch=${q.askedEpoch} version=${version} ${where}`
  step(question)
  for (const topic of ['t:0', 't:1', 't:2']) step(`answer ${topic}`)
  // Verification never waits; and a commit with nothing to commit is refused when it comes again.
  if (said(q, [...harness.answers.values()].at(-1)).includes('CONCURRENT')) step(question)
  const answer = said(q, [...harness.answers.values()].at(-1))
  return `${answer}\t${state(harness.replayed().transactions, harness.state.transactions)}`
}

function said(q: Question, answer: unknown): string {
  const { errorCode, error, producerId, producerEpoch, partitionErrors } = answer as {
    errorCode: ErrorCode
    error: ErrorCode
    producerId: number
    producerEpoch: number
    partitionErrors: { topic: string; partition: number; error: ErrorCode }[]
  }
  if (q.verb === 'init' || q.verb === 'end') return `${errorName(errorCode)} ${producerId} ${producerEpoch}`
  if (q.verb === 'add') return errorName(error)
  return partitionErrors
    .map((each) => `${each.topic}:${each.partition}=${errorName(each.error)}`)
    .sort()
    .join(' ')
}

type Transactions = ReturnType<typeof transactionStage>['harness']['state']['transactions']

function state(replayed: Transactions, live: Transactions): string {
  const metadata = live.get('a')
  if (metadata === undefined) return '-'
  expect(replayed.get('a')).toEqual({ ...metadata, lastProducerEpoch: -1 })
  const names = metadata.topics.flatMap(({ topic, partitions }) => partitions.map((each) => `${topic}:${each}`))
  return (
    `${metadata.state} ${metadata.producerId} ${metadata.producerEpoch} next=${metadata.nextProducerId}` +
    ` last=${metadata.lastProducerEpoch} tv=${metadata.clientVersion} ${names.sort().join(',')}`
  )
}

function isKnownDifference(q: Question, kafka: string, troupe: string): boolean {
  return (
    q.verb === 'init' &&
    kafka.startsWith('UNKNOWN_SERVER_ERROR') &&
    /^(PRODUCER_FENCED -1 -1|NONE 7 32766)\t/.test(troupe)
  )
}

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'Apache Kafka' : `Apache Kafka (skipped: ${classpath.skipped})`

describe.skipIf(typeof classpath !== 'string')(title, () => {
  test('the same answers and the same states', async () => {
    const asked = fc.sample(questions, { numRuns: QUESTIONS, seed: 431 })
    const compiled = compileJava(join(import.meta.dirname, 'java'), classpath as string)
    const { stdout, stderr } = await runJava(compiled, 'CoordinatorOracle', [], asked.map(line).join('\n'))
    const answers = stdout.trimEnd().split('\n')
    expect(answers.length, stderr).toBe(asked.length)
    const different = asked.flatMap((q, i) => {
      const here = ours(q)
      if (isKnownDifference(q, answers[i], here)) return []
      return here === answers[i] ? [] : [`${line(q)}\n  Kafka  ${answers[i]}\n  Troupe ${here}`]
    })
    expect(new Set(answers.map((answer) => answer.split(' ')[0])).size).toBeGreaterThan(6)
    expect(different.slice(0, 20).join('\n')).toBe('')
  }, 120_000)
})

test('records survive their own encoding in both log formats', () => {
  const { step, harness } = transactionStage()
  step('given id=a state=PREPARE_COMMIT pid=7 prev=6 next=9 epoch=32767 t:0,1 u:0')
  const metadata = harness.state.transactions.get('a')!
  expect(harness.replayed().transactions.get('a')).toEqual(metadata)
  const old = metadataOf('a', recordOf(metadata, 0).value!.value as Parameters<typeof metadataOf>[1])
  expect(old).toEqual({ ...metadata, previousProducerId: -1, nextProducerId: -1, clientVersion: 0 })
})
