/**
 * The only ways to change a quorum member's phase. Each leaves the old phase tidily, writes the election state where it
 * changed, and arms the timers of the new phase. Edges: `raftEdges` in state.ts.
 */
import { actorNames, type Address, type Env, type Message, type Outbox } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { buildControlBatch } from '@troupe/wire/record-batch'
import { zeroUuid } from '@troupe/wire/uuid'
import { METADATA_TOPIC, type QuorumFetched, type RaftTimer } from './messages.ts'
import { isVoter, majority, otherVoters, raftEdges, type Ask, type Phase, type Progress, type Raft } from './state.ts'
import { sendFetch } from './fetching.ts'

/** What every function of the quorum works on. */
export interface RaftIo {
  readonly raft: Raft
  readonly env: Env
  readonly out: Outbox
}

export const memberAddress = (broker: number): Address => ({ broker, actor: actorNames.controller })

/** Sends a question and remembers what it was; stale answers find nothing under their id. */
export function ask(
  io: RaftIo,
  question: Ask,
  message: (id: { broker: number; actor: string; id: number }) => Message,
): void {
  const { raft, env, out } = io
  const id = raft.nextId++
  raft.asks.set(id, question)
  out.send(memberAddress(question.to), message({ ...env.self, id }))
}

export function setTimer(io: RaftIo, timer: RaftTimer['timer'], delayMs: number): void {
  const message: RaftTimer = { kind: 'raftTimer', timer }
  io.out.setTimer(`raft-${timer}`, io.env.now + delayMs, message)
}

/** Random, so that two voters do not stand for election at the same moment again and again. */
export const jitter = (io: RaftIo, atLeast: number, spread: number): number =>
  atLeast + (io.env.random() % (spread + 1))

const TIMERS = ['election', 'voteRetry', 'fetch', 'request', 'checkQuorum', 'parked', 'begin'] as const

function enter(io: RaftIo, phase: Phase): void {
  const { raft, out } = io
  const from = raft.phase
  raft.phase = raftEdges(from, phase)
  if (from !== phase) out.trace('raft', { from, to: phase, epoch: raft.epoch, leader: raft.leaderId })
  for (const timer of TIMERS) out.cancelTimer(`raft-${timer}`)
  raft.asks.clear()
  raft.ballot = null
  raft.download = null
  raft.hasFetched = false
  failParked(io)
  raft.leadership = null
}

/** Fetches that wait here learn that this member does not lead (any more). */
function failParked({ raft, out }: RaftIo): void {
  for (const progress of raft.leadership?.progress.values() ?? []) {
    if (!progress.parked) continue
    const answer: QuorumFetched = {
      error: KafkaError.NOT_LEADER_OR_FOLLOWER,
      leader: raft.leaderId,
      epoch: raft.epoch,
      highWatermark: raft.highWatermark,
      records: null,
      divergingEpoch: null,
      snapshot: null,
    }
    out.reply(progress.parked.replyTo, answer)
    progress.parked = null
  }
}

/** K5: one vote per epoch, on disk before anyone hears of it. */
function elect(
  io: RaftIo,
  next: { epoch: number; leaderId: number; votedId: number; votedDirectoryId?: string },
): void {
  const { raft, env } = io
  const { epoch, leaderId, votedId, votedDirectoryId = zeroUuid } = next
  const same = epoch === raft.epoch && leaderId === raft.leaderId && votedId === raft.votedId
  raft.epoch = epoch
  raft.leaderId = leaderId
  raft.votedId = votedId
  raft.votedDirectoryId = votedDirectoryId
  if (!same) raft.store.writeElection({ epoch, leaderId, votedId, votedDirectoryId }, env.safeguards.raftSyncVote)
}

/** A later epoch was seen, or an election was lost. Within an epoch the vote and the leader are kept. */
export function becomeUnattached(io: RaftIo, epoch: number, delayMs?: number): void {
  const { raft } = io
  if (epoch > raft.epoch) elect(io, { epoch, leaderId: -1, votedId: -1 })
  if (raft.phase === 'observer') return becomeObserver(io, raft.epoch, raft.leaderId)
  enter(io, raft.votedId >= 0 ? 'voted' : 'unattached')
  setTimer(io, 'election', delayMs ?? jitter(io, raft.config.electionTimeoutMs, raft.config.electionTimeoutMs))
}

export function becomeVoted(io: RaftIo, epoch: number, candidate: number, directoryId: string): void {
  const { raft } = io
  elect(io, { epoch, leaderId: -1, votedId: candidate, votedDirectoryId: directoryId })
  enter(io, 'voted')
  setTimer(io, 'election', jitter(io, raft.config.electionTimeoutMs, raft.config.electionTimeoutMs))
}

/** KIP-996: a member that could not win does not raise the epoch, so it can't depose a healthy leader (Z33c). */
export function becomeProspective(io: RaftIo): void {
  const { raft, env } = io
  if (!env.safeguards.raftPreVote) return becomeCandidate(io)
  enter(io, 'prospective')
  raft.ballot = { granted: new Set([raft.config.self]), refused: new Set() }
  if (majority(raft) === 1) return becomeCandidate(io)
  requestVotes(io, otherVoters(raft), true)
  setTimer(io, 'election', jitter(io, raft.config.electionTimeoutMs, raft.config.electionTimeoutMs))
}

