/**
 * What the application wants to know about offsets, and waits for. Source: `KafkaConsumer.committed`, `position`,
 * `endOffsets`.
 */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { ListOffsetsResponse, OffsetFetchResponse } from '@troupe/wire/messages'
import { isInvalidMetadata } from '../errors.ts'
import type { NetworkAnswer } from '../messages.ts'
import { coordinatorOf, loseIfNotCoordinator, unansweredBy } from './coordinator.ts'
import { currentLeader } from './leaders.ts'
import type {
  AskCommitted,
  AskCurrentLag,
  AskOffsets,
  AskOffsetsForTimes,
  AskPosition,
  OffsetsAnswer,
} from './messages.ts'
import { EARLIEST, LATEST, committedRequest, listOffsetsRequest, listedOffsets } from './positions.ts'
import { api, ask, groupChannel, refreshMetadata, retryTime } from './requests.ts'
import type { Asked, Question, Step } from './state.ts'
import { partitionKey } from './topic-partition.ts'
import { watchTopics } from './watch.ts'

export function onQuestion(step: Step, message: AskCommitted | AskPosition | AskOffsets | AskOffsetsForTimes): void {
  const { state, env } = step
  const id = state.nextId++
  const question: Question = {
    id,
    kind: message.kind,
    replyTo: message.replyTo,
    partitions: message.kind === 'position' ? [message] : message.partitions,
    isolation: ('isolation' in message && message.isolation) || state.config['isolation.level'],
    deadlineAt: env.now + (message.timeoutMs ?? state.config['default.api.timeout.ms']),
    found: new Map(),
    waiting: 0,
    retryAt: 0,
    failures: 0,
  }
  state.questions.set(id, question)
  watchTopics(step)
}

export function onCurrentLag({ state, out }: Step, { replyTo, partitions }: AskCurrentLag): void {
  const committed = state.config['isolation.level'] === 'read_committed'
  const offsets = partitions.flatMap(({ topic, partition }) => {
    const found = state.partitions.get(partitionKey({ topic, partition }))
    const end = (committed ? found?.lastStableOffset : found?.highWatermark) ?? -1
    if (found?.phase !== 'fetching' || end < 0) return []
    const offset = Math.max(0, end - found.position!.offset)
    return [{ topic, partition, offset, leaderEpoch: -1, metadata: null }]
  })
  out.reply(replyTo, { error: KafkaError.NONE, detail: null, offsets } satisfies OffsetsAnswer)
}

export function advanceQuestions(step: Step): void {
  const { state, env } = step
  for (const question of state.questions.values()) {
    if (env.now >= question.deadlineAt) answer(step, question, KafkaError.REQUEST_TIMED_OUT, 'not in time')
    else if (question.waiting === 0 && env.now >= question.retryAt) tryAnswer(step, question)
  }
}

export function asksForPositions({ state }: Step): boolean {
  for (const { kind } of state.questions.values()) if (kind === 'position') return true
  return false
}

function tryAnswer(step: Step, question: Question): void {
  switch (question.kind) {
    case 'position':
      return answerPosition(step, question)
    case 'committed':
      return askCommitted(step, question)
    case 'beginningOffsets':
      return askOffsets(step, question, EARLIEST)
    case 'endOffsets':
    case 'offsetsForTimes':
      return askOffsets(step, question, LATEST)
  }
}

/** One that is being validated may turn out wrong: that is waited for. */
function answerPosition(step: Step, question: Question): void {
  const { topic, partition } = question.partitions[0]
  const known = step.state.partitions.get(partitionKey({ topic, partition }))
  if (known === undefined) return answer(step, question, KafkaError.UNKNOWN_TOPIC_OR_PARTITION, 'not assigned')
  if (known.phase !== 'fetching') return
  const { offset, offsetEpoch } = known.position!
  question.found.set(known.key, { topic, partition, offset, leaderEpoch: offsetEpoch, metadata: null })
  answer(step, question, KafkaError.NONE, null)
}

function askCommitted(step: Step, question: Question): void {
  const groupId = step.state.config['group.id']
  if (groupId === null) return answer(step, question, KafkaError.INVALID_GROUP_ID, 'group.id is not set')
  const to = coordinatorOf(step)
  if (to === null) return
  question.waiting = 1
  const body = committedRequest(groupId, question.partitions)
  const options = { minVersion: 8, maxVersion: 9, channel: groupChannel(step) }
  ask(step, to, api.offsetFetch, body, { kind: 'committed', question: question.id }, options)
}

