/**
 * Leaving: what is polled is committed, the group is told, then the actor stops. Source: `KafkaConsumer.close`,
 * `unsubscribe`.
 */
import { clientActorNames } from '../messages.ts'
import { autoCommitOffsets, seenOffsets, startCommit } from './commits.ts'
import { closeSessions } from './fetcher.ts'
import { leaveGroup } from './heartbeat.ts'
import type { CloseConsumer, ConsumerClosed, Unsubscribe } from './messages.ts'
import { assignPartitions } from './positions.ts'
import { giveUpAll } from './rebalance.ts'
import { answerEmpty } from './poll.ts'
import { groupChannel, isAsking } from './requests.ts'
import type { Step } from './state.ts'

export function onUnsubscribe(step: Step, { replyTo }: Unsubscribe): void {
  const { state, out } = step
  if (state.subscription !== null) {
    giveUpAll(step)
    leaveGroup(step, 'the consumer unsubscribed from all topics')
    state.member.rejoin = null
  }
  state.subscription = null
  state.pattern = null
  state.patternKnown = false
  state.member.groupTopics = []
  state.member.assignedFor = null
  state.member.joinedTopics = null
  assignPartitions(step, [])
  const body: ConsumerClosed = { events: state.events }
  state.events = []
  out.cancelTimer('maxPoll')
  out.reply(replyTo, body)
}

export function onClose(step: Step, { replyTo, timeoutMs, unseen }: CloseConsumer): void {
  const { state, env } = step
  if (state.closing !== null) return
  answerEmpty(step)
  step.out.cancelTimer('maxPoll')
  const deadlineAt = env.now + timeoutMs
  state.closing = { replyTo, deadlineAt, phase: 'committing' }
  const offsets = seenOffsets(autoCommitOffsets(state), unseen)
  if (offsets.length > 0) {
    startCommit(step, { purpose: 'close', replyTo: null, offsets, once: false, deadlineAt })
  }
}

export function advanceClosing(step: Step): void {
  const { state, env, out } = step
  const { closing } = state
  if (closing === null) return
  const late = env.now >= closing.deadlineAt
  if (closing.phase === 'committing' && (late || state.commits.size === 0)) {
    closing.phase = 'leaving'
    if (state.subscription !== null) {
      giveUpAll(step)
      leaveGroup(step, 'the consumer is being closed')
    }
  }
  if (closing.phase !== 'leaving' || (!late && isAsking(step, 'leave'))) return
  const body: ConsumerClosed = { events: state.events }
  out.reply(closing.replyTo, body)
  closeSessions(step)
  const network = { broker: env.self.broker, actor: clientActorNames.network }
  out.send(network, { kind: 'unwatchMetadata', from: env.self } as never)
  out.send(network, { kind: 'closeChannel', channel: groupChannel(step) } as never)
  out.send(network, { kind: 'closeChannel', channel: env.self.actor } as never)
  out.stop(env.self.actor)
}
