/**
 * Does the log still have what was read? Positions are checked against each new leader, so that a truncation is noticed
 * before records of the new log are taken for the next ones (Z05, KIP-320). Source: `SubscriptionState`,
 * `OffsetsForLeaderEpochUtils`.
 */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { OffsetForLeaderEpochResponse } from '@troupe/wire/messages'
import { isInvalidMetadata } from '../errors.ts'
import type { NetworkAnswer } from '../messages.ts'
import { currentLeader } from './leaders.ts'
import { becomePosition, byLeader, policyOf, requestReset, seekUnvalidated, seekValidated } from './positions.ts'
import { api, ask, fail, refreshMetadata, retryTime } from './requests.ts'
import type { Asked, PartitionState, Position, Step } from './state.ts'
import { groupByTopic, partitionKey } from './topic-partition.ts'

/** The epochs by which a position is checked: of the record before it, and of the leader it was made under. */
export function checkedEpochs({ env }: Step, position: Position): { lastFetchedEpoch: number; leaderEpoch: number } {
  if (!env.safeguards.validatePosition) return { lastFetchedEpoch: -1, leaderEpoch: -1 }
  return { lastFetchedEpoch: position.offsetEpoch, leaderEpoch: position.leaderEpoch }
}

export function needsValidation(step: Step, position: Position): boolean {
  const { lastFetchedEpoch, leaderEpoch } = checkedEpochs(step, position)
  return lastFetchedEpoch >= 0 && leaderEpoch >= 0
}

/**
 * Was this fetched under the leader that the position reckons with? What an earlier leader has sent may lie in a log that
 * has parted from that of the leader now, and nobody would ask: the position's epoch is new already.
 */
export function isOfLeader(step: Step, position: Position, fetchedUnder: number): boolean {
  return checkedEpochs(step, position).leaderEpoch === fetchedUnder
}

/** After every change of the metadata. */
export function followLeaders(step: Step): void {
  for (const partition of step.state.partitions.values()) {
    const { position } = partition
    const now = currentLeader(step, partition)
    if (position === null || now.leader < 0) continue
    if (position.leader === now.leader && position.leaderEpoch === now.leaderEpoch) continue
    seekUnvalidated(step, partition, { ...position, ...now })
  }
}

/** A request that is not answered is sent again; a position that has changed meanwhile does not wait for it. */
export function validatePositions(step: Step): void {
  const { state, env } = step
  const due = [...state.partitions.values()].filter(
    ({ phase, retryAt }) => phase === 'awaitValidation' && env.now >= retryAt,
  )
  for (const [leader, own] of byLeader(step, due)) {
    const topics = [...groupByTopic(own)].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition, position }) => ({
        partition,
        currentLeaderEpoch: position!.leaderEpoch,
        leaderEpoch: position!.offsetEpoch,
      })),
    }))
    const positions = new Map(own.map(({ key, position }) => [key, position!]))
    ask(step, leader, api.offsetForLeaderEpoch, { replicaId: -1, topics }, { kind: 'validate', positions })
    for (const each of own) each.retryAt = env.now + state.config['request.timeout.ms']
  }
}

export function onValidated(
  step: Step,
  { positions }: Extract<Asked, { kind: 'validate' }>,
  answer: NetworkAnswer<OffsetForLeaderEpochResponse>,
): void {
  const topics = answer.kind === 'response' ? answer.body.topics : []
  const results = new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map((each) => [partitionKey({ topic, partition: each.partition }), each] as const),
    ),
  )
  let refresh = false
  for (const [key, asked] of positions) {
    const partition = step.state.partitions.get(key)
    if (partition === undefined || partition.phase !== 'awaitValidation') continue
    const result = results.get(key)
    if (result !== undefined && result.errorCode === KafkaError.NONE) {
      completeValidation(step, partition, asked, result)
      continue
    }
    const error = result?.errorCode ?? KafkaError.NETWORK_EXCEPTION
    if (!isRetriable(error) && !isInvalidMetadata(error)) fail(step, error, `validation: ${errorName(error)}`)
    partition.retryAt = retryTime(step, partition.failures++)
    refresh = true
  }
  if (refresh) refreshMetadata(step)
}

interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

function completeValidation(step: Step, partition: PartitionState, asked: Position, end: EpochEnd): void {
  const position = partition.position!
  // The application may have moved on: the answer says nothing of where it is now (KAFKA-8429).
  if (step.env.safeguards.recheckAfterValidation && !isSame(position, asked)) return
  if (end.endOffset < 0 || end.leaderEpoch < 0) return onTruncation(step, partition, null)
  if (end.endOffset < position.offset) return onTruncation(step, partition, end)
  becomePosition(partition, 'fetching')
  partition.failures = 0
}

function isSame(a: Position, b: Position): boolean {
  return (
    a.offset === b.offset && a.offsetEpoch === b.offsetEpoch && a.leader === b.leader && a.leaderEpoch === b.leaderEpoch
  )
}

/** A Fetch was answered with the place where the logs part, instead of records. */
export function onDiverging(step: Step, partition: PartitionState, end: EpochEnd): void {
  const position = partition.position!
  if (end.endOffset < position.offset) return onTruncation(step, partition, end)
  // Its log is longer, but of another epoch: nothing to go back to, and nothing to be told of again.
  seekValidated(partition, { ...position, offsetEpoch: end.leaderEpoch })
}

/** `end`: where the log of the position's epoch ends now, null when the leader does not know any such epoch. */
function onTruncation(step: Step, partition: PartitionState, end: EpochEnd | null): void {
  const { state, env, out } = step
  const { topic, key } = partition
  const target = policyOf(step)
  const { offset, offsetEpoch } = partition.position!
  const reset = target !== null
  const divergentOffset = end?.endOffset ?? null
  out.trace('truncated', { partition: key, offset, divergentOffset })
  const truncation = { topic, partition: partition.partition, offset, leaderEpoch: offsetEpoch, divergentOffset, reset }
  state.truncations.push(truncation)
  if (target === null) {
    fail(step, KafkaError.OFFSET_OUT_OF_RANGE, `the log of ${key} was truncated below ${offset}`)
    becomePosition(partition, 'awaitValidation')
    // Until the application seeks; it is told again.
    partition.retryAt = env.now + state.config['request.timeout.ms']
  } else if (end === null) requestReset(partition, target)
  else {
    const back = { ...partition.position!, offset: end.endOffset, offsetEpoch: end.leaderEpoch }
    seekValidated(partition, back)
  }
}
