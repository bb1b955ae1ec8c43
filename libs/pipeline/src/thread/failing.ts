/** The thread gives up: what is open is thrown away, then it leaves the group and dies with its reason. */
import type { ThreadFailure } from './messages.ts'
import { recover } from './recovery.ts'
import type { Step } from './state.ts'

/** The first failure counts. */
export function fail(step: Step, failure: ThreadFailure): void {
  const { state } = step
  if (state.failure !== null) return
  state.failure = failure
  state.closing ??= { replyTo: null, deadlineAt: step.env.now + 10_000, clients: 0, asked: false, clean: false }
  recover(step, { cause: 'failed', detail: `${failure.name}: ${failure.message}` })
}
