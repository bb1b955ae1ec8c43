/**
 * The parts of a rebalance that belong to the application's polls: what is given up before the member joins, and what
 * it gets after it has synced. Source: `ConsumerCoordinator.onJoinPrepare`, `onJoinComplete`, `onLeavePrepare`.
 *
 * Eager: everything is given up before the join. Cooperative: after the sync only what went to somebody else, and then
 * the member joins once more, so that the new owner gets it (KIP-429).
 */
import { assignorOf, isCooperative } from './assignors/index.ts'
import { autoCommitOffsets, startCommit } from './commits.ts'
import { hasGeneration } from './heartbeat.ts'
import { rejoinIfPartitionsChanged } from './leader.ts'
import { become, groupMetadata, requestRejoin, sendJoin } from './membership.ts'
import { matches } from './pattern.ts'
import { assignPartitions } from './positions.ts'
import type { ConsumerState, Step } from './state.ts'
import { comparePartitions, compareText, partitionKey, type TopicPartition } from './topic-partition.ts'

/** As far as it gets; called whenever something may have changed. */
export function advanceMembership(step: Step): void {
  const { state, env } = step
  const { member } = state
  if (state.subscription === null || state.closing !== null) return
  if (state.pattern !== null && !state.patternKnown) return
  rejoinIfPartitionsChanged(step)
  if (member.joinedTopics !== null && !sameTopics(member.joinedTopics, state.subscription)) {
    requestRejoin(step, 'subscription has changed')
  }
  // An error comes first: whoever was fenced must not fence its successor by joining again unasked.
  if (state.poll === null || state.error !== null) return
  if (member.phase === 'adopting') adopt(step)
  const wants = member.phase === 'unjoined' || (member.phase === 'stable' && member.rejoin !== null)
  if (wants && env.now >= member.retryAt) {
    become(member, 'preparing')
    member.prepared = null
  }
  if (member.phase === 'preparing') prepare(step)
}

function sameTopics(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((topic) => b.includes(topic))
}

function prepare(step: Step): void {
  const { state, env } = step
  const { member } = state
  if (member.prepared === null) commitBefore(step)
  if (member.prepared !== 'done' && env.now < member.prepareUntil) return
  // Its commit had its time: without one the group would wait for this member.
  member.prepared = 'done'
  if (member.generationId < 0) {
    giveUp(step, owned(state), 'lost')
  } else {
    const leaving = toGiveUpBefore(state)
    if (leaving.length > 0) return askToLetGo(step, leaving)
  }
  if (env.now < member.retryAt) return
  if (sendJoin(step)) member.prepared = null
}

/** Positions do not move while they are committed: under the eager protocol nothing is polled any more. */
function commitBefore(step: Step): void {
  const { state, env } = step
  const { member, config } = state
  member.prepared = 'done'
  member.prepareUntil = env.now + config['max.poll.interval.ms']
  if (!config['enable.auto.commit'] || member.generationId < 0) return
  const offsets = autoCommitOffsets(state)
  if (!isCooperative(state)) for (const partition of state.partitions.values()) partition.revoking = true
  if (offsets.length === 0) return
  const id = state.nextId
  member.prepared = id
  startCommit(step, { purpose: 'prepare', replyTo: null, offsets, once: false, deadlineAt: member.prepareUntil })
}

function toGiveUpBefore(state: ConsumerState): TopicPartition[] {
  const all = owned(state)
  return isCooperative(state) ? all.filter(({ topic }) => !state.subscription!.includes(topic)) : all
}

export function owned({ partitions }: ConsumerState): TopicPartition[] {
  return [...partitions.values()].map(({ topic, partition }) => ({ topic, partition })).sort(comparePartitions)
}

/** The next answer of a poll says so; the poll after it means that the application is done (`onLetGo`). */
function askToLetGo({ state, out }: Step, partitions: readonly TopicPartition[]): void {
  if (state.member.revoking !== null) return
  state.member.revoking = partitions
  for (const each of partitions) state.partitions.get(partitionKey(each))!.revoking = true
  out.trace('revoking', { partitions: partitions.map(partitionKey) })
}

export function onLetGo(step: Step): void {
  const { member } = step.state
  const { revoking } = member
  if (revoking === null) return
  member.revoking = null
  giveUp(step, revoking, 'revoked')
  if (member.phase === 'adopting') requestRejoin(step, 'need to revoke partitions and re-join')
}

export function giveUp(step: Step, partitions: readonly TopicPartition[], kind: 'revoked' | 'lost'): void {
  if (partitions.length === 0) return
  const { state } = step
  const gone = new Set(partitions.map(partitionKey))
  const kept = [...state.partitions.values()].filter(({ key }) => !gone.has(key))
  assignPartitions(step, kept)
  state.events.push({ kind, partitions, generationId: state.member.generationId })
}

/** With a pattern: the leader may have seen a new topic first. It belongs to the subscription from now on. */
function joinMatched(state: ConsumerState, assigned: readonly TopicPartition[]): void {
  const { pattern, member } = state
  if (pattern === null) return
  const known = new Set(state.subscription)
  const added = [...new Set(assigned.map(({ topic }) => topic))].filter(
    (each) => !known.has(each) && matches(pattern, each),
  )
  if (added.length === 0) return
  state.subscription = [...state.subscription!, ...added].sort(compareText)
  member.joinedTopics = [...new Set([...member.joinedTopics!, ...added])].sort(compareText)
}

function adopt(step: Step): void {
  const { state, env } = step
  const { member, config } = state
  if (member.revoking !== null) return
  const assigned = [...member.assignment!].sort(comparePartitions)
  joinMatched(state, assigned)
  const subscription = state.subscription!
  if (!assigned.every(({ topic }) => subscription.includes(topic))) {
    member.assignment = null
    become(member, 'stable')
    return requestRejoin(step, 'received assignment does not match the current subscription')
  }
  const keys = new Set(assigned.map(partitionKey))
  const before = owned(state)
  const surrendered = isCooperative(state) ? before.filter((each) => !keys.has(partitionKey(each))) : []
  // Also for what is still to be let go: nobody else gets it before the member has joined again.
  member.lastJoined = { generationId: member.generationId, memberId: member.memberId }
  if (surrendered.length > 0) return askToLetGo(step, surrendered)
  const added = assigned.filter((each) => !state.partitions.has(partitionKey(each)))
  const assignor = assignorOf(state, member.protocolName)
  if (assignor) member.last.set(assignor.name, { partitions: assigned, generationId: member.generationId })
  state.autoCommitAt = env.now + config['auto.commit.interval.ms']
  const userData = member.assignmentData
  assignor?.onAssignment?.({ partitions: assigned, userData }, groupMetadata(state))
  member.assignment = null
  become(member, 'stable')
  for (const partition of state.partitions.values()) partition.revoking = false
  assignPartitions(step, assigned)
  const event = { kind: 'assigned', partitions: added, generationId: member.generationId } as const
  state.events.push(userData === null ? event : { ...event, userData })
}

/** Before it leaves: what it had is revoked, or lost when the group may have given it to others already. */
export function giveUpAll(step: Step): void {
  const { member } = step.state
  const lost = !hasGeneration(member) || member.phase === 'syncing'
  giveUp(step, owned(step.state), lost ? 'lost' : 'revoked')
}
