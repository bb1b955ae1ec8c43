/**
 * The pulling side: followers and observers fetch from the leader, truncate where their logs diverge, append and sync
 * what comes, and copy a snapshot when the leader's log starts after their end.
 *
 * A fetch says "everything before `offset` is on my disk", so the log is synced before it is sent: the leader counts on it.
 * Source: KIP-595 (Fetch), KIP-630 (FetchSnapshot); Kafka's KafkaRaftClient.handleFetchResponse.
 */
import { isFailed, type Failed } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { ask, becomeFollower, becomeObserver, becomeUnattached, jitter, setTimer, type RaftIo } from './become.ts'
import type { QuorumFetch, QuorumFetched, QuorumSnapshot, SnapshotChunk } from './messages.ts'
import { isVoter, otherVoters, RaftInvariant, type Ask } from './state.ts'

const SNAPSHOT_CHUNK = 1024 * 1024

export function sendFetch(io: RaftIo): void {
  const { raft, env } = io
  const { store, config } = raft
  const to = raft.leaderId >= 0 ? raft.leaderId : anyVoter(io)
  if (to < 0) return
  dropAsks(io)
  if (isVoter(raft) || env.safeguards.raftObserverFlush) store.sync()
  ask(io, { kind: 'fetch', to, epoch: raft.epoch }, (replyTo): QuorumFetch => ({
    kind: 'quorumFetch',
    replyTo,
    clusterId: store.clusterId,
    replica: config.self,
    directoryId: store.directoryId,
    epoch: raft.epoch,
    offset: store.endOffset,
    lastFetchedEpoch: store.lastEpoch,
    highWatermark: raft.highWatermark,
  }))
  // Lost on the way: ask again. The reply to the old one is then no longer waited for.
  setTimer(io, 'request', config.fetchMaxWaitMs * 2 + (env.random() % 10))
}

/** An observer without a leader asks any voter, whose refusal names the leader. */
function anyVoter({ raft, env }: RaftIo): number {
  const voters = otherVoters(raft)
  return voters.length === 0 || isVoter(raft) ? -1 : voters[env.random() % voters.length]!
}

function dropAsks({ raft }: RaftIo): void {
  for (const [id, asked] of raft.asks) if (asked.kind === 'fetch' || asked.kind === 'snapshot') raft.asks.delete(id)
}

const isFetching = ({ raft }: RaftIo): boolean => raft.phase === 'follower' || raft.phase === 'observer'

export function onFetched(io: RaftIo, asked: Ask & { kind: 'fetch' }, body: QuorumFetched | Failed): void {
  const { raft } = io
  if (!isFetching(io) || asked.epoch !== raft.epoch) return
  if (isFailed(body)) return leaderUnreachable(io)
  if (body.error !== KafkaError.NONE) return onFetchRefused(io, asked, body)
  // An observer that had lost the leader has asked it by chance.
  if (raft.leaderId < 0) return becomeObserver(io, body.epoch, body.leader)
  raft.hasFetched = true
  if (raft.phase === 'follower') armFetchTimeout(io)
  if (body.snapshot) return beginDownload(io, body.snapshot)
  if (body.divergingEpoch) truncate(io, body.divergingEpoch)
  else followLeader(io, body)
  sendFetch(io)
}

/** The logs agree up to where we asked. After a truncation that is not known yet: what is left may part from the leader's. */
function followLeader({ raft }: RaftIo, { records, highWatermark }: QuorumFetched): void {
  // Copied: the payload's buffer goes back to its pool after this step.
  if (records && records.length > 0) raft.store.append(records.slice())
  raft.highWatermark = Math.max(raft.highWatermark, Math.min(highWatermark, raft.store.endOffset))
}

function armFetchTimeout(io: RaftIo): void {
  setTimer(io, 'election', jitter(io, io.raft.config.fetchTimeoutMs, io.raft.config.fetchTimeoutMs / 4))
}

