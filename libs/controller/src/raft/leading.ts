/**
 * The leader: appends, answers fetches, counts what a majority has on disk, and resigns when a majority is silent.
 *
 * Appends of one turn share an fsync: `append` sends ourselves a `raftFlush` that arrives behind whatever else is waiting.
 * Source: KIP-595; Kafka's LeaderState, KafkaRaftClient.handleFetchRequest, ValidOffsetAndEpoch.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { announce, beginInterval, newProgress, setTimer, type RaftIo } from './become.ts'
import { resign } from './election.ts'
import type { QuorumFetch, QuorumFetched, QuorumSnapshot, RaftFlush, SnapshotChunk } from './messages.ts'
import { majority, otherVoters, type ParkedFetch, type Raft } from './state.ts'

/** Appends a batch of the leader's epoch. It commits later; `highWatermark` says when. */
export function append(io: RaftIo, batch: Uint8Array): void {
  const { raft, env, out } = io
  raft.store.append(batch)
  if (raft.flushScheduled) return
  raft.flushScheduled = true
  const flush: RaftFlush = { kind: 'raftFlush' }
  out.send(env.self, flush)
}

export function onFlush(io: RaftIo): void {
  const { raft } = io
  raft.flushScheduled = false
  raft.store.sync()
  if (!raft.leadership) return
  raft.leadership.progress.get(raft.config.self)!.endOffset = raft.store.syncedOffset
  advanceHighWatermark(io)
  answerParked(io)
}

export function onQuorumFetch(io: RaftIo, message: QuorumFetch): void {
  const { raft, env, out } = io
  const error = fetchError(raft, message)
  if (error !== KafkaError.NONE) return out.reply(message.replyTo, fetched(raft, { error }))
  const progress = raft.leadership!.progress
  let replica = progress.get(message.replica)
  if (!replica) progress.set(message.replica, (replica = newProgress(env.now)))
  replica.parked = null
  replica.lastFetchMs = env.now
  replica.directoryId = message.directoryId
  const place = placeOf(raft, message)
  if (place) return out.reply(message.replyTo, fetched(raft, place))
  replica.endOffset = message.offset
  if (message.offset >= raft.store.endOffset) replica.lastCaughtUpMs = env.now
  // Others wait at our end with an older high watermark: it is news to them too.
  if (raft.config.voters.includes(message.replica) && advanceHighWatermark(io)) answerParked(io)
  if (answerable(io, message)) return out.reply(message.replyTo, withRecords(raft, message.offset))
  replica.parked = { ...message, untilMs: env.now + raft.config.fetchMaxWaitMs }
  armParked(io)
}

function fetchError(raft: Raft, message: QuorumFetch | QuorumSnapshot): ErrorCode {
  if ('clusterId' in message && message.clusterId !== raft.store.clusterId) return KafkaError.INCONSISTENT_CLUSTER_ID
  if (raft.phase !== 'leader') return KafkaError.NOT_LEADER_OR_FOLLOWER
  if (message.epoch < raft.epoch) return KafkaError.FENCED_LEADER_EPOCH
  return message.epoch > raft.epoch ? KafkaError.UNKNOWN_LEADER_EPOCH : KafkaError.NONE
}

/** Where the fetcher has to go first: back to where our logs part, or to a snapshot. null: it continues our log. */
function placeOf(raft: Raft, { offset, lastFetchedEpoch }: QuorumFetch): Partial<QuorumFetched> | null {
  const { store } = raft
  const snapshot = store.latestSnapshot()
  if (offset < store.startOffset) return { snapshot }
  if (offset === 0) return null
  const end = store.endOffsetForEpoch(lastFetchedEpoch)
  if (end.epoch === lastFetchedEpoch && offset <= end.endOffset) return null
  // An epoch older than all we still hold: only a snapshot can tell it what to keep.
  if (end.epoch < 0 && store.startOffset > 0) return { snapshot }
  return { divergingEpoch: end.epoch < 0 ? { epoch: 0, endOffset: 0 } : end }
}

/** Z33f: records alone would tell of a high watermark one fetch late, on a busy log for ever (KAFKA-13959). */
const answerable = ({ raft, env }: RaftIo, fetch: { offset: number; highWatermark: number }): boolean =>
  fetch.offset < raft.store.syncedOffset ||
  (env.safeguards.raftAnswerHighWatermark && fetch.highWatermark < raft.highWatermark)

function withRecords(raft: Raft, offset: number): QuorumFetched {
  const records = offset < raft.store.endOffset ? raft.store.read(offset, raft.config.fetchMaxBytes) : null
  return fetched(raft, { records })
}

