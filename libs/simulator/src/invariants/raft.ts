/**
 * The K rules of the catalogue for the quorum's log, seen from outside: pure functions over a small view of each member
 * and a ghost that no member can see. Usable after every step of a model and of a timed cluster alike.
 *
 *   K1  one leader per epoch, across restarts
 *   K2  equal offset and epoch mean an equal batch and equal batches before it
 *   K3  what was committed is in the log of every later leader; a leader commits what is new only with a record of its
 *       own epoch; a high watermark never falls while its member lives
 *   K5  one vote per epoch, voter and disk
 *   K8  an observer is nothing else, and a prospective changes neither epoch nor vote
 *
 * K6 and K7 are about the metadata that the log carries: see metadata.ts. K4 has no subject: the voters are configured
 * and no record changes them. Source: KIP-595, KIP-996; Kafka's RaftEventSimulationTest.
 */
import type { QuorumStore } from '@troupe/controller/quorum-store'
import type { Phase } from '@troupe/controller/raft/state'
import { baseOffset, crc, forEachBatch, lastOffset, partitionLeaderEpoch } from '@troupe/wire/record-batch'
import type { Violation } from '../model/contract.ts'

/** What tells one batch of the log from another. */
export interface BatchId {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly epoch: number
  readonly crc: number
}

/** A member's log, from its start to its end. */
export interface QuorumLogView {
  readonly startOffset: number
  readonly endOffset: number
  /** Whole batches that end at or before `to`, from the one that holds `from` on. */
  batches(from: number, to: number): Iterable<BatchId>
}

export interface QuorumMember {
  readonly id: number
  readonly isVoter: boolean
  readonly phase: Phase
  readonly epoch: number
  readonly votedId: number
  /** Of its disk: a replaced one is another voter. */
  readonly directoryId: string
  readonly highWatermark: number
  readonly log: QuorumLogView
}

/** What a member was when it was last seen. */
interface Seen {
  readonly phase: Phase
  readonly epoch: number
  readonly votedId: number
  readonly highWatermark: number
}

interface Vote {
  readonly epoch: number
  readonly voter: number
  readonly directoryId: string
  readonly candidate: number
}

/** Plain data. Its fields that hold nodes: `leader`, `voter`, `candidate`, and the keys of `seen`. */
export interface QuorumGhost {
  leaders: readonly { readonly epoch: number; readonly leader: number }[]
  votes: readonly Vote[]
  /** In order of offset; gaps where only a snapshot was seen. */
  committed: readonly BatchId[]
  readonly seen: Map<number, Seen>
}

export const newQuorumGhost = (): QuorumGhost => ({ leaders: [], votes: [], committed: [], seen: new Map() })

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** After every step of a member. The first call of a life must come after `afterStop`, if there was one before. */
export function afterStep(ghost: QuorumGhost, member: QuorumMember): Violation | null {
  const before = ghost.seen.get(member.id)
  const violation =
    checkRole(before, member) ??
    checkVote(ghost, member) ??
    checkLeader(ghost, before, member) ??
    checkHighWatermark(ghost, before, member)
  const { phase, epoch, votedId, highWatermark } = member
  ghost.seen.set(member.id, { phase, epoch, votedId, highWatermark })
  return violation
}

/** What a member believed does not outlive it. */
export function afterStop(ghost: QuorumGhost, id: number): void {
  ghost.seen.delete(id)
}

/** K8. */
function checkRole(before: Seen | undefined, member: QuorumMember): Violation | null {
  const { id, phase, isVoter, epoch, votedId } = member
  if (isVoter === (phase === 'observer'))
    return broken('K8', `${id} is ${isVoter ? 'a voter' : 'no voter'} and ${phase}`)
  if (before?.phase !== 'prospective' || phase !== 'prospective') return null
  const same = before.epoch === epoch && before.votedId === votedId
  return same ? null : broken('K8', `${id} asks whether it could win, and goes from epoch ${before.epoch} to ${epoch}`)
}

/** K5: a vote is given in the step that changes it, whether to another or to itself. */
function checkVote(
  ghost: QuorumGhost,
  { id: voter, directoryId, epoch, votedId: candidate }: QuorumMember,
): Violation | null {
  if (candidate < 0) return null
  const given = ghost.votes.find(
    (vote) => vote.voter === voter && vote.epoch === epoch && vote.directoryId === directoryId,
  )
  if (given === undefined) ghost.votes = [...ghost.votes, { epoch, voter, directoryId, candidate }]
  else if (given.candidate !== candidate) {
    return broken('K5', `${voter} votes for ${given.candidate} and for ${candidate} in epoch ${epoch}`)
  }
  return null
}

