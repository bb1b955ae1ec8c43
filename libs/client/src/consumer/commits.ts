/**
 * Committing offsets: the application's, the periodic one, the one before a rebalance. Source: `ConsumerCoordinator`;
 * KIP-320 (leader epochs in commits), Z30 (the generation fences a commit).
 */
import type { ReplyToken } from '@troupe/actor'
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { OffsetCommitResponse } from '@troupe/wire/messages'
import type { NetworkAnswer, OffsetToCommit } from '../messages.ts'
import { coordinatorOf, loseCoordinator, loseIfNotCoordinator, unansweredBy } from './coordinator.ts'
import { hasGeneration } from './heartbeat.ts'
import { identity, isUnchanged, requestRejoin, resetMember } from './membership.ts'
import type { Commit, Committed } from './messages.ts'
import { api, ask, groupChannel, retryTime } from './requests.ts'
import type { Asked, ConsumerState, PendingCommit, Step } from './state.ts'
import { groupByTopic, partitionKey } from './topic-partition.ts'

type Sent = Extract<Asked, { kind: 'commit' }>

export interface NewCommit {
  readonly purpose: PendingCommit['purpose']
  readonly replyTo: ReplyToken | null
  readonly offsets: readonly OffsetToCommit[]
  readonly once: boolean
  readonly deadlineAt: number
}

/** What was polled: records that a poll has returned count as processed when the next poll comes. */
export function consumedOffsets({ partitions }: ConsumerState): OffsetToCommit[] {
  return [...partitions.values()].flatMap(({ topic, partition, phase, position }) =>
    phase === 'fetching' && position !== null
      ? [{ topic, partition, offset: position.offset, leaderEpoch: position.offsetEpoch, metadata: '' }]
      : [],
  )
}

/** What a poll has returned counts as processed, but for what the application has not looked at yet. */
export function seenOffsets(offsets: OffsetToCommit[], unseen: readonly OffsetToCommit[] = []): OffsetToCommit[] {
  if (unseen.length === 0) return offsets
  const from = new Map(unseen.map((each) => [partitionKey(each), each]))
  return offsets.map((each) => from.get(partitionKey(each)) ?? each)
}

export function autoCommitOffsets(state: ConsumerState): OffsetToCommit[] {
  return state.config['enable.auto.commit'] && state.config['group.id'] !== null ? consumedOffsets(state) : []
}

export function startCommit(step: Step, commit: NewCommit): number {
  const { state } = step
  const id = state.nextId++
  const pending = { ...commit, id, inFlight: false, indefinite: false, retryAt: 0, failures: 0 }
  state.commits.set(id, pending)
  if (commit.offsets.length === 0) finish(step, pending, KafkaError.NONE, null)
  else trySend(step, pending)
  return id
}

export function onCommit(step: Step, { replyTo, offsets, unseen, once, timeoutMs }: Commit): void {
  const { state, env } = step
  startCommit(step, {
    purpose: 'application',
    replyTo,
    offsets: offsets ?? seenOffsets(consumedOffsets(state), unseen),
    once: once ?? false,
    deadlineAt: env.now + (timeoutMs ?? state.config['default.api.timeout.ms']),
  })
}

/** Only while a poll waits: what the last one returned is in the application's hands until then. */
export function autoCommitIfDue(step: Step): void {
  const { state, env } = step
  if (state.poll === null || env.now < state.autoCommitAt) return
  state.autoCommitAt = env.now + state.config['auto.commit.interval.ms']
  const offsets = autoCommitOffsets(state)
  if (offsets.length === 0) return
  const deadlineAt = env.now + state.config['default.api.timeout.ms']
  startCommit(step, { purpose: 'auto', replyTo: null, offsets, once: true, deadlineAt })
}

export function advanceCommits(step: Step): void {
  for (const commit of step.state.commits.values()) {
    if (step.env.now >= commit.deadlineAt) finish(step, commit, KafkaError.REQUEST_TIMED_OUT, 'not in time')
    else if (!commit.inFlight) trySend(step, commit)
  }
}

