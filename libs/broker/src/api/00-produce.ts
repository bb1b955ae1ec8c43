/**
 * Produce (0), versions 3–13: batches of records, each to its partition's replica.
 *
 * - v3 magic 2 only, one batch per partition; v5 log start offset; v7 zstd; v8 errors per record (KIP-467)
 * - v10 the leader to go to instead (KIP-951); v11 TRANSACTION_ABORTABLE (KIP-890)
 * - v12 a transaction's partition is added on the way (KIP-890, TV2); v13 topic ids (KIP-516)
 * - ApiVersions says 0–13, because old librdkafka reads features from that; 0–2 are refused (KAFKA-18659)
 *
 * Records go to the replica as they lie in the frame: it has them before the frame's memory is used again. The answer
 * waits for all partitions; how long each may take is the replicas' business. acks=0 has no answer: an error
 * closes the connection, so that the client notices.
 */
import { isFailed, type TopicView } from '@troupe/actor'
import type { Produce, Produced, TransactionCheck } from '@troupe/replication/messages'
import { recordCount } from '@troupe/wire/record-batch'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type {
  ProduceRequest,
  ProduceRequest_TopicProduceData,
  ProduceResponse_PartitionProduceResponseInput,
  ProduceResponseInput,
} from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { Barrier } from '../barrier.ts'
import { replicaOn, type RequestContext } from '../context.ts'
import { coordinatorAddress } from '../coordinators.ts'
import {
  findTopic,
  hintedEndpoints,
  isMisdirected,
  leaderHint,
  localError,
  replicaFailure,
  type LeaderHint,
} from '../partition-access.ts'
import { isInternalTopic } from '../topic-names.ts'

export const gaps: readonly string[] = []

/** Kafka's own admin client may write internal topics, by its fixed client id. */
const ADMIN_CLIENT_ID = '__admin_client'
const BATCH_OVERHEAD = 61
const LENGTH_OFFSET = 8
const MAGIC_OFFSET = 16
const ATTRIBUTES_OFFSET = 21
const ZSTD = 4
const TRANSACTIONAL = 0x10
const LOG_OVERHEAD = 12
/** The shortest entry of any magic (LegacyRecord.RECORD_OVERHEAD_V0). */
const SHORTEST = 14

type PartitionAnswer = Omit<ProduceResponse_PartitionProduceResponseInput, 'errorCode' | 'currentLeader'> & {
  errorCode: ErrorCode
  currentLeader?: LeaderHint
}

export const produce = defineApi<ProduceRequest, ProduceResponseInput>({
  key: 0,
  minVersion: 3,
  maxVersion: 13,
  gaps,
  handle(request, ctx) {
    const { acks } = request
    if (acks !== -1 && acks !== 0 && acks !== 1) {
      return ctx.respond(refuseAll(request, KafkaError.INVALID_REQUIRED_ACKS, ctx.version)!)
    }
    // Kafka asks who may use the transactional id, and nobody may use none.
    if (request.transactionalId === null && hasTransactionalBatch(request)) {
      const error = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      return acks === 0
        ? ctx.hangUp('a transactional batch without an id')
        : ctx.respond(refuseAll(request, error, ctx.version)!)
    }
    const transaction = transactionCheck(request, ctx)
    const answers = request.topicData.map((): PartitionAnswer[] => [])
    const hints: LeaderHint[] = []
    const barrier = new Barrier(() => finish(request, ctx, answers, hints))
    for (let t = 0; t < request.topicData.length; t++) {
      const data = request.topicData[t]
      const topic = findTopic(ctx, data.name, data.topicId, ctx.version >= 13)
      for (let p = 0; p < data.partitionData.length; p++) {
        const { index, records } = data.partitionData[p]
        const error = typeof topic === 'number' ? topic : refusal(ctx, topic, index, records)
        const settle = (answer: PartitionAnswer, replica?: Produced): void => {
          answers[t][p] = answer
          if (typeof topic === 'number' || ctx.version < 10 || !isMisdirected(answer.errorCode)) return
          const hint = leaderHint(topic, index, replica)
          answer.currentLeader = hint
          hints.push(hint)
        }
        if (error !== KafkaError.NONE || typeof topic === 'number' || records === null) {
          settle(refused(index, error))
          continue
        }
        barrier.expect()
        // The bytes are gone when the answer comes.
        const [bytes, messages] = [records.length, recordCount(records, 0)]
        ctx.ask<Produce, Produced>(
          replicaOn(ctx.self, topic.id, index),
          { kind: 'produce', records, acks, timeoutMs: request.timeoutMs, transaction },
          (body) => {
            if (isFailed(body)) settle(refused(index, replicaFailure(body)))
            else settle(shape(index, body), body)
            if (!isFailed(body) && body.error === KafkaError.NONE) countIn(ctx, topic.name, messages, bytes)
            barrier.arrived()
          },
        )
      }
    }
    barrier.open()
  },
  failure: refuseAll,
})