/** K1, and K3 at the moment of election. */
function checkLeader(ghost: QuorumGhost, before: Seen | undefined, member: QuorumMember): Violation | null {
  const { id, phase, epoch } = member
  if (phase !== 'leader') return null
  const known = ghost.leaders.find((each) => each.epoch === epoch)
  if (known !== undefined && known.leader !== id) return broken('K1', `${known.leader} and ${id} lead epoch ${epoch}`)
  if (known === undefined) ghost.leaders = [...ghost.leaders, { epoch, leader: id }]
  const isElected = before?.phase !== 'leader' || before.epoch !== epoch
  return isElected ? checkCompleteness(ghost, member) : null
}

/** K3: a new leader has all that was ever committed. */
function checkCompleteness(ghost: QuorumGhost, { id, epoch, log }: QuorumMember): Violation | null {
  const last = ghost.committed.at(-1)
  if (last === undefined) return null
  const own = new Map<number, BatchId>()
  for (const batch of log.batches(log.startOffset, last.nextOffset)) own.set(batch.baseOffset, batch)
  for (const batch of ghost.committed) {
    // Late votes may still elect somebody in an epoch that is over; it can commit nothing.
    if (batch.baseOffset < log.startOffset || batch.epoch > epoch) continue
    const found = own.get(batch.baseOffset)
    if (found === undefined || !isSame(found, batch)) {
      return broken('K3', `leader ${id} of epoch ${epoch} lacks ${show(batch)}, which is committed`)
    }
  }
  return null
}

/** K3: never falls, moves only over what everyone else calls committed, and at a leader only over its own epoch. */
function checkHighWatermark(ghost: QuorumGhost, before: Seen | undefined, member: QuorumMember): Violation | null {
  const { id, phase, epoch, highWatermark, log } = member
  const from = before?.highWatermark ?? 0
  if (highWatermark < from) return broken('K3', `the high watermark of ${id} falls from ${from} to ${highWatermark}`)
  if (highWatermark > log.endOffset) return broken('K3', `the high watermark of ${id} is past the end of its log`)
  if (highWatermark === from) return null
  let first: BatchId | null = null
  let last: BatchId | null = null
  for (const batch of log.batches(Math.max(from, log.startOffset), highWatermark)) {
    const known = committedAt(ghost, batch.baseOffset)
    if (known !== null && !isSame(known, batch)) {
      return broken('K3', `${id} commits ${show(batch)} where ${show(known)} is committed`)
    }
    if (known === null) {
      addCommitted(ghost, batch)
      first ??= batch
    }
    last = batch
  }
  if (phase === 'leader' && first !== null && last!.epoch !== epoch) {
    return broken('K3', `leader ${id} of epoch ${epoch} commits ${show(first)} without a record of its own`)
  }
  return null
}

function committedAt({ committed }: QuorumGhost, offset: number): BatchId | null {
  const index = placeOf(committed, offset)
  return committed[index]?.baseOffset === offset ? committed[index] : null
}

function addCommitted(ghost: QuorumGhost, { baseOffset: base, nextOffset, epoch, crc: sum }: BatchId): void {
  const batch = { baseOffset: base, nextOffset, epoch, crc: sum }
  const at = placeOf(ghost.committed, base)
  ghost.committed = [...ghost.committed.slice(0, at), batch, ...ghost.committed.slice(at)]
}

/** Index of the first batch that starts at or after `offset`. */
function placeOf(batches: readonly BatchId[], offset: number): number {
  let low = 0
  let high = batches.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (batches[middle].baseOffset < offset) low = middle + 1
    else high = middle
  }
  return low
}

const isSame = (a: BatchId, b: BatchId): boolean =>
  a.epoch === b.epoch && a.crc === b.crc && a.nextOffset === b.nextOffset

const show = ({ baseOffset: base, epoch }: BatchId): string => `offset ${base} of epoch ${epoch}`

/**
 * Forgets what cannot matter any more, so that worlds become equal: `durableEpoch` is the epoch on a member's disk,
 * behind which it does not vote again.
 */