export function becomeCandidate(io: RaftIo): void {
  const { raft } = io
  enter(io, 'candidate')
  elect(io, {
    epoch: raft.epoch + 1,
    leaderId: -1,
    votedId: raft.config.self,
    votedDirectoryId: raft.store.directoryId,
  })
  raft.ballot = { granted: new Set([raft.config.self]), refused: new Set() }
  if (majority(raft) === 1) return becomeLeader(io)
  requestVotes(io, otherVoters(raft), false)
  setTimer(io, 'election', jitter(io, raft.config.electionTimeoutMs, raft.config.electionTimeoutMs))
}

/** Appends the LeaderChange record first: nothing of earlier epochs commits without it (Z33a). */
export function becomeLeader(io: RaftIo): void {
  const { raft, env } = io
  const { self, voters } = raft.config
  const granting = [...(raft.ballot?.granted ?? [self])]
  enter(io, 'leader')
  elect(io, { epoch: raft.epoch, leaderId: self, votedId: raft.votedId, votedDirectoryId: raft.votedDirectoryId })
  const epochStartOffset = raft.store.endOffset
  raft.store.append(
    buildControlBatch({
      baseOffset: epochStartOffset,
      partitionLeaderEpoch: raft.epoch,
      timestamp: env.now,
      records: [
        {
          type: 'leaderChange',
          message: {
            version: 0,
            leaderId: self,
            voters: voters.map((voterId) => ({ voterId })),
            grantingVoters: granting.map((voterId) => ({ voterId })),
          },
        },
      ],
    }),
  )
  raft.store.sync()
  const progress = new Map(voters.map((id) => [id, newProgress(env.now)]))
  raft.leadership = { epochStartOffset, since: env.now, progress }
  const own = progress.get(self)!
  own.endOffset = raft.store.syncedOffset
  own.directoryId = raft.store.directoryId
  announce(io, otherVoters(raft))
  setTimer(io, 'begin', beginInterval(raft))
  setTimer(io, 'checkQuorum', raft.config.fetchTimeoutMs)
  if (majority(raft) === 1) raft.highWatermark = raft.store.endOffset
}

export const newProgress = (now: number): Progress => ({
  endOffset: -1,
  lastFetchMs: now,
  lastCaughtUpMs: -1,
  directoryId: zeroUuid,
  parked: null,
})

export const beginInterval = (raft: Raft): number => Math.min(100, raft.config.fetchTimeoutMs / 2)

export function becomeFollower(io: RaftIo, epoch: number, leaderId: number): void {
  const { raft } = io
  if (!isVoter(raft)) return becomeObserver(io, epoch, leaderId)
  const votedId = epoch === raft.epoch ? raft.votedId : -1
  elect(io, { epoch, leaderId, votedId, votedDirectoryId: votedId < 0 ? zeroUuid : raft.votedDirectoryId })
  enter(io, 'follower')
  setTimer(io, 'election', jitter(io, raft.config.fetchTimeoutMs, raft.config.fetchTimeoutMs / 4))
  sendFetch(io)
}

export function becomeObserver(io: RaftIo, epoch: number, leaderId: number): void {
  elect(io, { epoch, leaderId, votedId: -1 })
  enter(io, 'observer')
  sendFetch(io)
}

/** Will not lead this epoch again. Asks for a successor soon, itself included. */
export function becomeResigned(io: RaftIo, delayMs: number): void {
  enter(io, 'resigned')
  setTimer(io, 'election', delayMs)
}

/** BeginQuorumEpoch: "I lead; fetch from me." */
export function announce(io: RaftIo, voters: readonly number[]): void {
  const { raft } = io
  for (const to of voters) {
    ask(io, { kind: 'beginQuorumEpoch', to, epoch: raft.epoch }, (replyTo) => ({
      kind: 'beginQuorumEpoch',
      replyTo,
      body: {
        clusterId: raft.store.clusterId,
        voterId: to,
        topics: [
          {
            topicName: METADATA_TOPIC,
            partitions: [
              {
                partitionIndex: 0,
                voterDirectoryId: zeroUuid,
                leaderId: raft.config.self,
                leaderEpoch: raft.epoch,
              },
            ],
          },
        ],
        leaderEndpoints: [],
      },
    }))
  }
}

export function requestVotes(io: RaftIo, voters: readonly number[], preVote: boolean): void {
  const { raft } = io
  for (const to of voters) {
    ask(io, { kind: 'vote', to, epoch: raft.epoch, preVote }, (replyTo) => ({
      kind: 'vote',
      replyTo,
      body: {
        clusterId: raft.store.clusterId,
        voterId: to,
        topics: [
          {
            topicName: METADATA_TOPIC,
            partitions: [
              {
                partitionIndex: 0,
                replicaEpoch: raft.epoch,
                replicaId: raft.config.self,
                replicaDirectoryId: raft.store.directoryId,
                voterDirectoryId: zeroUuid,
                lastOffsetEpoch: raft.store.lastEpoch,
                lastOffset: raft.store.endOffset,
                preVote,
              },
            ],
          },
        ],
      },
    }))
  }
}
