/**
 * Heartbeats, and the two ways to fall silent: a coordinator that does not answer for `session.timeout.ms` is looked
 * for anew; an application that does not poll for `max.poll.interval.ms` leaves the group. Source: `HeartbeatThread`.
 */
import type { Message } from '@troupe/actor'
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { HeartbeatResponse } from '@troupe/wire/messages'
import type { NetworkAnswer } from '../messages.ts'
import { coordinatorOf, loseCoordinator, loseIfNotCoordinator, unansweredBy } from './coordinator.ts'
import { identity, isUnchanged, requestRejoin, resetMember } from './membership.ts'
import { api, ask, fail, groupChannel } from './requests.ts'
import type { Asked, Membership, Step } from './state.ts'

export interface HeartbeatDue extends Message {
  readonly kind: 'heartbeatDue'
}
export interface MaxPollDue extends Message {
  readonly kind: 'maxPollDue'
}

/** While a join waits at the coordinator, that is its sign of life. */
export function hasGeneration({ phase, generationId }: Membership): boolean {
  return generationId >= 0 && phase !== 'unjoined' && phase !== 'joining'
}

export function armHeartbeat(step: Step, after = step.state.config['heartbeat.interval.ms']): void {
  step.out.setTimer('heartbeat', step.env.now + after, { kind: 'heartbeatDue' })
}

export function onHeartbeatDue(step: Step): void {
  const { state, env } = step
  const { member, config } = state
  const { heartbeat } = member
  if (!hasGeneration(member)) return
  if (env.now - heartbeat.answeredAt >= config['session.timeout.ms']) {
    heartbeat.answeredAt = env.now
    loseCoordinator(step, 'session timed out without a heartbeat response')
  }
  const to = coordinatorOf(step)
  if (to === null) return armHeartbeat(step, config['retry.backoff.ms'])
  armHeartbeat(step)
  if (heartbeat.inFlight) return
  heartbeat.inFlight = true
  heartbeat.sentAt = env.now
  const body = {
    groupId: config['group.id']!,
    generationId: member.generationId,
    memberId: member.memberId,
    groupInstanceId: config['group.instance.id'],
  }
  ask(step, to, api.heartbeat, body, { kind: 'heartbeat', ...identity(member) }, { channel: groupChannel(step) })
}

export function onHeartbeat(
  step: Step,
  sent: Extract<Asked, { memberId: string }>,
  answer: NetworkAnswer<HeartbeatResponse>,
): void {
  const { member, config } = step.state
  member.heartbeat.inFlight = false
  if (unansweredBy(step, answer) !== null || answer.kind !== 'response') {
    return hasGeneration(member) ? armHeartbeat(step, config['retry.backoff.ms']) : undefined
  }
  const { errorCode } = answer.body
  if (loseIfNotCoordinator(step, errorCode)) return armHeartbeat(step, config['retry.backoff.ms'])
  // Also while it rebalances: the coordinator keeps the member for as long as it hears from it.
  member.heartbeat.answeredAt = step.env.now
  switch (errorCode) {
    case KafkaError.NONE:
      return
    case KafkaError.REBALANCE_IN_PROGRESS:
      if (member.phase === 'stable' || member.phase === 'adopting') requestRejoin(step, 'group is already rebalancing')
      return
    case KafkaError.ILLEGAL_GENERATION:
    case KafkaError.UNKNOWN_MEMBER_ID:
    case KafkaError.FENCED_INSTANCE_ID:
      if (!isUnchanged(step, sent)) return
      resetMember(step, errorName(errorCode), errorCode !== KafkaError.ILLEGAL_GENERATION)
      if (errorCode === KafkaError.FENCED_INSTANCE_ID) fail(step, errorCode, 'another consumer has this instance id')
      return
  }
  fail(step, errorCode, `Heartbeat: ${errorName(errorCode)}`)
}

/** From the end of a poll to the beginning of the next. */
export function armMaxPoll({ state, env, out }: Step): void {
  if (state.subscription === null) return
  out.setTimer('maxPoll', env.now + state.config['max.poll.interval.ms'], { kind: 'maxPollDue' })
}

export function onMaxPollDue(step: Step): void {
  const { state } = step
  if (state.poll !== null || !hasGeneration(state.member)) return
  leaveGroup(step, 'consumer poll timeout has expired.')
}

/** Whether an answer will come. A static member only falls silent: it may return under its name (KIP-345). */
export function leaveGroup(step: Step, reason: string): boolean {
  const { state } = step
  const { member, config } = state
  const { memberId } = member
  const to = state.coordinator.known
  const says = config['group.instance.id'] === null && memberId !== '' && to !== null && member.phase !== 'unjoined'
  resetMember(step, 'consumer pro-actively leaving the group', true)
  if (!says) return false
  const body = { groupId: config['group.id']!, members: [{ memberId, groupInstanceId: null, reason }] }
  ask(step, to, api.leaveGroup, body, { kind: 'leave' }, { minVersion: 3, channel: groupChannel(step) })
  return true
}
