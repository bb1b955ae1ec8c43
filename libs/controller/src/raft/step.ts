/**
 * The quorum member's dispatch: one handler per message and per timer. Start here.
 */
import type { Env, Message, Outbox, Reply } from '@troupe/actor'
import type { QuorumMessage } from '../messages.ts'
import type { QuorumStore } from '../quorum-store.ts'
import {
  becomeFollower,
  becomeLeader,
  becomeObserver,
  becomeResigned,
  becomeUnattached,
  jitter,
  setTimer,
  type RaftIo,
} from './become.ts'
import {
  follows,
  onBeginQuorumEpoch,
  onElectionTimeout,
  onEndQuorumEpoch,
  onVote,
  onVoteAnswer,
  onVoteRetry,
  resign,
} from './election.ts'
import { leaderUnreachable, onFetched, onRequestTimeout, onSnapshotChunk, sendFetch } from './fetching.ts'
import { onBeginTimeout, onCheckQuorum, onFlush, onParkedTimeout, onQuorumFetch, onQuorumSnapshot } from './leading.ts'
import type { QuorumFetch, QuorumSnapshot, RaftFlush, RaftTimer } from './messages.ts'
import { createRaft, type Raft, type RaftConfig } from './state.ts'

export type RaftMessage = QuorumMessage | QuorumFetch | QuorumSnapshot | RaftTimer | RaftFlush

const KINDS = new Set([
  'vote',
  'beginQuorumEpoch',
  'endQuorumEpoch',
  'quorumFetch',
  'quorumSnapshot',
  'raftTimer',
  'raftFlush',
])
export const isRaftMessage = (message: Message): message is RaftMessage => KINDS.has(message.kind)

export function startRaft(config: RaftConfig, store: QuorumStore, env: Env, out: Outbox): Raft {
  const raft = createRaft(config, store)
  const io: RaftIo = { raft, env, out }
  const { epoch, leaderId } = raft
  if (raft.phase === 'observer') {
    becomeObserver(io, epoch, leaderId === config.self ? -1 : leaderId)
    return raft
  }
  // Short at the start: on one host the others are there within milliseconds or their messages fail at once.
  const soon = jitter(io, 1, config.backoffMs * 2)
  if (leaderId === config.self) {
    // Z33b, KAFKA-10527: what this leader appended last may be lost, and its epoch must not go on with other records.
    if (env.safeguards.raftResignOnRestart) becomeResigned(io, soon)
    else {
      raft.phase = 'candidate'
      becomeLeader(io)
    }
  } else if (leaderId >= 0) {
    becomeFollower(io, epoch, leaderId)
    setTimer(io, 'election', soon + config.electionTimeoutMs / 3)
  } else becomeUnattached(io, epoch, soon)
  return raft
}

export function stepRaft(raft: Raft, message: RaftMessage, env: Env, out: Outbox): void {
  const io: RaftIo = { raft, env, out }
  switch (message.kind) {
    case 'vote':
      return onVote(io, message)
    case 'beginQuorumEpoch':
      return onBeginQuorumEpoch(io, message)
    case 'endQuorumEpoch':
      return onEndQuorumEpoch(io, message)
    case 'quorumFetch':
      return onQuorumFetch(io, message)
    case 'quorumSnapshot':
      return onQuorumSnapshot(io, message)
    case 'raftFlush':
      return onFlush(io)
    case 'raftTimer':
      return onTimer(io, message.timer)
  }
}

function onTimer(io: RaftIo, timer: RaftTimer['timer']): void {
  switch (timer) {
    case 'election':
      return onElectionTimeout(io)
    case 'voteRetry':
      return onVoteRetry(io)
    case 'fetch':
      return sendFetch(io)
    case 'request':
      return onRequestTimeout(io)
    case 'checkQuorum':
      return onCheckQuorum(io)
    case 'parked':
      return onParkedTimeout(io)
    case 'begin':
      return onBeginTimeout(io)
  }
}

/** Returns false when the reply answers nothing that the quorum asked (or no longer waits for). */
export function onRaftReply(raft: Raft, reply: Reply, env: Env, out: Outbox): boolean {
  const io: RaftIo = { raft, env, out }
  const asked = raft.asks.get(reply.id)
  if (!asked) return false
  raft.asks.delete(reply.id)
  const body = reply.body as never
  switch (asked.kind) {
    case 'vote':
      onVoteAnswer(io, asked, body)
      break
    case 'fetch':
      onFetched(io, asked, body)
      break
    case 'snapshot':
      onSnapshotChunk(io, asked, body)
      break
    case 'beginQuorumEpoch':
    case 'endQuorumEpoch':
      onAnnounced(io, body)
      break
  }
  return true
}

function onAnnounced(
  io: RaftIo,
  body: { topics?: readonly { partitions: readonly { leaderEpoch: number; leaderId: number }[] }[] },
): void {
  const answer = body.topics?.[0]?.partitions[0]
  if (answer && answer.leaderEpoch > io.raft.epoch) follows(io, answer.leaderEpoch, answer.leaderId)
}

/** The shell saw this broker die. */
export function onMemberDown(raft: Raft, broker: number, env: Env, out: Outbox): void {
  const io: RaftIo = { raft, env, out }
  const replica = raft.leadership?.progress.get(broker)
  if (replica) replica.parked = null
  if (raft.leaderId === broker) leaderUnreachable(io)
}

export function resignLeadership(raft: Raft, env: Env, out: Outbox): void {
  resign({ raft, env, out })
}
