/**
 * Forgetting offsets: of groups that nobody uses any more (KIP-211), and of topics that are gone.
 *
 * Every offsets.retention.check.interval.ms, an offset is dropped offsets.retention.minutes after
 *  - the group became empty;
 *  - its commit, when a stable consumer group does not subscribe to its topic any more;
 *  - its commit, when the group has no members of its own (a "simple consumer"),
 * but never while a transaction that commits to it is undecided. A group without members and offsets goes with them.
 *
 * Source: Kafka's GroupCoordinatorShard.cleanupGroupMetadata, OffsetExpirationConditionImpl, ClassicGroup.
 */
import type { CoordinatorEnv, Decision } from '@troupe/coordinator'
import { setting } from './config.ts'
import { newDraft, setTimer, type Draft } from './draft.ts'
import { isSubscribedTo, usesConsumerProtocol, type Group } from './group.ts'
import type { TopicsDeleted } from './messages.ts'
import { eachOffset, hasOpenTransaction, hasPendingOffset, partitionsOf, type StoredOffset } from './offsets.ts'
import { groupTombstone, offsetTombstone } from './records.ts'
import type { GroupState } from './state.ts'

const MINUTE_MS = 60_000

export function expireOffsets(state: GroupState, env: CoordinatorEnv): Decision {
  const draft = newDraft()
  for (const group of state.groups.values()) {
    const left = expireGroup(draft, state, group, env)
    if (left || group.phase !== 'Empty' || hasOpenTransaction(state.offsets, group.groupId)) continue
    draft.records.push(groupTombstone(group.groupId))
  }
  scheduleExpiry(draft, env)
  return { ...draft, atomic: false }
}

export function scheduleExpiry(draft: Draft, env: CoordinatorEnv): void {
  setTimer(draft, 'expire', env.now + setting(env, 'offsets.retention.check.interval.ms'), { kind: 'expireOffsets' })
}

/** Whether any offset stays. */
function expireGroup(draft: Draft, { offsets }: GroupState, group: Group, env: CoordinatorEnv): boolean {
  const { groupId } = group
  const since = retainedSince(group)
  let left = false
  for (const [topic, partition, offset] of eachOffset(offsets.committed.get(groupId))) {
    const expired =
      since !== null &&
      !isSubscribedTo(group, topic) &&
      isExpired(offset, since(offset), env) &&
      !hasPendingOffset(offsets, groupId, topic, partition)
    if (expired) draft.records.push(offsetTombstone(groupId, topic, partition))
    else left = true
  }
  return left
}

/** From when on an offset's retention counts; null: nothing of this group expires now. */
function retainedSince(group: Group): ((offset: StoredOffset) => number) | null {
  const committed = (offset: StoredOffset): number => offset.commitTimestampMs
  if (group.protocolType === null) return committed
  if (group.phase === 'Empty') {
    const { stateTimestampMs } = group
    return stateTimestampMs === -1 ? committed : () => stateTimestampMs
  }
  return group.phase === 'Stable' && usesConsumerProtocol(group) && group.subscribedTopics !== null ? committed : null
}

function isExpired({ expireTimestampMs }: StoredOffset, sinceMs: number, env: CoordinatorEnv): boolean {
  if (expireTimestampMs !== -1) return env.now >= expireTimestampMs
  return env.now - sinceMs >= setting(env, 'offsets.retention.minutes') * MINUTE_MS
}

export function topicsDeleted({ groups, offsets }: GroupState, { topics }: TopicsDeleted): Decision {
  const draft = newDraft()
  const gone = new Set(topics)
  for (const groupId of groups.keys()) {
    for (const [topic, partitions] of partitionsOf(offsets, groupId)) {
      if (!gone.has(topic)) continue
      for (const partition of partitions) draft.records.push(offsetTombstone(groupId, topic, partition))
    }
  }
  return { ...draft, atomic: false }
}