function onFetchRefused(io: RaftIo, asked: Ask, body: QuorumFetched | SnapshotChunk): void {
  const { raft } = io
  const { backoffMs, self } = raft.config
  const named = body.leader >= 0 && body.leader !== self
  if (body.epoch > raft.epoch) {
    return named ? becomeFollower(io, body.epoch, body.leader) : becomeUnattached(io, body.epoch)
  }
  if (body.epoch === raft.epoch && named && body.leader !== raft.leaderId)
    return becomeFollower(io, body.epoch, body.leader)
  if (raft.phase === 'observer') {
    // It does not lead any more, and may not know who does: others are asked.
    if (asked.to === raft.leaderId) loseLeader(io)
    return setTimer(io, 'fetch', jitter(io, backoffMs, backoffMs))
  }
  // The member we took for the leader of this epoch is not (it restarted and resigned): stand for election.
  raft.hasFetched = false
  setTimer(io, 'election', jitter(io, 1, backoffMs))
}

/** The shell knows that the leader is gone: no need to wait for the fetch timeout. */
export function leaderUnreachable(io: RaftIo): void {
  const { raft } = io
  const { backoffMs } = raft.config
  raft.hasFetched = false
  if (raft.phase === 'follower') return setTimer(io, 'election', jitter(io, 1, backoffMs))
  if (raft.phase !== 'observer') return
  loseLeader(io)
  setTimer(io, 'fetch', jitter(io, backoffMs, backoffMs))
}

/** An observer does not elect: it asks around. */
function loseLeader({ raft }: RaftIo): void {
  raft.leaderId = -1
  raft.download = null
}

function truncate(io: RaftIo, diverging: { epoch: number; endOffset: number }): void {
  const { raft, out } = io
  const { store } = raft
  const own = store.endOffsetForEpoch(diverging.epoch)
  const to = Math.min(
    own.epoch === diverging.epoch ? Math.min(own.endOffset, diverging.endOffset) : own.endOffset,
    store.endOffset,
  )
  if (to < raft.highWatermark)
    throw new RaftInvariant(`truncation to ${to} below the high watermark ${raft.highWatermark}`)
  out.trace('raft-truncate', { from: store.endOffset, to, epoch: diverging.epoch })
  store.truncateTo(to)
}

function beginDownload(io: RaftIo, id: { offset: number; epoch: number }): void {
  const { raft } = io
  raft.download = { id, chunks: [], received: 0 }
  io.out.trace('raft-snapshot', { offset: id.offset, epoch: id.epoch })
  askChunk(io)
}

function askChunk(io: RaftIo): void {
  const { raft } = io
  const download = raft.download!
  dropAsks(io)
  ask(io, { kind: 'snapshot', to: raft.leaderId, epoch: raft.epoch }, (replyTo): QuorumSnapshot => ({
    kind: 'quorumSnapshot',
    replyTo,
    replica: raft.config.self,
    epoch: raft.epoch,
    snapshot: download.id,
    position: download.received,
    maxBytes: SNAPSHOT_CHUNK,
  }))
  setTimer(io, 'request', raft.config.fetchMaxWaitMs * 2)
}

export function onSnapshotChunk(io: RaftIo, asked: Ask & { kind: 'snapshot' }, body: SnapshotChunk | Failed): void {
  const { raft } = io
  const { download } = raft
  if (!isFetching(io) || !download || asked.epoch !== raft.epoch) return
  if (isFailed(body)) return leaderUnreachable(io)
  if (body.error === KafkaError.SNAPSHOT_NOT_FOUND || body.error === KafkaError.POSITION_OUT_OF_RANGE) {
    raft.download = null
    return sendFetch(io)
  }
  if (body.error !== KafkaError.NONE) return onFetchRefused(io, asked, body)
  if (raft.phase === 'follower') armFetchTimeout(io)
  if (body.position !== download.received || !body.records) return askChunk(io)
  download.chunks.push(body.records.slice())
  download.received += body.records.length
  if (download.received < body.size) return askChunk(io)
  raft.download = null
  raft.store.installSnapshot(download.id, concat(download.chunks, download.received))
  raft.highWatermark = Math.max(raft.highWatermark, download.id.offset)
  raft.installs += 1
  sendFetch(io)
}

export function onRequestTimeout(io: RaftIo): void {
  if (!isFetching(io)) return
  // A voter has its fetch timeout for that.
  if (io.raft.phase === 'observer') loseLeader(io)
  if (io.raft.download) askChunk(io)
  else sendFetch(io)
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
