/**
 * What a transaction coordinator holds: its transactions (durable, changed by `replay` only) and what is under way
 * (volatile: markers, parked requests, questions for producer ids; lost at a reload and made again from the former).
 */
import type { CoordinatorEnv, CoordinatorRecord } from '@troupe/coordinator/contract'
import type { ReplyToken } from '@troupe/actor'
import { metadataOf, transactionalIdOf } from './records.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'
import { isIdle, isPrepared } from './transaction-state.ts'
import type { TransactionMessage } from './internal-messages.ts'

/** A marker that has not been confirmed. */
export interface PendingMarker {
  readonly topic: string
  readonly partition: number
  /** Of the question that is in flight; 0: none, `dueAt` says when to ask again. */
  askId: number
  /** To whom it was sent: another leader means that the answer may never come. */
  leader: number
  /** In flight: when to give up waiting. Else: when to try again. */
  dueAt: number
  attempts: number
}

/**
 * The markers of one ended transaction. Identified by its producer too, so that no later one is mistaken for it (Z27).
 */
export interface Completion {
  readonly transactionalId: string
  /** As it was when its markers went out. */
  readonly prepared: TransactionMetadata
  readonly producerId: number
  readonly producerEpoch: number
  readonly commit: boolean
  /** Tells the leader which check of the epoch to make (KIP-1228). */
  readonly clientVersion: number
  /** By `topic:partition`. */
  readonly waiting: Map<string, PendingMarker>
  /**
   * After a load, and for a `__consumer_offsets` that is being created: when a topic that this broker's metadata lacks
   * counts as deleted. Else 0.
   */
  readonly trustMetadataAt: number
}

/** What a reply is the answer to. */
export type Ask =
  | { readonly kind: 'marker'; readonly completion: Completion; readonly marker: PendingMarker }
  | { readonly kind: 'producerId'; readonly request: TransactionMessage; readonly deadline: number }

/** A request that waits for a transaction to complete. */
export interface Parked {
  readonly request: TransactionMessage
  readonly token: ReplyToken
  readonly deadline: number
}

export interface TransactionShardState {
  readonly partition: number
  /** Leader epoch of the `__transaction_state` partition: fences the markers of older coordinators. */
  readonly coordinatorEpoch: number
  readonly transactions: Map<string, TransactionMetadata>
  readonly completions: Map<string, Completion>
  readonly parked: Map<string, Parked[]>
  /** Epochs whose commit has come before anything to commit, and was told to come again. */
  readonly earlyCommits: Map<string, number>
  readonly asks: Map<number, Ask>
  lastAskId: number
  tickArmed: boolean
}

export function newShardState(partition: number, env: CoordinatorEnv, leaderEpoch: number): TransactionShardState {
  return {
    partition,
    coordinatorEpoch: leaderEpoch,
    transactions: new Map(),
    completions: new Map(),
    parked: new Map(),
    earlyCommits: new Map(),
    asks: new Map(),
    // Random, so that an answer to a question of an earlier load is not taken for one of this.
    lastAskId: (env.random() % 0x7fffffff) * 0x200000,
    tickArmed: false,
  }
}

export function replay(state: TransactionShardState, record: CoordinatorRecord): void {
  const transactionalId = transactionalIdOf(record)
  if (record.value === null) {
    state.earlyCommits.delete(transactionalId)
    state.transactions.delete(transactionalId)
    return
  }
  const metadata = metadataOf(transactionalId, record.value.value as Parameters<typeof metadataOf>[1])
  if (metadata !== undefined) state.transactions.set(transactionalId, metadata)
}

export class BrokenInvariant extends Error {
  override readonly name = 'BrokenInvariant'
}

export function invariants(state: TransactionShardState): void {
  for (const metadata of state.transactions.values()) {
    const broken = (rule: string): never => {
      throw new BrokenInvariant(`${metadata.transactionalId}: ${rule}`)
    }
    if (metadata.producerId < 0) broken('no producer id')
    if (metadata.producerEpoch < 0 || metadata.producerEpoch > 32767) broken('T6: epoch out of range')
    if (isIdle(metadata.state) && metadata.topics.length > 0) broken('partitions outside a transaction')
    if (metadata.state === 'ONGOING' && metadata.startedAt < 0) broken('an ongoing transaction that never started')
    if (metadata.state === 'DEAD' || metadata.state === 'PREPARE_EPOCH_FENCE') broken(`written as ${metadata.state}`)
  }
  for (const { transactionalId, waiting } of state.completions.values()) {
    if (waiting.size === 0) continue
    const metadata = state.transactions.get(transactionalId)
    if (metadata === undefined || !isPrepared(metadata.state)) {
      throw new BrokenInvariant(`${transactionalId}: T5: markers of a transaction that is not prepared`)
    }
  }
}
