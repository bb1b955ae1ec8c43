/** A decision that is being put together by several helpers. */
import type { Message, ReplyToken } from '@troupe/actor'
import type { CoordinatorRecord } from '@troupe/coordinator'

export interface Draft {
  readonly records: CoordinatorRecord[]
  readonly replies: { readonly token: ReplyToken; readonly body: unknown }[]
  readonly timers: { readonly name: string; readonly at: number; readonly message: Message }[]
  readonly cancelTimers: string[]
  response?: unknown
}

export function newDraft(): Draft {
  return { records: [], replies: [], timers: [], cancelTimers: [] }
}

export function answered(response: unknown): Draft {
  return { ...newDraft(), response }
}

/** The last word on a name counts: the shard cancels first and sets then. */
export function setTimer(draft: Draft, name: string, at: number, message: Message): void {
  dropTimer(draft, name)
  draft.timers.push({ name, at, message })
}

export function cancelTimer(draft: Draft, name: string): void {
  dropTimer(draft, name)
  draft.cancelTimers.push(name)
}

function dropTimer(draft: Draft, name: string): void {
  const at = draft.timers.findIndex((timer) => timer.name === name)
  if (at >= 0) draft.timers.splice(at, 1)
}
