/**
 * Where each partition is read next, and how that is found out: committed offsets, a reset by `auto.offset.reset`, a
 * seek. Source: `SubscriptionState`, `OffsetFetcher`, `ConsumerCoordinator.refreshCommittedOffsets`.
 */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { ListOffsetsResponse, OffsetFetchResponse } from '@troupe/wire/messages'
import { isInvalidMetadata } from '../errors.ts'
import type { NetworkAnswer } from '../messages.ts'
import { coordinatorOf, loseIfNotCoordinator, unansweredBy } from './coordinator.ts'
import { currentLeader, positionAt } from './leaders.ts'
import type { Seek } from './messages.ts'
import { api, ask, fail, groupChannel, refreshMetadata, retryTime } from './requests.ts'
import { resetTarget, type ResetTarget } from './reset-policy.ts'
import { positionEdges, type Asked, type PartitionState, type Position, type Step } from './state.ts'
import { groupByTopic, partitionKey, type TopicPartition } from './topic-partition.ts'
import { needsValidation } from './validation.ts'
import { watchTopics } from './watch.ts'

export const EARLIEST = -2
export const LATEST = -1

/** What stays keeps its position; what was fetched of the others is dropped. */
export function assignPartitions(step: Step, partitions: readonly TopicPartition[]): void {
  const { state } = step
  const before = new Map(state.partitions)
  state.partitions.clear()
  for (const each of partitions) {
    const key = partitionKey(each)
    state.partitions.set(key, before.get(key) ?? newPartition(each))
  }
  state.fetched = state.fetched.filter(({ key }) => state.partitions.has(key))
  watchTopics(step)
}

function newPartition({ topic, partition }: TopicPartition): PartitionState {
  return {
    key: partitionKey({ topic, partition }),
    topic,
    partition,
    phase: 'initializing',
    position: null,
    resetTo: 'latest',
    preferred: null,
    asked: 0,
    retryAt: 0,
    failures: 0,
    paused: false,
    revoking: false,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
  }
}

export function becomePosition(partition: PartitionState, phase: PartitionState['phase']): void {
  partition.phase = positionEdges(partition.phase, phase)
  partition.asked = 0
  partition.retryAt = 0
}

/** A position that nobody doubts. */
export function seekValidated(partition: PartitionState, position: Position): void {
  becomePosition(partition, 'fetching')
  partition.failures = 0
  partition.position = position
}

/** A position from elsewhere: when its epoch is known the leader is asked first whether the log still has it. */
export function seekUnvalidated(step: Step, partition: PartitionState, position: Position): void {
  seekValidated(partition, position)
  if (needsValidation(step, position)) becomePosition(partition, 'awaitValidation')
}

export function requestReset(partition: PartitionState, to: ResetTarget): void {
  becomePosition(partition, 'awaitReset')
  partition.position = null
  partition.resetTo = to
}

export function onSeek(step: Step, { topic, partition, to, leaderEpoch }: Seek): void {
  const found = step.state.partitions.get(partitionKey({ topic, partition }))
  if (found === undefined) return
  if (to === 'beginning') return requestReset(found, 'earliest')
  if (to === 'end') return requestReset(found, 'latest')
  if (typeof to === 'object') return requestReset(found, to)
  seekUnvalidated(step, found, positionAt(step, found, to, leaderEpoch ?? -1))
}

/** Inside of a poll, or because the application asks for a position. */
export function findPositions(step: Step): void {
  const ready = [...step.state.partitions.values()].filter(
    ({ asked, retryAt, revoking }) => asked === 0 && step.env.now >= retryAt && !revoking,
  )
  initialize(
    step,
    ready.filter(({ phase }) => phase === 'initializing'),
  )
  reset(
    step,
    ready.filter(({ phase }) => phase === 'awaitReset'),
  )
}

function initialize(step: Step, partitions: readonly PartitionState[]): void {
  if (partitions.length === 0) return
  const { config } = step.state
  if (config['group.id'] === null) {
    for (const each of partitions) resetByPolicy(step, each)
    return
  }
  const to = coordinatorOf(step)
  if (to === null) return
  const body = committedRequest(config['group.id'], partitions)
  const asked: Asked = { kind: 'initial', partitions: partitions.map(({ topic, partition }) => ({ topic, partition })) }
  const options = { minVersion: 8, maxVersion: 9, channel: groupChannel(step) }
  const id = ask(step, to, api.offsetFetch, body, asked, options)
  for (const each of partitions) each.asked = id
}

/** Never unstable offsets (KIP-447): as in Java, whatever the isolation level. */
export function committedRequest(groupId: string, partitions: readonly TopicPartition[]): object {
  const topics = [...groupByTopic(partitions)].map(([name, own]) => ({
    name,
    partitionIndexes: own.map(({ partition }) => partition),
  }))
  return { groups: [{ groupId, topics }], requireStable: true }
}

export function policyOf({ state, env }: Step): ResetTarget | null {
  return resetTarget(state.config['auto.offset.reset'], env.now)
}

function resetByPolicy(step: Step, partition: PartitionState): void {
  const target = policyOf(step)
  if (target !== null) return requestReset(partition, target)
  partition.asked = 0
  partition.retryAt = retryTime(step, partition.failures++)
  fail(step, KafkaError.OFFSET_OUT_OF_RANGE, `no offset for ${partition.key}, and no reset policy`)
}

