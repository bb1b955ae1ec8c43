/**
 * Metadata as records of `__transaction_state`: TransactionLogKey, TransactionLogValue, in Kafka's own versions (value
 * version 1 from transaction.version 1 on: tagged fields; KIP-890).
 *
 * Source: Kafka's TransactionLog.
 */
import type { CoordinatorRecord } from '@troupe/coordinator/contract'
import type { TransactionLogKey, TransactionLogValue } from '@troupe/wire/messages'
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID, type TransactionMetadata } from './transaction-metadata.ts'
import { stateOfId, transactionStates } from './transaction-state.ts'

/** `lastProducerEpoch` rides along while the record is live; the log's schema has no field for it. */
interface LiveValue extends TransactionLogValue {
  lastProducerEpoch?: number
}

export function recordOf(metadata: TransactionMetadata, transactionVersion: number): CoordinatorRecord {
  const version = transactionVersion >= 1 ? 1 : 0
  const value: LiveValue = {
    producerId: metadata.producerId,
    previousProducerId: version >= 1 ? metadata.previousProducerId : NO_PRODUCER_ID,
    nextProducerId: version >= 1 ? metadata.nextProducerId : NO_PRODUCER_ID,
    producerEpoch: metadata.producerEpoch,
    nextProducerEpoch: NO_PRODUCER_EPOCH,
    transactionTimeoutMs: metadata.timeoutMs,
    transactionStatus: transactionStates[metadata.state].id,
    transactionPartitions:
      metadata.state === 'EMPTY'
        ? null
        : metadata.topics.map(({ topic, partitions }) => ({ topic, partitionIds: [...partitions] })),
    transactionLastUpdateTimestampMs: metadata.updatedAt,
    transactionStartTimestampMs: metadata.startedAt,
    clientTransactionVersion: version >= 1 ? metadata.clientVersion : 0,
    lastProducerEpoch: metadata.lastProducerEpoch,
  }
  return {
    key: { type: 'TransactionLogKey', value: { transactionalId: metadata.transactionalId } },
    value: { type: 'TransactionLogValue', version, value },
  }
}

export function tombstoneOf(transactionalId: string): CoordinatorRecord {
  return { key: { type: 'TransactionLogKey', value: { transactionalId } }, value: null }
}

export function transactionalIdOf(record: CoordinatorRecord): string {
  return (record.key.value as TransactionLogKey).transactionalId
}

/** Undefined: a state of a later version, to be skipped. */
export function metadataOf(transactionalId: string, value: LiveValue): TransactionMetadata | undefined {
  const state = stateOfId(value.transactionStatus)
  if (state === undefined) return undefined
  return {
    transactionalId,
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.producerEpoch,
    lastProducerEpoch: value.lastProducerEpoch ?? NO_PRODUCER_EPOCH,
    timeoutMs: value.transactionTimeoutMs,
    state,
    topics: (value.transactionPartitions ?? []).map(({ topic, partitionIds }) => ({ topic, partitions: partitionIds })),
    startedAt: value.transactionStartTimestampMs,
    updatedAt: value.transactionLastUpdateTimestampMs,
    clientVersion: value.clientTransactionVersion,
  }
}
