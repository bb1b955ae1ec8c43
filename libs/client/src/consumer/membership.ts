/**
 * Membership of a classic group: join, sync, and what each refusal means. Source: `AbstractCoordinator`,
 * `ConsumerCoordinator`; KIP-345 (static members), KIP-394 (member id required), KIP-429 (cooperative rebalance).
 *
 * A rebalance begins and ends inside of a poll (`rebalance.ts`); between the two the network goes on by itself.
 */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { JoinGroupResponse, SyncGroupResponse } from '@troupe/wire/messages'
import type { GroupMetadata, NetworkAnswer } from '../messages.ts'
import { assignorOf } from './assignors/index.ts'
import type { MemberAssignment } from './assignors/assignor.ts'
import { coordinatorOf, loseIfNotCoordinator, unansweredBy } from './coordinator.ts'
import { armHeartbeat, armMaxPoll } from './heartbeat.ts'
import { lead } from './leader.ts'
import { PROTOCOL_TYPE, decodeAssignment, encodeSubscription } from './protocol.ts'
import { api, ask, fail, forget, groupChannel, retryTime } from './requests.ts'
import { memberEdges, type Asked, type ConsumerState, type MemberPhase, type Membership, type Step } from './state.ts'

type Sent = Extract<Asked, { memberId: string }>

/** A request's answer counts for the membership only while the member is who it was. */
export function isUnchanged({ state }: Step, sent: Sent): boolean {
  return sent.memberId === state.member.memberId && sent.generationId === state.member.generationId
}

export function identity({ memberId, generationId }: Membership): { memberId: string; generationId: number } {
  return { memberId, generationId }
}

/** As whom it may commit: a producer's `sendOffsets` is fenced by it (KIP-447). */
export function groupMetadata({ config, member }: ConsumerState): GroupMetadata {
  return {
    groupId: config['group.id'] ?? '',
    ...member.lastJoined,
    groupInstanceId: config['group.instance.id'],
  }
}

/** While the application is asked to let go the group waits for this member: it is not moving on. */
export function isRebalancing({ subscription, member }: ConsumerState): boolean {
  return subscription !== null && member.phase !== 'stable' && member.revoking === null
}

export function become(member: Membership, phase: MemberPhase): void {
  member.phase = memberEdges(member.phase, phase)
}

/** No member any more, or one without a generation. Its partitions are lost; the next poll says so. */
export function resetMember(step: Step, reason: string, forgetId: boolean): void {
  const { member } = step.state
  become(member, 'unjoined')
  forget(step, 'join', 'sync', 'heartbeat')
  member.generationId = -1
  member.protocolName = null
  member.rejoin = reason
  member.leading = null
  member.assignment = null
  member.revoking = null
  member.prepared = null
  member.heartbeat.inFlight = false
  if (forgetId) member.memberId = ''
  step.out.cancelTimer('heartbeat')
  step.out.trace('member-reset', { reason })
}

export function requestRejoin({ state }: Step, reason: string): void {
  state.member.rejoin ??= reason
}

/** False: the coordinator is not known yet. */
export function sendJoin(step: Step): boolean {
  const { state } = step
  const { member, config } = state
  const to = coordinatorOf(step)
  if (to === null) return false
  member.joinedTopics = state.subscription
  become(member, 'joining')
  const body = {
    groupId: config['group.id']!,
    sessionTimeoutMs: config['session.timeout.ms'],
    rebalanceTimeoutMs: config['max.poll.interval.ms'],
    memberId: member.memberId,
    groupInstanceId: config['group.instance.id'],
    protocolType: PROTOCOL_TYPE,
    protocols: protocols(step),
    reason: member.rejoin ?? '',
  }
  const timeoutMs = Math.max(config['request.timeout.ms'], config['max.poll.interval.ms'] + 5000)
  const options = { timeoutMs, channel: groupChannel(step) }
  ask(step, to, api.joinGroup, body, { kind: 'join', ...identity(member) }, options)
  return true
}

function protocols({ state }: Step): { name: string; metadata: Uint8Array }[] {
  const { member, config, subscription, partitions } = state
  const owned = [...partitions.values()].map(({ topic, partition }) => ({ topic, partition }))
  const joining = { topics: subscription!, owned, said: state.subscriptionData }
  return config['partition.assignment.strategy'].map((strategy) => {
    const assignor = assignorOf(state, strategy)!
    const { name } = assignor
    const metadata = encodeSubscription({
      topics: subscription!,
      userData: assignor.userData(member.last.get(name) ?? null, joining),
      owned,
      generationId: member.generationId,
    })
    return { name, metadata }
  })
}

