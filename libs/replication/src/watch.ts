/**
 * Long polls: the front asks to be told once, when something past an offset is visible or waiting has no use any more.
 *
 * Source: Kafka's DelayedFetch for consumers.
 */
import type { Outbox, ReplyToken } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { Changed, Unwatch, Watch } from './messages.ts'
import { checkLeader } from './refusals.ts'
import { answer, logOf, park, type ReplicaState } from './state.ts'

export function onWatch(state: ReplicaState, message: Watch, out: Outbox): void {
  const error = checkLeader(state, -1, false)
  if (error !== KafkaError.NONE) return answer(state, out, message.replyTo, { error } satisfies Changed)
  const log = logOf(state)
  const end = message.isolation === 'read_committed' ? log.lastStableOffset : log.highWatermark
  if (end > message.offset) return answer(state, out, message.replyTo, { error: KafkaError.NONE } satisfies Changed)
  state.watches.push(message)
  park(state)
}

export function onUnwatch(state: ReplicaState, message: Unwatch): void {
  const { token } = message
  state.watches = state.watches.filter(({ replyTo }) => !isSame(replyTo, token))
}

function isSame(a: ReplyToken, b: ReplyToken): boolean {
  return a.id === b.id && a.actor === b.actor && a.broker === b.broker
}

/** After anything that may have moved the high watermark or the last stable offset. */
export function fireWatches(state: ReplicaState, out: Outbox): void {
  const { highWatermark, lastStableOffset } = logOf(state)
  if (highWatermark === state.seenHighWatermark && lastStableOffset === state.seenLastStableOffset) return
  state.seenHighWatermark = highWatermark
  state.seenLastStableOffset = lastStableOffset
  if (state.watches.length === 0) return
  const visible = (watch: Watch): boolean =>
    (watch.isolation === 'read_committed' ? lastStableOffset : highWatermark) > watch.offset
  const fired = state.watches.filter(visible)
  if (fired.length === 0) return
  state.watches = state.watches.filter((watch) => !visible(watch))
  for (const watch of fired) answer(state, out, watch.replyTo, { error: KafkaError.NONE } satisfies Changed)
}

export function failWatches(state: ReplicaState, error: ErrorCode, out: Outbox): void {
  const watches = state.watches
  state.watches = []
  for (const watch of watches) answer(state, out, watch.replyTo, { error } satisfies Changed)
}
