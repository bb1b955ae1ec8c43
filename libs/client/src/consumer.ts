/**
 * The `consumer:<name>` actor: member of a classic group, positions, fetches. Behaves as Java's ClassicKafkaConsumer.
 *
 * Spawned with kind `consumer` and args `{ properties: { 'group.id': …, … } }` (`ConsumerProperties`) on a node that
 * has a `network` actor. Left out: assignment by racks (KIP-881), the consumer protocol of KIP-848.
 *
 * | message                                      | from        | effect                                             |
 * | -------------------------------------------- | ----------- | -------------------------------------------------- |
 * | subscribe, assign, unsubscribe               | application | what is consumed                                   |
 * | enforceRebalance                             | application | rejoins at the next poll                           |
 * | poll                                         | application | records and rebalances; `Polled`                   |
 * | commit                                       | application | `Committed`                                        |
 * | seek, pause, resume                          | application | where to read next, and whether                    |
 * | committed, position                          | application | `OffsetsAnswer`                                    |
 * | beginningOffsets, endOffsets, offsetsForTimes | application | `OffsetsAnswer`                                    |
 * | currentLag                                   | application | `OffsetsAnswer`                                    |
 * | groupMetadata                                | application | `GroupMetadata`, for a producer's `sendOffsets`    |
 * | close                                        | application | leaves, then stops; `ConsumerClosed`               |
 * | metadataChanged                              | network     | new leaders: positions are validated               |
 * | metadataFailed                               | network     | the next poll says why                             |
 * | reply                                        | network     | the answer to a request                            |
 * | heartbeatDue, maxPollDue, wake               | itself      | time has passed                                    |
 */
import type { ActorDefinition, Message, Reply } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { Assignor } from './consumer/assignors/assignor.ts'
import { advanceClosing, onClose, onUnsubscribe } from './consumer/closing.ts'
import { advanceCommits, autoCommitIfDue, onCommit, onCommitted } from './consumer/commits.ts'
import type { ConsumerProperties } from './consumer/config.ts'
import { onCoordinator } from './consumer/coordinator.ts'
import { onFetched, sendFetches } from './consumer/fetcher.ts'
import { onHeartbeat, onHeartbeatDue, onMaxPollDue, type HeartbeatDue, type MaxPollDue } from './consumer/heartbeat.ts'
import { invariants } from './consumer/invariants.ts'
import { assignWhenKnown } from './consumer/leader.ts'
import { groupMetadata, isRebalancing, onJoined, onSynced, requestRejoin } from './consumer/membership.ts'
import type { ApplicationMessage, Assign, Pause, Subscribe } from './consumer/messages.ts'
import { followPattern } from './consumer/pattern.ts'
import { answerPoll, onPoll } from './consumer/poll.ts'
import { assignPartitions, findPositions, onInitial, onReset, onSeek } from './consumer/positions.ts'
import {
  advanceQuestions,
  asksForPositions,
  failQuestions,
  onCommittedOffsets,
  onCurrentLag,
  onListed,
  onQuestion,
} from './consumer/questions.ts'
import { advanceMembership } from './consumer/rebalance.ts'
import { answerOf, fail } from './consumer/requests.ts'
import { newConsumerState, type ConsumerState, type Step } from './consumer/state.ts'
import { partitionKey } from './consumer/topic-partition.ts'
import { followLeaders, onValidated, validatePositions } from './consumer/validation.ts'
import { armWake, type Wake } from './consumer/wake.ts'
import { watchTopics } from './consumer/watch.ts'
import type { MetadataChanged, MetadataFailed, NetworkAnswer } from './messages.ts'

export type { ConsumerProperties } from './consumer/config.ts'
export type * from './consumer/assignors/assignor.ts'
export type * from './consumer/messages.ts'
export type { ConsumerState } from './consumer/state.ts'

export interface ConsumerArgs {
  readonly properties: Partial<ConsumerProperties>
  /** The application's own, named in `partition.assignment.strategy`. */
  readonly assignors?: readonly Assignor[]
}

export type ConsumerMessage =
  | ApplicationMessage
  | MetadataChanged
  | MetadataFailed
  | Reply<NetworkAnswer>
  | HeartbeatDue
  | MaxPollDue
  | Wake

export const consumerActor: ActorDefinition<ConsumerState, ConsumerMessage & Message, Step['env'], ConsumerArgs> = {
  kind: 'consumer',
  start: ({ properties, assignors }, env) => newConsumerState(properties, env.now, assignors),
  step(state, message, env, out) {
    const step: Step = { state, env, out }
    dispatch(step, message)
    advance(step)
  },
  invariants,
}