function trySend(step: Step, commit: PendingCommit): void {
  const { state, env } = step
  const { member, config } = state
  if (config['group.id'] === null) return finish(step, commit, KafkaError.INVALID_GROUP_ID, 'group.id is not set')
  if (env.now < commit.retryAt) return
  if (state.subscription !== null && (!hasGeneration(member) || member.phase === 'syncing')) {
    const rebalancing = member.phase === 'joining' || member.phase === 'syncing'
    if (rebalancing) return finish(step, commit, KafkaError.REBALANCE_IN_PROGRESS, 'poll until it is over')
    return finish(step, commit, KafkaError.UNKNOWN_MEMBER_ID, 'not part of an active group')
  }
  const to = coordinatorOf(step)
  if (to === null) return
  commit.inFlight = true
  const byHand = state.subscription === null
  const { memberId, generationId } = byHand ? { memberId: '', generationId: -1 } : identity(member)
  const body = {
    groupId: config['group.id'],
    generationIdOrMemberEpoch: generationId,
    memberId,
    groupInstanceId: byHand ? null : config['group.instance.id'],
    topics: requestTopics(commit.offsets),
  }
  const sent: Asked = { kind: 'commit', commit: commit.id, memberId, generationId }
  // Version 10 names topics by id, which a classic consumer does not do (KIP-848).
  ask(step, to, api.offsetCommit, body, sent, { maxVersion: 9, channel: groupChannel(step) })
}

function requestTopics(offsets: readonly OffsetToCommit[]): object[] {
  return [...groupByTopic(offsets)].map(([name, own]) => ({
    name,
    partitions: own.map(({ partition, offset, leaderEpoch, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }))
}

export function onCommitted(step: Step, sent: Sent, answer: NetworkAnswer<OffsetCommitResponse>): void {
  const commit = step.state.commits.get(sent.commit)
  const reason = unansweredBy(step, answer)
  if (commit === undefined) return
  commit.inFlight = false
  if (reason !== null || answer.kind !== 'response') {
    if (reason === 'unsupported-version') return finish(step, commit, KafkaError.UNSUPPORTED_VERSION, reason)
    if (answer.kind === 'unanswered' && answer.reason === 'authentication-failed') {
      const { error = KafkaError.SASL_AUTHENTICATION_FAILED, detail = null } = answer
      return finish(step, commit, error, detail)
    }
    if (reason !== 'no-connection') commit.indefinite = true
    return retry(step, commit, KafkaError.NETWORK_EXCEPTION, reason)
  }
  const failed = answer.body.topics.flatMap(({ partitions }) => partitions).find(({ errorCode }) => errorCode !== 0)
  if (failed === undefined) return finish(step, commit, KafkaError.NONE, null)
  onRefused(step, sent, commit, failed.errorCode)
}

function onRefused(step: Step, sent: Sent, commit: PendingCommit, error: number): void {
  const { member } = step.state
  const byHand = step.state.subscription === null
  if (loseIfNotCoordinator(step, error)) return retry(step, commit, error, null)
  switch (error) {
    case KafkaError.REQUEST_TIMED_OUT:
      loseCoordinator(step, errorName(error))
      commit.indefinite = true
      return retry(step, commit, error, null)
    case KafkaError.REBALANCE_IN_PROGRESS:
      requestRejoin(step, 'offset commit failed since group is already rebalancing')
      return finish(step, commit, error, 'poll until the rebalance is over')
    case KafkaError.UNKNOWN_MEMBER_ID:
    case KafkaError.ILLEGAL_GENERATION:
      if (!byHand && !isUnchanged(step, sent)) return finish(step, commit, KafkaError.REBALANCE_IN_PROGRESS, 'stale')
      if (!byHand) resetMember(step, errorName(error), error === KafkaError.UNKNOWN_MEMBER_ID)
      return finish(step, commit, error, 'the group has given the partitions to another member')
    case KafkaError.FENCED_INSTANCE_ID: {
      const stale = !isUnchanged(step, sent) && member.phase === 'joining'
      return finish(
        step,
        commit,
        stale ? KafkaError.REBALANCE_IN_PROGRESS : error,
        'another consumer has this instance id',
      )
    }
  }
  if (isRetriable(error)) return retry(step, commit, error, null)
  finish(step, commit, error, errorName(error))
}

function retry(step: Step, commit: PendingCommit, error: number, detail: string | null): void {
  commit.retryAt = retryTime(step, commit.failures++)
  if (commit.once) finish(step, commit, error, detail)
}

function finish(step: Step, commit: PendingCommit, error: number, detail: string | null): void {
  const { state, out } = step
  state.commits.delete(commit.id)
  const indefinite = error !== KafkaError.NONE && (commit.inFlight || commit.indefinite)
  if (error !== KafkaError.NONE) out.trace('commit-failed', { purpose: commit.purpose, error: errorName(error) })
  if (commit.replyTo !== null) {
    const answer: Committed = { error, detail, offsets: commit.offsets, indefinite }
    out.reply(commit.replyTo, answer)
  }
  if (state.member.prepared === commit.id) state.member.prepared = 'done'
  if (commit.purpose === 'auto' && isRetriable(error)) state.autoCommitAt = commit.retryAt
}