export function onJoined(step: Step, answer: NetworkAnswer<JoinGroupResponse>): void {
  const { state, env } = step
  const { member } = state
  if (member.phase !== 'joining') return
  const reason = unansweredBy(step, answer)
  if (reason !== null || answer.kind !== 'response') return joinAgain(step, reason!, 'later')
  const { errorCode, memberId, generationId, protocolName, protocolType, leader } = answer.body
  if (errorCode !== KafkaError.NONE) return onJoinRefused(step, answer.body)
  if (protocolType !== null && protocolType !== PROTOCOL_TYPE) return inconsistent(step, protocolType)
  become(member, 'syncing')
  member.memberId = memberId
  member.generationId = generationId
  member.protocolName = protocolName
  member.failures = 0
  member.heartbeat.answeredAt = env.now
  armHeartbeat(step)
  if (state.poll === null) armMaxPoll(step)
  if (leader === memberId) lead(step, answer.body)
  else sendSync(step, [])
}

function onJoinRefused(step: Step, { errorCode, memberId }: JoinGroupResponse): void {
  const { member } = step.state
  if (loseIfNotCoordinator(step, errorCode)) return joinAgain(step, errorName(errorCode), 'later')
  switch (errorCode) {
    case KafkaError.MEMBER_ID_REQUIRED:
      member.memberId = memberId
      member.generationId = -1
      return joinAgain(step, 'need to re-join with the given member-id', 'now')
    case KafkaError.UNKNOWN_MEMBER_ID:
      return resetMember(step, 'unknown member id', true)
    case KafkaError.REBALANCE_IN_PROGRESS:
      return joinAgain(step, 'rebalance failed', 'now')
  }
  if (!isRetriable(errorCode)) fail(step, errorCode, `JoinGroup: ${errorName(errorCode)}`)
  joinAgain(step, errorName(errorCode), 'later')
}

function inconsistent(step: Step, what: string): void {
  fail(step, KafkaError.INCONSISTENT_GROUP_PROTOCOL, `the group speaks ${what}`)
  joinAgain(step, 'inconsistent group protocol', 'later')
}

/** The same rebalance, once more: what was prepared for it stays prepared. */
export function joinAgain(step: Step, reason: string, when: 'now' | 'later'): void {
  const { member } = step.state
  become(member, 'preparing')
  member.prepared = 'done'
  member.rejoin = reason
  member.leading = null
  if (when === 'later') member.retryAt = retryTime(step, member.failures++)
}

export function sendSync(step: Step, assignments: readonly { memberId: string; assignment: Uint8Array }[]): void {
  const { member, config } = step.state
  const to = coordinatorOf(step)
  if (to === null) return joinAgain(step, 'coordinator lost before the sync', 'later')
  const body = {
    groupId: config['group.id']!,
    generationId: member.generationId,
    memberId: member.memberId,
    groupInstanceId: config['group.instance.id'],
    protocolType: PROTOCOL_TYPE,
    protocolName: member.protocolName,
    assignments,
  }
  const timeoutMs = Math.max(config['request.timeout.ms'], config['max.poll.interval.ms'] + 5000)
  const sent: Asked = { kind: 'sync', ...identity(member) }
  ask(step, to, api.syncGroup, body, sent, { timeoutMs, channel: groupChannel(step) })
}

const nothing: MemberAssignment = { partitions: [], userData: null }

export function onSynced(step: Step, sent: Sent, answer: NetworkAnswer<SyncGroupResponse>): void {
  const { member } = step.state
  if (member.phase !== 'syncing' || !isUnchanged(step, sent)) return
  const reason = unansweredBy(step, answer)
  if (reason !== null || answer.kind !== 'response') return joinAgain(step, reason!, 'later')
  const { errorCode, protocolType, protocolName, assignment } = answer.body
  if (errorCode !== KafkaError.NONE) return onSyncRefused(step, errorCode)
  if (protocolType !== null && protocolType !== PROTOCOL_TYPE) return inconsistent(step, protocolType)
  if (protocolName !== null && protocolName !== member.protocolName) return inconsistent(step, protocolName)
  become(member, 'adopting')
  member.rejoin = null
  member.failures = 0
  const { partitions, userData } = assignment.length < 2 ? nothing : decodeAssignment(assignment)
  member.assignment = partitions
  member.assignmentData = userData
}

function onSyncRefused(step: Step, errorCode: number): void {
  if (loseIfNotCoordinator(step, errorCode)) return joinAgain(step, errorName(errorCode), 'later')
  switch (errorCode) {
    case KafkaError.REBALANCE_IN_PROGRESS:
      return joinAgain(step, 'group is rebalancing again', 'now')
    case KafkaError.UNKNOWN_MEMBER_ID:
      return resetMember(step, 'unknown member id', true)
    case KafkaError.ILLEGAL_GENERATION:
      return resetMember(step, 'illegal generation', false)
  }
  if (!isRetriable(errorCode)) fail(step, errorCode, `SyncGroup: ${errorName(errorCode)}`)
  joinAgain(step, errorName(errorCode), 'later')
}