export function onCommittedOffsets(
  step: Step,
  asked: Extract<Asked, { kind: 'committed' }>,
  response: NetworkAnswer<OffsetFetchResponse>,
): void {
  const question = step.state.questions.get(asked.question)
  const unanswered = unansweredBy(step, response) !== null
  if (question === undefined) return
  question.waiting = 0
  const group = response.kind === 'response' ? response.body.groups[0] : undefined
  if (unanswered || group === undefined) return later(step, question)
  const answers = group.topics.flatMap(({ name, partitions }) => partitions.map((each) => ({ topic: name, ...each })))
  const error = group.errorCode || answers.find(({ errorCode }) => errorCode !== 0)?.errorCode || 0
  if (error !== KafkaError.NONE) {
    loseIfNotCoordinator(step, error)
    return isRetriable(error) ? later(step, question) : answer(step, question, error, errorName(error))
  }
  for (const { topic, partitionIndex, committedOffset, committedLeaderEpoch, metadata } of answers) {
    if (committedOffset < 0) continue
    const found = {
      topic,
      partition: partitionIndex,
      offset: committedOffset,
      leaderEpoch: committedLeaderEpoch,
      metadata,
    }
    question.found.set(partitionKey(found), found)
  }
  answer(step, question, KafkaError.NONE, null)
}

/** `otherwise`: the timestamp of those that are not asked for a time of their own. */
function askOffsets(step: Step, question: Question, otherwise: number): void {
  const leaders = new Map<number, { topic: string; partition: number; timestamp: number }[]>()
  for (const { topic, partition, timestamp = otherwise } of question.partitions) {
    if (question.found.has(partitionKey({ topic, partition }))) continue
    const { leader } = currentLeader(step, { topic, partition })
    if (leader < 0) {
      refreshMetadata(step)
      return later(step, question)
    }
    const group = leaders.get(leader) ?? []
    group.push({ topic, partition, timestamp })
    leaders.set(leader, group)
  }
  if (leaders.size === 0) return answer(step, question, KafkaError.NONE, null)
  for (const [leader, partitions] of leaders) {
    question.waiting++
    const asked: Asked = { kind: 'offsets', question: question.id, partitions }
    ask(step, leader, api.listOffsets, listOffsetsRequest(question.isolation, step, partitions), asked)
  }
}

export function onListed(
  step: Step,
  asked: Extract<Asked, { kind: 'offsets' }>,
  response: NetworkAnswer<ListOffsetsResponse>,
): void {
  const question = step.state.questions.get(asked.question)
  if (question === undefined) return
  question.waiting--
  const listed = response.kind === 'response' ? listedOffsets(response.body) : new Map<string, never>()
  for (const { topic, partition } of asked.partitions) {
    const key = partitionKey({ topic, partition })
    const { errorCode, offset, leaderEpoch, timestamp } = listed.get(key) ?? {
      errorCode: KafkaError.NETWORK_EXCEPTION,
      offset: -1,
      leaderEpoch: -1,
      timestamp: -1,
    }
    if (errorCode === KafkaError.NONE) {
      const found = { topic, partition, offset, leaderEpoch, metadata: null }
      question.found.set(key, question.kind === 'offsetsForTimes' ? { ...found, timestamp } : found)
      continue
    }
    if (!isRetriable(errorCode) && !isInvalidMetadata(errorCode)) {
      return answer(step, question, errorCode, errorName(errorCode))
    }
    refreshMetadata(step)
    later(step, question)
  }
}

/** None can be answered: the brokers do not accept who we are. */
export function failQuestions(step: Step, error: number, detail: string | null): void {
  for (const question of step.state.questions.values()) answer(step, question, error, detail)
}

function later(step: Step, question: Question): void {
  question.retryAt = retryTime(step, question.failures++)
}

function answer(step: Step, question: Question, error: number, detail: string | null): void {
  step.state.questions.delete(question.id)
  // −1: nothing is that young.
  const offsets = error === KafkaError.NONE ? [...question.found.values()].filter(({ offset }) => offset >= 0) : []
  const body: OffsetsAnswer = { error, detail, offsets }
  step.out.reply(question.replyTo, body)
  watchTopics(step)
}