function dispatch(step: Step, message: ConsumerMessage): void {
  const { state } = step
  switch (message.kind) {
    case 'subscribe':
      return onSubscribe(step, message)
    case 'enforceRebalance':
      if (state.subscription !== null) requestRejoin(step, message.reason ?? 'rebalance enforced by user')
      return
    case 'assign':
      return onAssign(step, message)
    case 'unsubscribe':
      return onUnsubscribe(step, message)
    case 'seek':
      return onSeek(step, message)
    case 'pause':
    case 'resume':
      return onPause(step, message)
    case 'poll':
      return onPoll(step, message)
    case 'commit':
      return onCommit(step, message)
    case 'committed':
    case 'position':
    case 'beginningOffsets':
    case 'endOffsets':
    case 'offsetsForTimes':
      return onQuestion(step, message)
    case 'currentLag':
      return onCurrentLag(step, message)
    case 'groupMetadata':
      return step.out.reply(message.replyTo, {
        ...groupMetadata(state),
        ...(isRebalancing(state) && { rebalancing: true }),
      })
    case 'close':
      return onClose(step, message)
    case 'metadataChanged':
      return onMetadata(step, message)
    case 'metadataFailed':
      return onRefused(step, message)
    case 'reply':
      return onReply(step, message)
    case 'heartbeatDue':
      return onHeartbeatDue(step)
    case 'maxPollDue':
      return onMaxPollDue(step)
    case 'wake':
      state.wakeAt = Number.MAX_SAFE_INTEGER
  }
}

function onReply(step: Step, message: Reply<NetworkAnswer>): void {
  const { asked } = step.state
  const about = asked.get(message.id)
  if (about === undefined) return
  asked.delete(message.id)
  const answer = answerOf(message) as NetworkAnswer<never>
  if (answer.kind === 'unanswered' && answer.reason === 'authentication-failed') onRefused(step, answer)
  switch (about.kind) {
    case 'coordinator':
      return onCoordinator(step, answer)
    case 'join':
      return onJoined(step, answer)
    case 'sync':
      return onSynced(step, about as typeof about & { kind: 'sync' }, answer)
    case 'heartbeat':
      return onHeartbeat(step, about as typeof about & { kind: 'heartbeat' }, answer)
    case 'leave':
    case 'closeSession':
      return
    case 'commit':
      return onCommitted(step, about, answer)
    case 'initial':
      return onInitial(step, message.id, about, answer)
    case 'committed':
      return onCommittedOffsets(step, about, answer)
    case 'reset':
      return onReset(step, message.id, about, answer)
    case 'offsets':
      return onListed(step, about, answer)
    case 'validate':
      return onValidated(step, about, answer)
    case 'fetch':
      return onFetched(step, about, answer)
  }
}

/** The brokers do not accept who we are: the next poll says so, and tries again. */
function onRefused(step: Step, refusal: { readonly error?: number; readonly detail?: string }): void {
  const { error = KafkaError.SASL_AUTHENTICATION_FAILED, detail = null } = refusal
  fail(step, error, detail)
  failQuestions(step, error, detail)
}

/** Everything that may have become possible. */
function advance(step: Step): void {
  const { state } = step
  autoCommitIfDue(step)
  advanceCommits(step)
  advanceMembership(step)
  const polls = state.poll !== null && state.closing === null
  if (polls || asksForPositions(step)) {
    findPositions(step)
    validatePositions(step)
  }
  advanceQuestions(step)
  // What lies ready first: a partition is fetched when nothing of it is left.
  answerPoll(step)
  if (polls && state.poll !== null) sendFetches(step)
  advanceClosing(step)
  armWake(step)
}

function onSubscribe(step: Step, { topics, pattern, userData }: Subscribe): void {
  const { state } = step
  if (state.config['group.id'] === null) return fail(step, KafkaError.INVALID_GROUP_ID, 'group.id is not set')
  if (state.subscription === null) assignPartitions(step, [])
  state.subscription = [...new Set(topics)]
  state.subscriptionData = userData ?? null
  state.pattern = pattern ?? null
  state.patternKnown = false
  followPattern(step)
  watchTopics(step)
}

function onAssign(step: Step, { partitions }: Assign): void {
  if (step.state.subscription !== null) return fail(step, KafkaError.INVALID_REQUEST, 'subscribed: unsubscribe first')
  assignPartitions(step, partitions)
}

function onPause({ state }: Step, { kind, partitions }: Pause): void {
  for (const each of partitions) {
    const found = state.partitions.get(partitionKey(each))
    if (found !== undefined) found.paused = kind === 'pause'
  }
}

function onMetadata(step: Step, { metadata }: MetadataChanged): void {
  const { state } = step
  state.metadata = metadata
  followPattern(step)
  for (const topic of state.subscription ?? []) {
    const error = metadata.topics.get(topic)?.error ?? KafkaError.NONE
    if (error === KafkaError.TOPIC_AUTHORIZATION_FAILED || error === KafkaError.INVALID_TOPIC_EXCEPTION) {
      fail(step, error, topic)
    }
  }
  followLeaders(step)
  assignWhenKnown(step)
}
