/**
 * Fetch sessions: broker and consumer both remember what is fetched, so that a request names only what has changed and
 * a response only what has news (KIP-227). Source: `FetchSessionHandler`.
 *
 * Both sides count requests; whoever is out of step ends the session, and the next request begins a new one with
 * everything.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { FetchResponse } from '@troupe/wire/messages'
import type { FetchSession, SessionPartition, Step } from './state.ts'
import { groupByTopic } from './topic-partition.ts'

const INITIAL = 0
const FINAL = -1
const MAX_EPOCH = 0x7fff_ffff

export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly object[]
  readonly forgottenTopicsData: readonly object[]
}

export function sessionOf({ state }: Step, node: number): FetchSession {
  let session = state.sessions.get(node)
  if (session === undefined) {
    session = { id: 0, epoch: INITIAL, partitions: new Map() }
    state.sessions.set(node, session)
  }
  return session
}

/** What is to be said so that the broker knows of exactly these partitions. */
export function nextRequest(
  session: FetchSession,
  wanted: readonly (SessionPartition & { key: string })[],
): SessionRequest {
  const next = new Map(wanted.map(({ key, ...partition }) => [key, partition]))
  const all = session.epoch === INITIAL || session.epoch === FINAL
  const forgotten = all ? [] : [...session.partitions].filter(([key, had]) => next.get(key)?.topicId !== had.topicId)
  const changed = [...next].filter(([key, partition]) => all || !isSame(session.partitions.get(key), partition))
  session.partitions = next
  return {
    sessionId: session.id,
    sessionEpoch: session.epoch,
    topics: [...groupByTopic(changed.map(([, each]) => each))].map(([topic, partitions]) => ({
      topic,
      topicId: partitions[0].topicId,
      partitions: partitions.map(
        ({ partition, fetchOffset, currentLeaderEpoch, lastFetchedEpoch, partitionMaxBytes }) => ({
          partition,
          currentLeaderEpoch,
          fetchOffset,
          lastFetchedEpoch,
          logStartOffset: -1,
          partitionMaxBytes,
        }),
      ),
    })),
    forgottenTopicsData: [...groupByTopic(forgotten.map(([, each]) => each))].map(([topic, partitions]) => ({
      topic,
      topicId: partitions[0].topicId,
      partitions: partitions.map(({ partition }) => partition),
    })),
  }
}

function isSame(had: SessionPartition | undefined, now: SessionPartition): boolean {
  return (
    had !== undefined &&
    had.topicId === now.topicId &&
    had.fetchOffset === now.fetchOffset &&
    had.currentLeaderEpoch === now.currentLeaderEpoch &&
    had.lastFetchedEpoch === now.lastFetchedEpoch
  )
}

/** Whether the response can be used. */
export function acceptResponse(session: FetchSession, { errorCode, sessionId }: FetchResponse): boolean {
  if (errorCode !== KafkaError.NONE) {
    if (errorCode === KafkaError.FETCH_SESSION_ID_NOT_FOUND) session.id = 0
    session.epoch = INITIAL
    return false
  }
  // Zero: the broker has no room for a session, or has closed this one.
  session.epoch =
    sessionId === 0 ? INITIAL : session.id !== sessionId || session.epoch <= 0 ? 1 : nextEpoch(session.epoch)
  session.id = sessionId
  return true
}

function nextEpoch(epoch: number): number {
  return epoch === MAX_EPOCH ? 1 : epoch + 1
}

/** Nobody knows how far the broker has counted: the next request replaces this session by a new one. */
export function loseSession(session: FetchSession): void {
  session.epoch = INITIAL
}

/** The last word: the broker forgets it. */
export function finalRequest({ id }: FetchSession): SessionRequest {
  return { sessionId: id, sessionEpoch: FINAL, topics: [], forgottenTopicsData: [] }
}
