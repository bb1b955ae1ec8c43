/**
 * TxnOffsetCommit, v0–5: offsets that count when the producer's transaction commits. v3 brings member and
 * generation, so that a consumer that has lost its partitions is fenced (KIP-447, Z30); v5 needs no AddOffsetsToTxn
 * before (KIP-890).
 *
 * The records go under the client's producer id and epoch, behind the verification that the front has asked for.
 * Errors: INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION; per partition
 * OFFSET_METADATA_TOO_LARGE. Source: Kafka's OffsetMetadataManager.commitTransactionalOffset.
 */
import type { CoordinatorEnv, TransactionalWrite } from '@troupe/coordinator'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponseInput } from '@troupe/wire/messages'
import { answered, newDraft, type Draft } from './draft.ts'
import type { Group } from './group.ts'
import type { TxnOffsetCommit } from './messages.ts'
import { generationError, metadataTooLarge } from './offset-commit.ts'
import { offsetCommit as offsetCommitRecord } from './records.ts'
import type { GroupState } from './state.ts'

export interface TransactionalDraft extends Draft {
  readonly transaction?: TransactionalWrite
}

export function txnOffsetCommit(
  { groups }: GroupState,
  { body, guard }: TxnOffsetCommit,
  env: CoordinatorEnv,
): TransactionalDraft {
  if (body.groupId === '') return answered(txnOffsetCommitError(body, KafkaError.INVALID_GROUP_ID))
  if (env.safeguards.fenceTxnOffsetCommit) {
    const error = txnCommitRefusal(groups.get(body.groupId), body)
    if (error !== KafkaError.NONE) return answered(txnOffsetCommitError(body, error))
  }
  const draft = newDraft()
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
      const metadata = committedMetadata ?? ''
      if (metadataTooLarge(metadata, env)) return { partitionIndex, errorCode: KafkaError.OFFSET_METADATA_TOO_LARGE }
      draft.records.push(
        offsetCommitRecord(body.groupId, name, partitionIndex, {
          offset: committedOffset,
          leaderEpoch: committedLeaderEpoch,
          metadata,
          commitTimestampMs: env.now,
          expireTimestampMs: -1,
          topicId: zeroUuid,
        }),
      )
      return { partitionIndex, errorCode: KafkaError.NONE }
    }),
  }))
  draft.response = { topics } satisfies TxnOffsetCommitResponseInput
  return { ...draft, transaction: { producerId: body.producerId, producerEpoch: body.producerEpoch, guard } }
}

/** Producers before v3 send no member: they are fenced by their transactional id alone. */
function txnCommitRefusal(group: Group | undefined, body: TxnOffsetCommitRequest): ErrorCode {
  const { memberId, groupInstanceId, generationId: generation } = body
  if (group === undefined) return generation < 0 ? KafkaError.NONE : KafkaError.ILLEGAL_GENERATION
  if (generation < 0 && group.phase === 'Empty') return KafkaError.NONE
  if (generation < 0 && memberId === '' && groupInstanceId === null) return KafkaError.NONE
  return generationError(group, { memberId, groupInstanceId, generation })
}

export function txnOffsetCommitError(
  { topics }: TxnOffsetCommitRequest,
  errorCode: ErrorCode,
): TxnOffsetCommitResponseInput {
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }
}
