/**
 * Group coordinator: who is in a consumer group, which generation it is in, and how far it has read.
 *
 * One actor per `__consumer_offsets` partition; groups are found by `partitionFor(groupId)`. Protocol: classic
 * (join, sync, heartbeat, leave), static members (KIP-345), offsets with transactions (KIP-447). One file per message.
 *
 * State of a group:  see `groupEdges` in group.ts
 * Records:           `GroupMetadata` (one per generation), `OffsetCommit` (one per partition and commit); records.ts
 * Volatile:          joins and syncs that wait, sessions, pending members; membership.ts
 */
import { coordinatorShard, type Coordinator, type CoordinatorEnv, type Decision } from '@troupe/coordinator'
import { setting } from './config.ts'
import { deleteGroups } from './delete-groups.ts'
import { describeGroups, listGroups } from './describe.ts'
import { newDraft } from './draft.ts'
import { expireOffsets, scheduleExpiry, topicsDeleted } from './expire.ts'
import { heartbeat, onSessionExpired } from './heartbeat.ts'
import { invariants } from './invariants.ts'
import { joinGroup } from './join.ts'
import { leaveGroup } from './leave.ts'
import type { GroupRequest } from './messages.ts'
import { offsetCommit } from './offset-commit.ts'
import { offsetDelete } from './offset-delete.ts'
import { offsetFetch } from './offset-fetch.ts'
import { onJoinDelayOver, onPendingSyncExpired, onRebalanceTimedOut, prepareRebalance } from './rebalance.ts'
import { refuse } from './refuse.ts'
import { replay, replayEndTxn } from './replay.ts'
import { extendSession } from './session.ts'
import { newGroupState, type GroupState } from './state.ts'
import { syncGroup } from './sync.ts'
import { txnOffsetCommit } from './txn-offset-commit.ts'

export const groupCoordinator: Coordinator<GroupState, GroupRequest> = {
  kind: 'groups',
  create: newGroupState,
  decide,
  replay,
  replayEndTxn,
  onLoaded,
  onRefused,
  refuse,
  isRead: ({ kind }) => kind === 'offsetFetch' || kind === 'describeGroups' || kind === 'listGroups',
  invariants,
}

export const groupsActor = coordinatorShard(groupCoordinator)

function decide(state: GroupState, request: GroupRequest, env: CoordinatorEnv): Decision {
  switch (request.kind) {
    case 'joinGroup':
      return joinGroup(state, request, env)
    case 'syncGroup':
      return syncGroup(state, request, env)
    case 'heartbeat':
      return heartbeat(state, request, env)
    case 'leaveGroup':
      return leaveGroup(state, request, env)
    case 'offsetCommit':
      return offsetCommit(state, request, env)
    case 'offsetFetch':
      return offsetFetch(state, request, env)
    case 'offsetDelete':
      return offsetDelete(state, request)
    case 'txnOffsetCommit':
      return txnOffsetCommit(state, request, env)
    case 'describeGroups':
      return describeGroups(state, request)
    case 'listGroups':
      return listGroups(state, request)
    case 'deleteGroups':
      return deleteGroups(state, request)
    case 'topicsDeleted':
      return topicsDeleted(state, request)
    case 'sessionExpired':
      return onSessionExpired(state, request, env)
    case 'joinDelayOver':
      return onJoinDelayOver(state, request, env)
    case 'rebalanceTimedOut':
      return onRebalanceTimedOut(state, request, env)
    case 'pendingSyncExpired':
      return onPendingSyncExpired(state, request, env)
    case 'expireOffsets':
      return expireOffsets(state, env)
  }
}

/** All sessions start now: nobody could send a heartbeat while there was no coordinator. */
function onLoaded({ groups }: GroupState, env: CoordinatorEnv): Decision {
  const draft = newDraft()
  for (const group of groups.values()) {
    for (const member of group.members.values()) extendSession(draft, group, member, env)
    // The limit was lowered meanwhile: those who rejoin last are turned away.
    if (group.members.size > setting(env, 'group.max.size')) prepareRebalance(draft, group, env)
  }
  scheduleExpiry(draft, env)
  return draft
}

/** The leader's assignment did not fit into a record: its generation can't begin, so try another. */
function onRefused({ groups }: GroupState, request: GroupRequest, env: CoordinatorEnv): Decision {
  const draft = newDraft()
  const group = request.kind === 'syncGroup' ? groups.get(request.body.groupId) : undefined
  if (group !== undefined && group.phase === 'CompletingRebalance') prepareRebalance(draft, group, env)
  return draft
}