function fetched(raft: Raft, answer: Partial<QuorumFetched>): QuorumFetched {
  return {
    error: KafkaError.NONE,
    leader: raft.leaderId,
    epoch: raft.epoch,
    highWatermark: raft.highWatermark,
    records: null,
    divergingEpoch: null,
    snapshot: null,
    ...answer,
  }
}

/**
 * K3: what a majority has on disk is committed, but only together with a record of this epoch; counting an older epoch's
 * records alone can lose them again (figure 8 of the Raft paper, KAFKA-12619).
 */
export function advanceHighWatermark({ raft, env }: RaftIo): boolean {
  const { progress, epochStartOffset } = raft.leadership!
  const ends = raft.config.voters.map((id) => progress.get(id)!.endOffset).sort((a, b) => b - a)
  const candidate = Math.min(ends[majority(raft) - 1]!, raft.store.endOffset)
  const needed = env.safeguards.raftCommitLeaderChange ? epochStartOffset + 1 : epochStartOffset
  if (env.safeguards.raftCommitOwnEpoch && candidate < needed) return false
  if (candidate <= raft.highWatermark) return false
  raft.highWatermark = candidate
  return true
}

export function answerParked(io: RaftIo): void {
  const { raft, env, out } = io
  for (const replica of raft.leadership?.progress.values() ?? []) {
    const { parked } = replica
    if (!parked || (!answerable(io, parked) && env.now < parked.untilMs)) continue
    replica.parked = null
    out.reply(parked.replyTo, withRecords(raft, parked.offset))
  }
}

export function onParkedTimeout(io: RaftIo): void {
  answerParked(io)
  armParked(io)
}

function armParked(io: RaftIo): void {
  let next: ParkedFetch | null = null
  for (const { parked } of io.raft.leadership?.progress.values() ?? []) {
    if (parked && (!next || parked.untilMs < next.untilMs)) next = parked
  }
  if (next) setTimer(io, 'parked', next.untilMs - io.env.now)
}

export function onQuorumSnapshot(io: RaftIo, message: QuorumSnapshot): void {
  const { raft, env, out } = io
  const { store } = raft
  const answer = (part: Partial<SnapshotChunk>): void =>
    out.reply(message.replyTo, {
      error: KafkaError.NONE,
      leader: raft.leaderId,
      epoch: raft.epoch,
      snapshot: message.snapshot,
      size: 0,
      position: message.position,
      records: null,
      ...part,
    } satisfies SnapshotChunk)
  const error = fetchError(raft, message)
  if (error !== KafkaError.NONE) return answer({ error })
  const replica = raft.leadership!.progress.get(message.replica)
  if (replica) replica.lastFetchMs = env.now
  const latest = store.latestSnapshot()
  if (latest?.offset !== message.snapshot.offset || latest.epoch !== message.snapshot.epoch) {
    return answer({ error: KafkaError.SNAPSHOT_NOT_FOUND })
  }
  const size = store.snapshotSize(latest)
  if (message.position < 0 || message.position >= size) return answer({ error: KafkaError.POSITION_OUT_OF_RANGE })
  answer({ size, records: store.readSnapshot(latest, message.position, message.maxBytes) })
}

/** Z33d: a leader that a majority does not fetch from may have been replaced already. */
export function onCheckQuorum(io: RaftIo): void {
  const { raft, env } = io
  if (raft.phase !== 'leader' || !env.safeguards.raftCheckQuorum) return
  const { progress } = raft.leadership!
  const limit = env.now - raft.config.fetchTimeoutMs * 1.5
  const heard = otherVoters(raft).filter((id) => progress.get(id)!.lastFetchMs >= limit)
  if (heard.length + 1 < majority(raft)) {
    io.out.trace('raft-check-quorum', { heard, epoch: raft.epoch })
    return resign(io)
  }
  setTimer(io, 'checkQuorum', raft.config.fetchTimeoutMs / 2)
}

/** Voters that do not fetch may not know who leads. */
export function onBeginTimeout(io: RaftIo): void {
  const { raft, env } = io
  if (raft.phase !== 'leader') return
  const { progress } = raft.leadership!
  const silent = otherVoters(raft).filter((id) => {
    const voter = progress.get(id)!
    return voter.endOffset < 0 || (!voter.parked && voter.lastFetchMs < env.now - raft.config.fetchMaxWaitMs * 2)
  })
  announce(io, silent)
  setTimer(io, 'begin', beginInterval(raft))
}
