/**
 * Everything that is said to a transaction coordinator (one actor per `__transaction_state` partition).
 *
 * Client-facing requests carry the decoded wire message as `body`; the answer is that API's response input.
 *
 * | message              | to           | from                            | answered with                |
 * | -------------------- | ------------ | ------------------------------- | ---------------------------- |
 * | initProducerId       | transactions | front                           | InitProducerIdResponse       |
 * | addPartitions        | transactions | front, replicas (KIP-890)       | PartitionsAdded              |
 * | addOffsets           | transactions | front                           | AddOffsetsToTxnResponse      |
 * | endTxn               | transactions | front                           | EndTxnResponse, at PREPARE_* |
 * | describeTransactions | transactions | front                           | DescribeTransactionsResponse |
 * | listTransactions     | transactions | front                           | ListTransactionsResponse     |
 * | nextProducerId       | producer-ids | transaction coordinators, front | ProducerIdGiven              |
 */
import type { Message, ReplyToken } from '@troupe/actor'
import type {
  AddOffsetsToTxnRequest,
  DescribeTransactionsRequest,
  EndTxnRequest,
  InitProducerIdRequest,
  ListTransactionsRequest,
} from '@troupe/wire/messages'
import type { ErrorCode } from '@troupe/wire/errors'

export interface InitProducerId extends Message {
  readonly kind: 'initProducerId'
  readonly replyTo: ReplyToken
  /** transactionalId is not null here: the front serves plain idempotent producers itself. */
  readonly body: InitProducerIdRequest
  readonly version: number
  readonly clientHost: string
}

/** AddPartitionsToTxn v0–3 of one client, and the replicas' verification (v4+): `verifyOnly` changes nothing. */
export interface AddPartitions extends Message {
  readonly kind: 'addPartitions'
  readonly replyTo: ReplyToken
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly verifyOnly: boolean
  readonly version: number
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

/** One error for all partitions, as the coordinator decides them together; per-partition errors for verification. */
export interface PartitionsAdded {
  readonly error: ErrorCode
  readonly partitionErrors: readonly { readonly topic: string; readonly partition: number; readonly error: ErrorCode }[]
}

export interface AddOffsets extends Message {
  readonly kind: 'addOffsets'
  readonly replyTo: ReplyToken
  readonly body: AddOffsetsToTxnRequest
  readonly version: number
}

export interface EndTxn extends Message {
  readonly kind: 'endTxn'
  readonly replyTo: ReplyToken
  readonly body: EndTxnRequest
  readonly version: number
}

export interface DescribeTransactions extends Message {
  readonly kind: 'describeTransactions'
  readonly replyTo: ReplyToken
  readonly body: DescribeTransactionsRequest
}

export interface ListTransactions extends Message {
  readonly kind: 'listTransactions'
  readonly replyTo: ReplyToken
  readonly body: ListTransactionsRequest
}

export type TransactionRequest =
  | InitProducerId
  | AddPartitions
  | AddOffsets
  | EndTxn
  | DescribeTransactions
  | ListTransactions

/** To the `producer-ids` actor of the same broker, from coordinators and (for plain idempotent producers) the front. */
export interface NextProducerId extends Message {
  readonly kind: 'nextProducerId'
  readonly replyTo: ReplyToken
}

/** COORDINATOR_LOAD_IN_PROGRESS (to be retried) when the controller gives no block in time. */
export interface ProducerIdGiven {
  readonly error: ErrorCode
  /** −1 with an error. */
  readonly producerId: number
}
