/**
 * Fetch (1), versions 4–18: record batches from this broker's replicas.
 *
 * - v4 magic 2, isolation level and aborted transactions (KIP-98); v5 log start offset; v7 fetch sessions (KIP-227)
 * - v9 leader epoch of the client (KIP-320); v11 rack, preferred read replica (KIP-392)
 * - v12 diverging epochs (KIP-595); v13 topic ids (KIP-516); v15 replica state (KIP-903)
 * - v16 the leader to go to instead (KIP-951); v17, v18 fields of followers only (KIP-853, KIP-1166)
 *
 * Reading and waiting: `fetch/fetch-job.ts`; sessions: `fetch/session-context.ts`; the bytes: `fetch/fetch-frame.ts`.
 */
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  FetchRequest,
  FetchResponse_FetchableTopicResponseInput,
  FetchResponse_PartitionDataInput,
  FetchResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import type { RequestContext } from '../context.ts'
import { fetchFrame, SliceBytes } from '../fetch/fetch-frame.ts'
import { fetchHint, FetchJob, type FetchLimits, type PartitionRead } from '../fetch/fetch-job.ts'
import type { FetchPartition } from '../fetch/session-cache.ts'
import { closeContext, openContext, type FetchContext, type PartitionAnswer } from '../fetch/session-context.ts'
import { hintedEndpoints, isMisdirected, type LeaderHint } from '../partition-access.ts'

export const gaps: readonly string[] = [
  'Followers of this cluster do not fetch over TCP; a Fetch with a replica id is refused with TOPIC_AUTHORIZATION_FAILED.',
  'There are no preferred read replicas: consumers always read from the leader.',
  'INCONSISTENT_TOPIC_ID does not occur: replicas are found by topic id, so a stale id is UNKNOWN_TOPIC_ID.',
]

const READ_COMMITTED = 1
const NO_BYTES = new Uint8Array(0)

export const fetch = defineApi<FetchRequest, FetchResponseInput>({
  key: 1,
  minVersion: 4,
  maxVersion: 18,
  gaps,
  handle(request, ctx) {
    const context = openContext(ctx.front, request, ctx.version)
    if (context.kind === 'refused') return ctx.respond(withoutTopics(context.error, ctx.version))
    if (isFollower(request, ctx.version)) {
      const refused = context.partitions.map((asked) => errorAnswer(asked, KafkaError.TOPIC_AUTHORIZATION_FAILED))
      return respond(ctx, context, refused, [])
    }
    const job = new FetchJob(ctx, context.partitions, limitsOf(request, ctx), (reads) => answer(ctx, context, reads))
    job.start()
  },
  failure(request, error, version) {
    if (version >= 7) return { errorCode: error }
    const responses = request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => errorData(partition, error)),
    }))
    return { responses }
  },
})

function withoutTopics(errorCode: ErrorCode, version: number): FetchResponseInput {
  return version >= 7 ? { errorCode } : {}
}

/** −1 is a consumer, −2 a debugging one. */
function isFollower(request: FetchRequest, version: number): boolean {
  return (version >= 15 ? request.replicaState.replicaId : request.replicaId) >= 0
}

function limitsOf(request: FetchRequest, ctx: RequestContext): FetchLimits {
  const maxBytes = Math.min(request.maxBytes, ctx.env.config['fetch.max.bytes'])
  return {
    maxWaitMs: request.maxWaitMs,
    minBytes: Math.min(request.minBytes, maxBytes),
    maxBytes,
    isolation: request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted',
    byId: ctx.version >= 13,
  }
}

function answer(ctx: RequestContext, context: FetchContext, reads: readonly PartitionRead[]): void {
  const sources = new Map<PartitionAnswer, SliceBytes>()
  const hints: LeaderHint[] = []
  const answers = reads.map((read): PartitionAnswer => {
    if (read.error !== KafkaError.NONE || read.fetched === null) {
      const refused = errorAnswer(read.asked, read.error)
      // What a replica refuses has none; what is refused before that has an empty list.
      if (read.fetched !== null) refused.data.abortedTransactions = null
      if (ctx.version < 16 || !isMisdirected(read.error)) return refused
      const hint = fetchHint(read)
      hints.push(hint)
      refused.data.currentLeader = hint
      return refused
    }
    const source = read.slice !== null && read.sizeInBytes > 0 ? new SliceBytes(read.slice) : null
    const one = { asked: read.asked, data: shape(read, source, ctx.version), sizeInBytes: read.sizeInBytes }
    if (source) sources.set(one, source)
    return one
  })
  respond(ctx, context, answers, hints, sources)
}

function shape(read: PartitionRead, source: SliceBytes | null, version: number): PartitionAnswer['data'] {
  const fetched = read.fetched!
  const { divergingEpoch } = fetched
  return {
    partitionIndex: read.asked.partition,
    errorCode: KafkaError.NONE,
    highWatermark: fetched.highWatermark,
    lastStableOffset: fetched.lastStableOffset,
    logStartOffset: fetched.logStartOffset,
    abortedTransactions: fetched.abortedTransactions,
    divergingEpoch: version >= 12 && divergingEpoch !== null ? divergingEpoch : undefined,
    records: source ?? NO_BYTES,
  }
}

function errorData(partitionIndex: number, errorCode: ErrorCode) {
  return { partitionIndex, errorCode, highWatermark: -1, records: NO_BYTES }
}

function errorAnswer(asked: FetchPartition, errorCode: ErrorCode): PartitionAnswer & { data: WritableData } {
  return { asked, data: errorData(asked.partition, errorCode), sizeInBytes: 0 }
}

type WritableData = PartitionAnswer['data'] & {
  currentLeader?: FetchResponse_PartitionDataInput['currentLeader']
  abortedTransactions?: FetchResponse_PartitionDataInput['abortedTransactions']
}

function respond(
  ctx: RequestContext,
  context: FetchContext,
  all: readonly PartitionAnswer[],
  hints: readonly LeaderHint[],
  sources?: ReadonlyMap<PartitionAnswer, SliceBytes>,
): void {
  const { error, sessionId, answers } = closeContext(ctx.front, context, all)
  const response = {
    errorCode: error,
    sessionId: ctx.version >= 7 ? sessionId : 0,
    responses: byTopic(answers, ctx.version >= 13),
    nodeEndpoints: hints.length > 0 ? hintedEndpoints(ctx, hints) : [],
  }
  const sent: SliceBytes[] = []
  for (const one of answers) {
    const source = sources?.get(one)
    if (source) sent.push(source)
  }
  ctx.respondFrame(fetchFrame(ctx, response, sent))
}

/** Neighbours of one topic share an entry, as in Kafka; the order of partitions is the order they were read in. */
function byTopic(answers: readonly PartitionAnswer[], byId: boolean): FetchResponse_FetchableTopicResponseInput[] {
  const topics: { topic: string; topicId: string; partitions: FetchResponse_PartitionDataInput[] }[] = []
  for (const { asked, data } of answers) {
    const last = topics[topics.length - 1]
    const same = last !== undefined && (byId ? last.topicId === asked.topicId : last.topic === asked.topic)
    if (same) last.partitions.push(data)
    else topics.push({ topic: asked.topic, topicId: asked.topicId, partitions: [data] })
  }
  return topics
}