/** Those that still wait for exactly this answer. */
function waiting(step: Step, id: number, partitions: readonly TopicPartition[]): PartitionState[] {
  return partitions.flatMap((each) => {
    const found = step.state.partitions.get(partitionKey(each))
    return found !== undefined && found.asked === id ? [found] : []
  })
}

function later(step: Step, partitions: readonly PartitionState[]): void {
  for (const each of partitions) {
    each.asked = 0
    each.retryAt = retryTime(step, each.failures++)
  }
}

export function onInitial(
  step: Step,
  id: number,
  asked: Extract<Asked, { kind: 'initial' }>,
  answer: NetworkAnswer<OffsetFetchResponse>,
): void {
  const unanswered = unansweredBy(step, answer) !== null
  const group = answer.kind === 'response' ? answer.body.groups[0] : undefined
  const partitions = waiting(step, id, asked.partitions)
  if (unanswered || group === undefined) return later(step, partitions)
  const answers = group.topics.flatMap(({ name, partitions: own }) => own.map((each) => ({ topic: name, ...each })))
  const error = group.errorCode || answers.find(({ errorCode }) => errorCode !== 0)?.errorCode || 0
  if (error !== KafkaError.NONE) {
    loseIfNotCoordinator(step, error)
    if (!isRetriable(error)) fail(step, error, `OffsetFetch: ${errorName(error)}`)
    return later(step, partitions)
  }
  const offsets = new Map(answers.map((each) => [partitionKey({ ...each, partition: each.partitionIndex }), each]))
  for (const each of partitions) {
    const found = offsets.get(each.key)
    if (found === undefined || found.committedOffset < 0) resetByPolicy(step, each)
    else seekUnvalidated(step, each, positionAt(step, each, found.committedOffset, found.committedLeaderEpoch))
  }
}

function reset(step: Step, partitions: readonly PartitionState[]): void {
  for (const [leader, own] of byLeader(step, partitions)) {
    const asked: Asked = { kind: 'reset', partitions: own.map(({ topic, partition }) => ({ topic, partition })) }
    const times = own.map(({ resetTo, ...each }) => ({
      ...each,
      timestamp: typeof resetTo === 'object' ? resetTo.timestamp : resetTo === 'earliest' ? EARLIEST : LATEST,
    }))
    const id = ask(
      step,
      leader,
      api.listOffsets,
      listOffsetsRequest(step.state.config['isolation.level'], step, times),
      asked,
    )
    for (const each of own) each.asked = id
  }
}

/** Who has no leader waits for one. */
export function byLeader<P extends PartitionState>(step: Step, partitions: readonly P[]): Map<number, P[]> {
  const leaders = new Map<number, P[]>()
  let refresh = false
  for (const each of partitions) {
    const { leader } = currentLeader(step, each)
    if (leader < 0) {
      each.retryAt = retryTime(step, 0)
      refresh = true
      continue
    }
    const group = leaders.get(leader)
    if (group === undefined) leaders.set(leader, [each])
    else group.push(each)
  }
  if (refresh) refreshMetadata(step)
  return leaders
}

export function listOffsetsRequest(
  isolation: 'read_uncommitted' | 'read_committed',
  step: Step,
  partitions: readonly (TopicPartition & { timestamp: number })[],
): object {
  const topics = [...groupByTopic(partitions)].map(([name, own]) => ({
    name,
    partitions: own.map((each) => ({
      partitionIndex: each.partition,
      currentLeaderEpoch: currentLeader(step, each).leaderEpoch,
      timestamp: each.timestamp,
    })),
  }))
  const isolationLevel = isolation === 'read_committed' ? 1 : 0
  return { replicaId: -1, isolationLevel, topics }
}

export function onReset(
  step: Step,
  id: number,
  asked: Extract<Asked, { kind: 'reset' }>,
  answer: NetworkAnswer<ListOffsetsResponse>,
): void {
  const partitions = waiting(step, id, asked.partitions)
  if (answer.kind !== 'response') {
    refreshMetadata(step)
    return later(step, partitions)
  }
  const offsets = listedOffsets(answer.body)
  for (const each of partitions) {
    const found = offsets.get(each.key)
    if (found !== undefined && found.errorCode === KafkaError.NONE && found.offset >= 0) {
      // Without an epoch: it has just come from the leader.
      seekUnvalidated(step, each, positionAt(step, each, found.offset, -1))
      continue
    }
    if (found?.errorCode === KafkaError.NONE && typeof each.resetTo === 'object') {
      // Nothing is that young.
      requestReset(each, 'latest')
      continue
    }
    const error = found?.errorCode ?? KafkaError.UNKNOWN_SERVER_ERROR
    if (!isRetriable(error) && !isInvalidMetadata(error)) fail(step, error, `ListOffsets: ${errorName(error)}`)
    refreshMetadata(step)
    later(step, [each])
  }
}

export function listedOffsets(
  response: ListOffsetsResponse,
): Map<string, { errorCode: number; offset: number; leaderEpoch: number; timestamp: number }> {
  return new Map(
    response.topics.flatMap(({ name, partitions }) =>
      partitions.map((each) => [partitionKey({ topic: name, partition: each.partitionIndex }), each] as const),
    ),
  )
}