function countIn({ env }: RequestContext, topic: string, messages: number, bytes: number): void {
  const counts = env.traffic?.topic(topic)
  if (counts === undefined) return
  counts.messagesIn += messages
  counts.bytesIn += bytes
}

function refusal(ctx: RequestContext, topic: TopicView, index: number, records: Uint8Array | null): ErrorCode {
  const error = localError(ctx, topic, index)
  if (error !== KafkaError.NONE) return error
  if (isInternalTopic(topic.name) && ctx.clientId !== ADMIN_CLIENT_ID) return KafkaError.INVALID_TOPIC_EXCEPTION
  return checkBatch(records, ctx.version)
}

/** What the request's version allows (ProduceRequest.validateRecords); the log checks the batch itself. */
function checkBatch(records: Uint8Array | null, version: number): ErrorCode {
  if (records === null || records.length < LOG_OVERHEAD) return KafkaError.INVALID_RECORD
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  const length = view.getInt32(LENGTH_OFFSET)
  if (length < SHORTEST) return KafkaError.CORRUPT_MESSAGE
  if (records.length <= MAGIC_OFFSET) return KafkaError.INVALID_RECORD
  const magic = records[MAGIC_OFFSET]
  if (magic > 2) return KafkaError.CORRUPT_MESSAGE
  // What is cut off is no batch to Kafka, and a request without any is refused.
  if (magic !== 2 || length + LOG_OVERHEAD > records.length) return KafkaError.INVALID_RECORD
  if (length + LOG_OVERHEAD < BATCH_OVERHEAD) return KafkaError.CORRUPT_MESSAGE
  if (length + LOG_OVERHEAD < records.length) return KafkaError.INVALID_RECORD
  const compression = view.getInt16(ATTRIBUTES_OFFSET) & 7
  return version < 7 && compression === ZSTD ? KafkaError.UNSUPPORTED_COMPRESSION_TYPE : KafkaError.NONE
}

function transactionCheck(request: ProduceRequest, ctx: RequestContext): TransactionCheck | null {
  const { transactionalId } = request
  if (transactionalId === null) return null
  return {
    transactionalId,
    coordinator: coordinatorAddress(ctx, 'transactions', transactionalId),
    addPartition: ctx.version >= 12,
    supportsAbortable: ctx.version >= 11,
  }
}

function shape(index: number, produced: Produced): PartitionAnswer {
  return {
    index,
    errorCode: produced.error,
    baseOffset: produced.baseOffset,
    logAppendTimeMs: produced.logAppendTimeMs,
    logStartOffset: produced.logStartOffset,
    recordErrors: produced.recordErrors.map(({ batchIndex, message }) => ({
      batchIndex,
      batchIndexErrorMessage: message,
    })),
    errorMessage: produced.errorMessage,
  }
}

function refused(index: number, errorCode: ErrorCode): PartitionAnswer {
  return { index, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }
}

function finish(
  request: ProduceRequest,
  ctx: RequestContext<ProduceResponseInput>,
  answers: PartitionAnswer[][],
  hints: LeaderHint[],
): void {
  if (request.acks === 0) {
    const failed = answers.some((topic) => topic.some(({ errorCode }) => errorCode !== KafkaError.NONE))
    return failed ? ctx.hangUp('a produce without acknowledgement failed') : ctx.respondNothing()
  }
  ctx.respond({
    responses: request.topicData.map((data, t) => topicAnswer(data, answers[t])).filter(isAnswered),
    nodeEndpoints: hints.length > 0 ? hintedEndpoints(ctx, hints) : [],
  })
}

function isAnswered({ partitionResponses }: { partitionResponses: readonly unknown[] }): boolean {
  return partitionResponses.length > 0
}

function hasTransactionalBatch({ topicData }: ProduceRequest): boolean {
  return topicData.some(({ partitionData }) =>
    partitionData.some(({ records }) => records !== null && (records[ATTRIBUTES_OFFSET + 1] & TRANSACTIONAL) !== 0),
  )
}

function topicAnswer({ name, topicId }: ProduceRequest_TopicProduceData, partitionResponses: PartitionAnswer[]) {
  return { name, topicId, partitionResponses }
}

function refuseAll(request: ProduceRequest, error: ErrorCode, _version: number): ProduceResponseInput | null {
  if (request.acks === 0) return null
  return {
    responses: request.topicData.map((data) =>
      topicAnswer(
        data,
        data.partitionData.map(({ index }) => refused(index, error)),
      ),
    ),
  }
}
