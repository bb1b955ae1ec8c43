/**
 * Votes: asked for, given, counted; and the two announcements around an election (BeginQuorumEpoch, EndQuorumEpoch).
 *
 * Source: KIP-595, KIP-996 (pre-vote); Kafka's KafkaRaftClient.handleVoteRequest, CandidateState, ProspectiveState.
 */
import { isFailed, type Failed, type Message, type ReplyToken } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  BeginQuorumEpochRequest,
  BeginQuorumEpochResponseInput,
  EndQuorumEpochRequest,
  EndQuorumEpochResponseInput,
  VoteRequest,
  VoteRequest_PartitionData,
  VoteResponse,
  VoteResponseInput,
} from '@troupe/wire/messages'
import {
  ask,
  becomeCandidate,
  becomeFollower,
  becomeLeader,
  becomeProspective,
  becomeResigned,
  becomeUnattached,
  becomeVoted,
  jitter,
  requestVotes,
  setTimer,
  type RaftIo,
} from './become.ts'
import { METADATA_TOPIC } from './messages.ts'
import { isUpToDate, majority, otherVoters, type Ask, type Raft } from './state.ts'

type Question<Body> = Message & { readonly replyTo: ReplyToken; readonly body: Body }

export function onVote(io: RaftIo, message: Question<VoteRequest>): void {
  const { raft, out } = io
  const request = message.body.topics[0]?.partitions[0]
  const error = request ? voteError(raft, message.body, request) : KafkaError.INVALID_REQUEST
  if (!request || error !== KafkaError.NONE) return out.reply(message.replyTo, voteAnswer(raft, error, false))
  if (request.replicaEpoch > raft.epoch) becomeUnattached(io, request.replicaEpoch)
  const granted = request.preVote ? grantsPreVote(raft, request) : grantsVote(io, request)
  out.reply(message.replyTo, voteAnswer(raft, KafkaError.NONE, granted))
}

function voteError(raft: Raft, body: VoteRequest, request: VoteRequest_PartitionData): ErrorCode {
  if (body.clusterId !== null && body.clusterId !== raft.store.clusterId) return KafkaError.INCONSISTENT_CLUSTER_ID
  if (!raft.config.voters.includes(request.replicaId)) return KafkaError.INVALID_REQUEST
  if (request.replicaEpoch < raft.epoch) return KafkaError.FENCED_LEADER_EPOCH
  return KafkaError.NONE
}

/** Would vote, in an election that has not begun. Promises nothing, so nothing is written. */
function grantsPreVote(raft: Raft, request: VoteRequest_PartitionData): boolean {
  if (!isUpToDate(raft, { epoch: request.lastOffsetEpoch, offset: request.lastOffset })) return false
  // A leader, and a follower that hears from it, know better. One that has resigned does not (KAFKA-20895).
  return raft.phase !== 'leader' && raft.phase !== 'observer' && !(raft.phase === 'follower' && raft.hasFetched)
}

function grantsVote(io: RaftIo, request: VoteRequest_PartitionData): boolean {
  const { raft } = io
  if (raft.leaderId >= 0 || raft.phase === 'observer') return false
  if (raft.votedId >= 0) {
    return raft.votedId === request.replicaId && raft.votedDirectoryId === request.replicaDirectoryId
  }
  if (!isUpToDate(raft, { epoch: request.lastOffsetEpoch, offset: request.lastOffset })) return false
  becomeVoted(io, raft.epoch, request.replicaId, request.replicaDirectoryId)
  return true
}

function voteAnswer(raft: Raft, errorCode: ErrorCode, voteGranted: boolean): VoteResponseInput {
  return {
    errorCode: KafkaError.NONE,
    topics: [
      {
        topicName: METADATA_TOPIC,
        partitions: [{ partitionIndex: 0, errorCode, leaderId: raft.leaderId, leaderEpoch: raft.epoch, voteGranted }],
      },
    ],
  }
}

export function onVoteAnswer(io: RaftIo, asked: Ask & { kind: 'vote' }, body: VoteResponse | Failed): void {
  if (isFailed(body)) return countVote(io, asked, false)
  const answer = body.topics[0]?.partitions[0]
  if (!answer || follows(io, answer.leaderEpoch, answer.leaderId)) return
  countVote(io, asked, answer.voteGranted)
}

function countVote(io: RaftIo, asked: Ask & { kind: 'vote' }, granted: boolean): void {
  const { raft } = io
  const { ballot, config } = raft
  if (!ballot || asked.epoch !== raft.epoch || asked.preVote !== (raft.phase === 'prospective')) return
  ballot.refused.delete(asked.to)
  ;(granted ? ballot.granted : ballot.refused).add(asked.to)
  if (ballot.granted.size >= majority(raft))
    return raft.phase === 'prospective' ? becomeCandidate(io) : becomeLeader(io)
  if (config.voters.length - ballot.refused.size < majority(raft)) {
    // Can't be won any more. Others may still be starting: ask again soon, not after a whole election timeout.
    setTimer(io, 'election', jitter(io, config.backoffMs, config.backoffMs * 3))
  } else if (!granted && raft.phase === 'prospective') {
    setTimer(io, 'voteRetry', jitter(io, config.backoffMs, config.backoffMs))
  }
}

