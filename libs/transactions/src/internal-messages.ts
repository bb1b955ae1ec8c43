/** What a transaction coordinator says to itself, and everything it may be asked to decide. */
import type { Message, Reply } from '@troupe/actor'
import type { TransactionRequest } from './messages.ts'

/** Timer, while markers or parked requests wait: send again what is due, let go of who waited long enough. */
export interface Tick extends Message {
  readonly kind: 'tick'
}

/** Timer: look for transactions past their timeout. */
export interface TimeoutSweep extends Message {
  readonly kind: 'timeoutSweep'
}

/** Timer: look for transactional.ids past their expiration. */
export interface ExpirationSweep extends Message {
  readonly kind: 'expirationSweep'
}

/** Abort this transaction, unless it is another one by now. */
export interface AbortTimedOut extends Message {
  readonly kind: 'abortTimedOut'
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly startedAt: number
}

export type InternalMessage = Tick | TimeoutSweep | ExpirationSweep | AbortTimedOut | Reply

/** What a message carries that is decided for the second time. */
export interface Continued {
  /** It waited for a transaction to complete, since then. */
  readonly parkedSince?: number
  /** It needed a new producer id; here it is. */
  readonly newProducerId?: number
}

export type TransactionMessage = (TransactionRequest | InternalMessage) & Continued
