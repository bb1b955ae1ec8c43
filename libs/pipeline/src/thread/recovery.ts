/**
 * Work since the last commit is thrown away. Memory stores hold changes that were not committed, so the tasks that made
 * them are closed and restored from their changelogs: one way, whether the transaction was aborted, the producer fenced,
 * or nobody knows how a commit has ended. (An undo journal would spare the restoration; it would be a second way.)
 *
 * The producer comes first: it aborts, or a new one under the same transactional.id ends what was open. Only then are
 * the committed offsets asked for, which the brokers hold back while a transaction with offsets is open (KIP-447). So
 * an unknown outcome becomes a known one before anything goes on.
 *
 * Source: TaskManager.handleCorruption, handleLostAll; TaskMigratedException, TaskCorruptedException.
 */
import type { OperationResult } from '@troupe/client/messages'
import { ask, forget, names } from './ask.ts'
import { isExactlyOnce } from './config.ts'
import { rejoin } from './membership.ts'
import { forgetProducer, replaceProducer } from './producing.ts'
import type { Recovery, Step } from './state.ts'
import { closeAllTasks, reopenTask } from './tasks.ts'
import { trace } from './trace.ts'

interface Reason {
  readonly cause: Recovery['cause']
  readonly detail: string
  readonly replaceProducer?: boolean
  readonly rejoin?: boolean
  readonly unknown?: boolean
}

const gravity = { aborted: 0, migrated: 1, failed: 2 }

/** More than one reason: the gravest counts. */
export function recover(step: Step, reason: Reason): void {
  const { state, out } = step
  const { cause, detail } = reason
  const dirty = [...state.tasks.values()].filter((task) => task.dirty).map(({ id }) => id)
  trace(out, 'pipeline.aborted', { tasks: dirty, cause, detail, unknown: reason.unknown ?? false })
  state.metrics.aborts++
  state.commit = null
  forget(step, 'group', 'commit', 'apply')
  const before = state.recovery
  state.recovery = {
    cause: before !== null && gravity[before.cause] > gravity[cause] ? before.cause : cause,
    replaceProducer: (before?.replaceProducer ?? false) || (reason.replaceProducer ?? false),
    rejoin: (before?.rejoin ?? false) || (reason.rejoin ?? false),
    asked: (before?.asked ?? false) && !reason.replaceProducer,
  }
}

export function advanceRecovery(step: Step): void {
  const { state } = step
  const { recovery } = state
  if (recovery === null || !isProducerReady(step, recovery)) return
  // A poll that is under way could bring records of before.
  if (state.poll !== 0) return
  state.recovery = null
  const isOver = recovery.cause === 'failed' || state.closing !== null
  if (isOver || recovery.rejoin) closeAllTasks(step)
  if (isOver) return
  if (recovery.rejoin) return rejoin(step)
  // What is still assigned goes on here, or is assigned anew.
  for (const task of [...state.tasks.values()].filter(({ dirty }) => dirty)) reopenTask(step, task)
}

/** Nothing is open any more, and nothing of before is under way. */
function isProducerReady(step: Step, recovery: Recovery): boolean {
  const { state } = step
  if (!state.setup.done) return true
  if (recovery.replaceProducer) {
    recovery.replaceProducer = false
    replaceProducer(step)
  }
  if (!isExactlyOnce(state.config)) return isFlushed(step, recovery)
  const { phase } = state.producer
  if (phase === 'ready') return true
  if (phase === 'initializing' || phase === 'aborting') return false
  if (!recovery.asked) {
    recovery.asked = true
    // Answers of before say nothing that counts now.
    forgetProducer(step)
    state.producer.phase = 'aborting'
    ask(step, names.producer(step), { kind: 'abortTransaction' }, { kind: 'abortTransaction' })
  }
  return false
}

/** at_least_once: what still comes to the changelogs has to be there before they are read. */
function isFlushed(step: Step, recovery: Recovery): boolean {
  const { producer } = step.state
  if (producer.unacknowledged === 0) return true
  if (!recovery.asked) {
    recovery.asked = true
    ask(step, names.producer(step), { kind: 'flush' }, { kind: 'flush' })
  }
  return false
}

export function onAborted(step: Step, result: OperationResult | null): void {
  const { state } = step
  if (result?.severity === 'none') {
    state.producer.phase = 'ready'
    return
  }
  if (result?.severity === 'timed-out') {
    ask(step, names.producer(step), { kind: 'abortTransaction' }, { kind: 'abortTransaction' })
    return
  }
  // It cannot even abort: a new producer's initialisation does.
  replaceProducer(step)
}
