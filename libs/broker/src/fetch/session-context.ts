/**
 * What one Fetch is about and how it is answered, by the kind of fetch (KIP-227): without a session, opening one, or a
 * step in one.
 *
 * Source: Kafka's FetchManager.newContext and the FetchContext classes.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { FetchRequest, FetchResponse_PartitionDataInput } from '@troupe/wire/messages'
import type { FrontState } from '../state.ts'
import {
  FINAL_EPOCH,
  INITIAL_EPOCH,
  NO_SESSION,
  nextEpoch,
  partitionKey,
  type CachedPartition,
  type FetchPartition,
  type FetchSession,
} from './session-cache.ts'

/** A partition's part of the answer, before it is grouped by topic. */
export interface PartitionAnswer {
  readonly asked: FetchPartition
  readonly data: FetchResponse_PartitionDataInput & { errorCode: ErrorCode; highWatermark: number }
  /** Records in it. */
  readonly sizeInBytes: number
}

export type FetchContext =
  | { kind: 'refused'; error: ErrorCode }
  | { kind: 'sessionless'; partitions: FetchPartition[] }
  | { kind: 'full'; partitions: FetchPartition[]; usesTopicIds: boolean }
  | { kind: 'incremental'; partitions: FetchPartition[]; session: FetchSession; requestEpoch: number }

export function openContext(front: FrontState, request: FetchRequest, version: number): FetchContext {
  const { sessions } = front
  const usesTopicIds = version >= 13
  const { sessionId, sessionEpoch } = request
  if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
    if (sessionId !== NO_SESSION) sessions.remove(sessionId)
    const partitions = [...requested(request, usesTopicIds).values()]
    return sessionEpoch === FINAL_EPOCH
      ? { kind: 'sessionless', partitions }
      : { kind: 'full', partitions, usesTopicIds }
  }
  const session = sessions.get(sessionId)
  if (!session) return { kind: 'refused', error: KafkaError.FETCH_SESSION_ID_NOT_FOUND }
  if (session.epoch !== sessionEpoch) return { kind: 'refused', error: KafkaError.INVALID_FETCH_SESSION_EPOCH }
  if (session.usesTopicIds !== usesTopicIds) return { kind: 'refused', error: KafkaError.FETCH_SESSION_TOPIC_ID_ERROR }
  updateSession(session, request)
  if (session.partitions.size === 0) {
    sessions.remove(session.id)
    return { kind: 'sessionless', partitions: [] }
  }
  sessions.touch(session, front.env.now)
  session.epoch = nextEpoch(session.epoch)
  return { kind: 'incremental', partitions: [...session.partitions.values()], session, requestEpoch: sessionEpoch }
}

/** The same partition named twice counts once, as last named. */
function requested(request: FetchRequest, byId: boolean): Map<string, FetchPartition> {
  const partitions = new Map<string, FetchPartition>()
  for (const { topic, topicId, partitions: ofTopic } of request.topics) {
    for (const asked of ofTopic) {
      partitions.set(partitionKey(topic, topicId, asked.partition, byId), {
        topic,
        topicId,
        partition: asked.partition,
        maxBytes: asked.partitionMaxBytes,
        fetchOffset: asked.fetchOffset,
        currentLeaderEpoch: asked.currentLeaderEpoch,
        lastFetchedEpoch: asked.lastFetchedEpoch,
      })
    }
  }
  return partitions
}

function updateSession(session: FetchSession, request: FetchRequest): void {
  for (const [key, asked] of requested(request, session.usesTopicIds)) {
    const cached = session.partitions.get(key)
    if (cached) {
      cached.maxBytes = asked.maxBytes
      cached.fetchOffset = asked.fetchOffset
      cached.currentLeaderEpoch = asked.currentLeaderEpoch
      cached.lastFetchedEpoch = asked.lastFetchedEpoch
    } else session.partitions.set(key, { ...asked, highWatermark: -1, logStartOffset: -1 })
  }
  for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
    for (const partition of partitions) {
      session.partitions.delete(partitionKey(topic, topicId, partition, session.usesTopicIds))
    }
  }
}

export interface SessionAnswer {
  readonly error: ErrorCode
  readonly sessionId: number
  readonly answers: readonly PartitionAnswer[]
}

/** What of the answers is sent, and under which session. Moves the session on; to be asked once per fetch. */
export function closeContext(
  front: FrontState,
  context: FetchContext,
  answers: readonly PartitionAnswer[],
): SessionAnswer {
  switch (context.kind) {
    case 'refused':
      return { error: context.error, sessionId: NO_SESSION, answers: [] }
    case 'sessionless':
      return { error: KafkaError.NONE, sessionId: NO_SESSION, answers }
    case 'full':
      return { error: KafkaError.NONE, sessionId: openSession(front, context.usesTopicIds, answers), answers }
    case 'incremental': {
      const { session } = context
      // Another request of this session overtook us: the client gave this one up.
      if (session.epoch !== nextEpoch(context.requestEpoch)) {
        return { error: KafkaError.INVALID_FETCH_SESSION_EPOCH, sessionId: session.id, answers: [] }
      }
      return { error: KafkaError.NONE, sessionId: session.id, answers: answers.filter((one) => advance(session, one)) }
    }
  }
}

function openSession(front: FrontState, usesTopicIds: boolean, answers: readonly PartitionAnswer[]): number {
  const partitions = new Map<string, CachedPartition>()
  for (const { asked, data } of answers) {
    partitions.set(partitionKey(asked.topic, asked.topicId, asked.partition, usesTopicIds), {
      ...asked,
      highWatermark: data.highWatermark,
      logStartOffset: data.logStartOffset ?? -1,
    })
  }
  const { env, sessions } = front
  return sessions.create(env.now, () => env.random(), usesTopicIds, partitions)?.id ?? NO_SESSION
}

/** Whether the answer says something that the client does not know yet; remembers that it does now. */
function advance(session: FetchSession, { asked, data, sizeInBytes }: PartitionAnswer): boolean {
  const key = partitionKey(asked.topic, asked.topicId, asked.partition, session.usesTopicIds)
  const cached = session.partitions.get(key)
  if (!cached) return false
  const logStartOffset = data.logStartOffset ?? -1
  const failed = data.errorCode !== KafkaError.NONE
  const news =
    sizeInBytes > 0 ||
    failed ||
    data.divergingEpoch !== undefined ||
    cached.highWatermark !== data.highWatermark ||
    cached.logStartOffset !== logStartOffset
  cached.highWatermark = failed ? -1 : data.highWatermark
  cached.logStartOffset = logStartOffset
  if (sizeInBytes > 0) {
    session.partitions.delete(key)
    session.partitions.set(key, cached)
  }
  return news
}
