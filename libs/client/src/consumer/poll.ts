/**
 * Polls: what ties the application to everything else. Membership, positions and fetches get on only while one waits;
 * it is answered as soon as there is something to say.
 */
import { KafkaError } from '@troupe/wire/errors'
import { armMaxPoll } from './heartbeat.ts'
import type { Poll, Polled } from './messages.ts'
import { sendFetches } from './fetcher.ts'
import { onLetGo } from './rebalance.ts'
import { collect, type Collected } from './records.ts'
import type { Step } from './state.ts'

export function onPoll(step: Step, { replyTo, maxRecords, timeoutMs }: Poll): void {
  const { state, env, out } = step
  if (state.poll !== null) answer(step, nothing)
  out.cancelTimer('maxPoll')
  const limit = state.config['max.poll.records']
  state.poll = { replyTo, maxRecords: Math.min(maxRecords ?? limit, limit), deadlineAt: env.now + timeoutMs }
  // Whoever polls again is done with what the last poll has announced.
  onLetGo(step)
}

const nothing: Collected = { records: [], advanced: false }

/** At the end of every step. */
export function answerPoll(step: Step): void {
  const { state, env } = step
  const { poll } = state
  if (poll === null) return
  const urgent = state.error !== null || state.events.length > 0 || state.truncations.length > 0 || isToldToLetGo(step)
  const collected = urgent ? nothing : collect(step, poll.maxRecords)
  if (urgent || state.error !== null || collected.records.length > 0 || collected.advanced) {
    // The next records are under way while the application looks at these.
    if (collected.records.length > 0) sendFetches(step)
    return answer(step, collected)
  }
  if (env.now >= poll.deadlineAt) answer(step, nothing)
}

function isToldToLetGo({ state }: Step): boolean {
  return state.member.revoking !== null
}

export function answer(step: Step, { records }: Collected): void {
  const { state, out } = step
  if (state.poll === null) return
  const body: Polled = {
    error: state.error?.code ?? KafkaError.NONE,
    detail: state.error?.detail ?? null,
    records,
    events: state.events,
    revoking: state.member.revoking ?? [],
    truncations: state.truncations,
  }
  out.reply(state.poll.replyTo, body)
  state.poll = null
  state.error = null
  state.events = []
  state.truncations = []
  armMaxPoll(step)
}

export function answerEmpty(step: Step): void {
  answer(step, nothing)
}
