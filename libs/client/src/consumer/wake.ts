/** One timer for everything that is to be tried again or given up: the earliest of all. */
import type { Message } from '@troupe/actor'
import { NEVER, type Step } from './state.ts'

export interface Wake extends Message {
  readonly kind: 'wake'
}

export function armWake(step: Step): void {
  const { state, env, out } = step
  let at = NEVER
  const consider = (time: number): void => {
    if (time > env.now && time < at) at = time
  }
  for (const { deadlineAt, retryAt, inFlight } of state.commits.values()) {
    consider(deadlineAt)
    if (!inFlight) consider(retryAt)
  }
  for (const { deadlineAt, retryAt } of state.questions.values()) {
    consider(deadlineAt)
    consider(retryAt)
  }
  consider(state.coordinator.retryAt)
  if (state.closing !== null) consider(state.closing.deadlineAt)
  if (state.poll !== null) {
    consider(state.poll.deadlineAt)
    consider(state.member.retryAt)
    if (state.member.phase === 'preparing') consider(state.member.prepareUntil)
    if (state.config['enable.auto.commit']) consider(state.autoCommitAt)
  }
  if (state.poll !== null || state.questions.size > 0) {
    for (const { retryAt, asked } of state.partitions.values()) if (asked === 0) consider(retryAt)
  }
  if (at === state.wakeAt) return
  state.wakeAt = at
  if (at === NEVER) out.cancelTimer('wake')
  else out.setTimer('wake', at, { kind: 'wake' })
}
