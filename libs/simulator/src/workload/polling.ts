/** What the applications that consume share: a poll as an operation of the history. */
import type { Message, Outbox } from '@troupe/actor'
import type { ConsumerRecord, Polled } from '@troupe/client/consumer/messages'
import { clientActorNames } from '@troupe/client/messages'
import type { Key, KeyRecords, OffsetValue } from '../history/format.ts'
import { keyOf, valueOf, type ApplicationEnv } from './application.ts'

export const consumerName = clientActorNames.consumer('c')
export const pollTimeoutMs = 300

/** What an actor waits for: one answer at a time. */
export interface Asking {
  nextId: number
  waitingFor: number
}

/** The answer comes as a `reply` with the id that is waited for. */
export function ask(state: Asking, env: ApplicationEnv, out: Outbox, actor: string, message: object): void {
  const id = state.nextId++
  state.waitingFor = id
  out.send({ broker: env.self.broker, actor }, { ...message, replyTo: { ...env.self, id } } as unknown as Message)
}

export function poll(state: Asking, env: ApplicationEnv, out: Outbox): void {
  ask(state, env, out, consumerName, { kind: 'poll', timeoutMs: pollTimeoutMs })
}

export function recordsByKey(records: readonly ConsumerRecord[]): KeyRecords[] {
  const byKey = new Map<Key, OffsetValue[]>()
  for (const { topic, partition, offset, value } of records) {
    const key = keyOf(topic, partition)
    const list = byKey.get(key)
    const entry: OffsetValue = [offset, valueOf(value)]
    if (list === undefined) byKey.set(key, [entry])
    else list.push(entry)
  }
  return [...byKey]
}

/** Keys that came or went, and keys whose position was set anew. */
export function movesOf({ events, truncations }: Polled): { rebalanced?: Key[]; reset?: Key[] } {
  const rebalanced = events.flatMap(({ partitions }) => partitions.map((one) => keyOf(one.topic, one.partition)))
  const reset = truncations.map(({ topic, partition }) => keyOf(topic, partition))
  return { ...(rebalanced.length > 0 ? { rebalanced } : {}), ...(reset.length > 0 ? { reset } : {}) }
}