/** Another member knows a later epoch, or the leader of this one. Returns whether that changed anything. */
export function follows(io: RaftIo, epoch: number, leaderId: number): boolean {
  const { raft } = io
  if (epoch < raft.epoch) return false
  const known = leaderId >= 0 && leaderId !== raft.config.self
  if (epoch > raft.epoch) {
    if (known) becomeFollower(io, epoch, leaderId)
    else becomeUnattached(io, epoch)
    return true
  }
  if (!known || raft.leaderId >= 0) return false
  becomeFollower(io, epoch, leaderId)
  return true
}

/** The election timer means something else in every phase. */
export function onElectionTimeout(io: RaftIo): void {
  const { raft } = io
  switch (raft.phase) {
    case 'unattached':
    case 'voted':
    case 'resigned':
    case 'follower':
    case 'candidate':
      return becomeProspective(io)
    case 'prospective':
      // Lost: perhaps the leader is back. If it is not, its fetch fails and the next round begins.
      if (raft.leaderId >= 0 && raft.leaderId !== raft.config.self) return becomeFollower(io, raft.epoch, raft.leaderId)
      return becomeProspective(io)
    case 'leader':
    case 'observer':
      return
  }
}

export function onVoteRetry(io: RaftIo): void {
  const { raft } = io
  if (raft.phase === 'prospective') requestVotes(io, [...raft.ballot!.refused], true)
}

export function onBeginQuorumEpoch(io: RaftIo, message: Question<BeginQuorumEpochRequest>): void {
  const { raft, out } = io
  const request = message.body.topics[0]?.partitions[0]
  const error = beginError(raft, message.body)
  if (request && error === KafkaError.NONE) {
    const news = request.leaderEpoch > raft.epoch || raft.leaderId < 0 || raft.phase === 'prospective'
    if (news) becomeFollower(io, request.leaderEpoch, request.leaderId)
  }
  const body: BeginQuorumEpochResponseInput = {
    errorCode: KafkaError.NONE,
    topics: [
      {
        topicName: METADATA_TOPIC,
        partitions: [{ partitionIndex: 0, errorCode: error, leaderId: raft.leaderId, leaderEpoch: raft.epoch }],
      },
    ],
  }
  out.reply(message.replyTo, body)
}

function beginError(raft: Raft, body: BeginQuorumEpochRequest): ErrorCode {
  const request = body.topics[0]?.partitions[0]
  if (!request || !raft.config.voters.includes(request.leaderId)) return KafkaError.INVALID_REQUEST
  if (body.clusterId !== null && body.clusterId !== raft.store.clusterId) return KafkaError.INCONSISTENT_CLUSTER_ID
  if (request.leaderEpoch < raft.epoch) return KafkaError.FENCED_LEADER_EPOCH
  const other = raft.leaderId >= 0 && raft.leaderId !== request.leaderId
  return request.leaderEpoch === raft.epoch && other ? KafkaError.INVALID_REQUEST : KafkaError.NONE
}

/** The leader of this epoch is going; its preferred successor stands first, the others a little later. */
export function onEndQuorumEpoch(io: RaftIo, message: Question<EndQuorumEpochRequest>): void {
  const { raft, out } = io
  const request = message.body.topics[0]?.partitions[0]
  const error = !request
    ? KafkaError.INVALID_REQUEST
    : request.leaderEpoch < raft.epoch
      ? KafkaError.FENCED_LEADER_EPOCH
      : KafkaError.NONE
  if (request && error === KafkaError.NONE) {
    if (request.leaderEpoch > raft.epoch) becomeUnattached(io, request.leaderEpoch)
    const candidates = request.preferredCandidates.map(({ candidateId }) => candidateId)
    const place = candidates.indexOf(raft.config.self)
    if (raft.phase === 'follower' || raft.phase === 'unattached' || raft.phase === 'voted') {
      raft.hasFetched = false
      const rank = place < 0 ? candidates.length : place
      setTimer(io, 'election', rank === 0 ? 0 : jitter(io, raft.config.backoffMs * rank, raft.config.backoffMs))
    }
  }
  const body: EndQuorumEpochResponseInput = {
    errorCode: KafkaError.NONE,
    topics: [
      {
        topicName: METADATA_TOPIC,
        partitions: [{ partitionIndex: 0, errorCode: error, leaderId: raft.leaderId, leaderEpoch: raft.epoch }],
      },
    ],
  }
  out.reply(message.replyTo, body)
}

/** Steps down in order: those who have the longest log are named as successors. */
export function resign(io: RaftIo): void {
  const { raft } = io
  if (raft.phase !== 'leader') return
  const { progress } = raft.leadership!
  const endOf = (id: number): number => progress.get(id)?.endOffset ?? -1
  const successors = otherVoters(raft).sort((a, b) => endOf(b) - endOf(a))
  becomeResigned(io, raft.config.electionTimeoutMs * 2)
  for (const to of successors) {
    ask(io, { kind: 'endQuorumEpoch', to, epoch: raft.epoch }, (replyTo) => ({
      kind: 'endQuorumEpoch',
      replyTo,
      body: {
        clusterId: raft.store.clusterId,
        topics: [
          {
            topicName: METADATA_TOPIC,
            partitions: [
              {
                partitionIndex: 0,
                leaderId: raft.config.self,
                leaderEpoch: raft.epoch,
                preferredSuccessors: successors,
                preferredCandidates: successors.map((candidateId) => ({
                  candidateId,
                  candidateDirectoryId: progress.get(candidateId)!.directoryId,
                })),
              },
            ],
          },
        ],
        leaderEndpoints: [],
      },
    }))
  }
}