export function forgetPast(ghost: QuorumGhost, durableEpoch: (id: number) => number, voters: readonly number[]): void {
  const votes = ghost.votes.filter(({ voter, epoch }) => durableEpoch(voter) <= epoch)
  if (votes.length < ghost.votes.length) ghost.votes = votes
  const oldest = Math.min(...voters.map(durableEpoch))
  const leaders = ghost.leaders.filter(({ epoch }) => epoch >= oldest)
  if (leaders.length < ghost.leaders.length) ghost.leaders = leaders
}

/** K2, over the logs of all members, running or not: quadratic, for short logs. */
export function logsMatch(logs: readonly { readonly id: number; readonly log: QuorumLogView }[]): Violation | null {
  for (let i = 0; i < logs.length; i++) {
    for (let j = i + 1; j < logs.length; j++) {
      const violation = twoLogsMatch(logs[i], logs[j])
      if (violation !== null) return violation
    }
  }
  return null
}

interface NamedLog {
  readonly id: number
  readonly log: QuorumLogView
}

function twoLogsMatch(one: NamedLog, other: NamedLog): Violation | null {
  const from = Math.max(one.log.startOffset, other.log.startOffset)
  const to = Math.min(one.log.endOffset, other.log.endOffset)
  const theirs = new Map<number, BatchId>()
  for (const batch of other.log.batches(from, to)) theirs.set(batch.baseOffset, batch)
  let parted: BatchId | null = null
  for (const batch of one.log.batches(from, to)) {
    const same = theirs.get(batch.baseOffset)
    if (same === undefined || same.epoch !== batch.epoch) parted ??= batch
    else if (!isSame(same, batch)) return broken('K2', `${one.id} and ${other.id} hold two batches as ${show(batch)}`)
    else if (parted !== null) {
      return broken('K2', `${one.id} and ${other.id} agree at ${show(batch)} and differ before it, at ${show(parted)}`)
    }
  }
  return null
}

/** The view of a log that is read through its store, for members whose batches are not in plain sight. */
export function viewOfStore(store: QuorumStore): QuorumLogView {
  return {
    get startOffset() {
      return store.startOffset
    },
    get endOffset() {
      return store.endOffset
    },
    *batches(from, to) {
      for (let offset = from; offset < to;) {
        const found = headers(store.read(offset, 1024 * 1024))
        if (found.length === 0) return
        for (const batch of found) {
          if (batch.nextOffset > to) return
          yield batch
          offset = batch.nextOffset
        }
      }
    },
  }
}

function headers(bytes: Uint8Array): BatchId[] {
  const found: BatchId[] = []
  forEachBatch(bytes, (position) => {
    found.push({
      baseOffset: baseOffset(bytes, position),
      nextOffset: lastOffset(bytes, position) + 1,
      epoch: partitionLeaderEpoch(bytes, position),
      crc: crc(bytes, position),
    })
  })
  return found
}

/** Interesting states, so that no rule holds only because nothing happened. */
export function quorumWitnesses(ghost: QuorumGhost, members: readonly QuorumMember[]): string[] {
  const names: string[] = []
  const leaders = members.filter(({ phase }) => phase === 'leader')
  const latest = Math.max(...members.map(({ epoch }) => epoch))
  if (leaders.length > 0) names.push('K1: a leader')
  if (leaders.length > 1) names.push('K1: two leaders, of different epochs')
  if (ghost.committed.length > 0) names.push('K3: committed')
  if (ghost.committed.some(({ epoch }, i) => i > 0 && epoch > ghost.committed[i - 1].epoch)) {
    names.push('K3: committed in two epochs')
  }
  if (leaders.some(({ epoch, log, highWatermark }) => epoch === latest && log.endOffset > highWatermark + 1)) {
    names.push('K3: a leader holds what is not committed')
  }
  if (members.some((one) => members.some((other) => hasParted(one, other)))) names.push('K2: two logs differ')
  if (ghost.votes.length > 1) names.push('K5: votes')
  if (members.some(({ phase }) => phase === 'prospective')) names.push('K8: a prospective')
  if (members.some(({ isVoter, highWatermark }) => !isVoter && highWatermark > 0)) names.push('K8: an observer follows')
  return names
}

function hasParted(one: QuorumMember, other: QuorumMember): boolean {
  const to = Math.min(one.log.endOffset, other.log.endOffset)
  const theirs = new Map<number, BatchId>()
  for (const batch of other.log.batches(other.log.startOffset, to)) theirs.set(batch.baseOffset, batch)
  for (const batch of one.log.batches(one.log.startOffset, to)) {
    const same = theirs.get(batch.baseOffset)
    if (same !== undefined && !isSame(same, batch)) return true
  }
  return false
}
