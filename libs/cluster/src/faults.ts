/**
 * What a test does to one broker: plain data that the main thread keeps and the broker's worker carries out.
 *
 * A broker's faults outlive its worker (a link that is cut stays cut when the broker comes back), so every life is
 * launched with them, and each change sends all of them again.
 */
import type { MessagePort } from 'node:worker_threads'

export interface BrokerFaults {
  /** What arrives from these brokers is held, or given on later. Absent: as it comes. */
  readonly links: ReadonlyMap<number, Hindrance>
  /** Connections of the clients with these `client.id`s. */
  readonly clients: ReadonlyMap<string, Hindrance>
  readonly failures: readonly Failure[]
  readonly isDiskFull: boolean
}

export interface Hindrance {
  /** Nothing passes until it is lifted; then everything does, in order. */
  readonly isCut: boolean
  readonly delayMs: number
}

/** The next requests of an API are refused with an error. */
export interface Failure {
  readonly api: number
  readonly error: number
  /** An Int32: how many more, counted down by whichever broker gets them. */
  readonly left: SharedArrayBuffer
}

export const noFaults: BrokerFaults = { links: new Map(), clients: new Map(), failures: [], isDiskFull: false }

/** What a broker's worker is launched with, beside what every broker's is. */
export interface WorkerAttachment {
  readonly faults: BrokerFaults
  /** Calls of `WorkerControls`. */
  readonly port: MessagePort
  /** Two Int32 (`pauseCells`). */
  readonly pause: SharedArrayBuffer
  /** Name under which clients of this process reach the broker. */
  readonly host: string
}

/** What the main thread asks of an embedded broker's worker, beside what it asks of every broker. */
export interface WorkerControls {
  apply(faults: BrokerFaults): void
  /** Serves a client of this process over this port. */
  accept(port: MessagePort): void
  /** Does not return before `pauseCells.wanted` is 0 again: the worker's event loop stands still. */
  pause(): void
  /** Asks the transaction coordinator that leads this partition of `__transaction_state` here. */
  expireProducer(partition: number, transactionalId: string): Promise<ExpireAnswer>
}

export const pauseCells = { wanted: 0, isPaused: 1 } as const

/** `aborted`: its open transaction is, or is about to be. `forgotten`: the id is. */
export type ExpireAnswer = { readonly error: number; readonly outcome?: 'aborted' | 'forgotten' | 'unknown' }

/** Every embedded broker has it, beside those of TCP; Metadata gives its addresses to the clients that came in on it. */
export const embeddedListener = 'EMBEDDED'
export const embeddedPort = 9092
export const embeddedHost = (broker: number): string => `broker-${broker}.embedded`

/** The `client.id` of the controls' own requests: they are never hindered nor refused. */
export const controlsClientId = 'troupe-cluster-controls'
