/**
 * Takes each committed row of the outbox to its topic, once. Any number of relays may be started: one works, and the
 * newest wins.
 *
 * The order of the steps is what makes it so. `initTransactions` fences the predecessor and ends its transaction, so the
 * position read afterwards is final. Rows and position are one transaction. The slot is advanced last: PostgreSQL
 * may forget only what Kafka has. A crash between any two steps repeats work that has no effect.
 */
import { setTimeout } from 'node:timers/promises'
import { KafkaError, Producer, type Properties } from 'troupe/client'
import { lastPosition, sendPosition } from './position.ts'
import { Slot, lsnText } from './slot.ts'
import type { Transaction } from './pgoutput.ts'

/** What has just been done. */
export type Step = 'initialised' | 'read' | 'sent' | 'committed' | 'advanced'

export interface RelayOptions {
  /** Kafka's properties; `bootstrap.servers` is enough. */
  readonly kafka: Properties
  /** `postgres://…` of a role that may replicate. */
  readonly postgres: string
  readonly signal?: AbortSignal
  /** For tests. */
  readonly onStep?: (step: Step) => void
  /** Told before it starts over. */
  readonly onError?: (error: unknown) => void
}

const slotName = 'outbox'
const atLeast = 500
const pauseMs = 50

/** The slot no longer has what comes next. No relay can mend that: somebody has to look. */
export class ChangesLost extends Error {
  override readonly name = 'ChangesLost'
}

/** Ends when `signal` is aborted. Throws when another relay has taken over, or when changes are lost. */
export async function relay(options: RelayOptions): Promise<void> {
  while (options.signal?.aborted !== true) {
    try {
      await session(options)
    } catch (error) {
      const isFenced = error instanceof KafkaError && /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/.test(error.name)
      if (isFenced || error instanceof ChangesLost) throw error
      // Whatever it was: a new producer finds out what the old one has committed.
      options.onError?.(error)
      await setTimeout(pauseMs)
    }
  }
}

async function session(options: RelayOptions): Promise<void> {
  const { kafka, signal, onStep = () => undefined } = options
  const producer = new Producer({ ...kafka, 'transactional.id': `outbox-relay-${slotName}` })
  const slot = await Slot.open(slotName, options.postgres).catch(async (error: unknown) => {
    await producer.close()
    throw error
  })
  try {
    await producer.initTransactions()
    onStep('initialised')
    let position = await startOf(slot, await lastPosition(kafka, slotName))
    while (signal?.aborted !== true) {
      const transactions = await slot.read(position, atLeast)
      if (transactions.length === 0) {
        await setTimeout(pauseMs)
        continue
      }
      onStep('read')
      position = transactions.at(-1)!.end
      await producer.beginTransaction()
      await Promise.all([...rowsOf(transactions, producer), sendPosition(producer, slotName, position)])
      onStep('sent')
      await producer.commitTransaction()
      onStep('committed')
      await slot.advance(position)
      onStep('advanced')
    }
  } finally {
    await Promise.all([producer.close({ timeoutMs: 1000 }), slot.close()])
  }
}

/** The slot may be behind the position, if the predecessor died before it advanced it. It must not be ahead. */
async function startOf(slot: Slot, position: bigint | null): Promise<bigint> {
  const confirmed = await slot.confirmed()
  if (confirmed === null) throw new ChangesLost(`there is no replication slot ${slot.name}`)
  if (position === null) return confirmed
  if (confirmed > position) {
    throw new ChangesLost(`slot ${slot.name} is at ${lsnText(confirmed)}, the relay only at ${lsnText(position)}`)
  }
  await slot.advance(position)
  return position
}

/** In the order of the commits; those of one key also arrive in it. */
function rowsOf(transactions: readonly Transaction[], producer: Producer): Promise<unknown>[] {
  return transactions.flatMap(({ rows }) =>
    rows.map(({ id, topic, key, payload }) =>
      producer.send({ topic: topic!, key: key!, value: payload!, headers: { 'outbox.id': id! } }),
    ),
  )
}
