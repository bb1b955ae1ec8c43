/**
 * The thread's turns: poll, buffer, process, commit when it is due, poll again. What a rebalance wants back is given up
 * with the poll after the one that said so, when everything done with it is committed.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { Polled } from '@troupe/client/consumer'
import { ask, failureOf, names } from './ask.ts'
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import { commitIntervalOf } from './config.ts'
import { fail } from './failing.ts'
import { onRebalanced, restartConsumer } from './membership.ts'
import { askLags, buffer } from './processing.ts'
import type { Step } from './state.ts'
import { isUncommitted, ownerOf, reconcileTasks } from './tasks.ts'

export function pollIfIdle(step: Step): void {
  const { state } = step
  if (!state.joined || state.poll !== 0 || state.commit !== null || state.recovery !== null) return
  if (state.closing !== null) return
  letGo(step)
  state.metrics.polls++
  state.poll = ask(step, names.consumer(step), { kind: 'poll', timeoutMs: pollTimeout(step) }, { kind: 'poll' })
}

/** Committed by now: the consumer gives them up with this poll. */
function letGo(step: Step): void {
  const { state } = step
  if (state.revoking.length === 0) return
  for (const each of state.revoking) state.owned.delete(partitionKey(each))
  state.revoking = []
  reconcileTasks(step)
}

/** Until the commit is due, or to what happens next: no poll is under way while it is done. */
function pollTimeout(step: Step): number {
  const { state, env } = step
  const most = state.config['poll.ms']
  if (state.working) return 0
  for (const { phase, rewind } of state.tasks.values()) if (phase !== 'running' && rewind) return Math.min(10, most)
  if (!isUncommitted(step)) return most
  const due = Math.max(state.lastCommitAt + commitIntervalOf(state.config), state.commitNotBefore)
  return Math.max(0, Math.min(most, due - env.now))
}

export function onPolled(step: Step, polled: Polled | null): void {
  const { state } = step
  state.poll = 0
  if (polled === null) {
    return restartConsumer(step)
  }
  if (polled.error !== KafkaError.NONE) {
    return fail(step, failureOf(errorName(polled.error), `consumer: ${polled.detail ?? errorName(polled.error)}`))
  }
  onRebalanced(step, polled.events)
  if (state.failure !== null) return
  for (const { topic, partition, offset, reset } of polled.truncations) {
    step.out.trace('pipeline.truncated', { topic, partition, offset })
    const task = ownerOf(step, { topic, partition })
    if (reset && task === undefined) continue
    if (!reset) return fail(step, failureOf('OffsetOutOfRangeException', `${topic}-${partition} has lost ${offset}`))
  }
  state.revoking = polled.revoking
  // Also while others are rolled back: tasks that have nothing to roll back keep what the consumer has moved past.
  buffer(step, polled.records)
  askLags(step)
}
