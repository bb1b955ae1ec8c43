/**
 * Everything processed becomes visible at once. No poll is under way and nothing is processed meanwhile, so the offsets,
 * the outputs and the group's metadata are of one moment.
 *
 * exactly_once_v2: outputs and changelogs are in the transaction already; the offsets join it in the name of the group's
 * generation (KIP-447), then it is committed. A group that rebalances is polled first: the generation would be refused.
 * at_least_once: everything is acknowledged, then the group's offsets are committed.
 * Outside systems take their records and their offsets together, and refuse whoever does not continue where they are.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import type { Committed } from '@troupe/client/consumer'
import type { GroupMetadata, OffsetToCommit, OperationResult } from '@troupe/client/messages'
import type { ConsumedOffset, TaskId } from '../engine/contract.ts'
import { ask, askSinks, failureOf, names } from './ask.ts'
import { commitIntervalOf, isExactlyOnce } from './config.ts'
import { fail } from './failing.ts'
import type { SinkApplied } from './messages.ts'
import { restartConsumer } from './membership.ts'
import { carryOut } from './processing.ts'
import { isMigration, onProducerTrouble, openTransaction } from './producing.ts'
import { recover } from './recovery.ts'
import type { ActiveTask, Commit, Step } from './state.ts'
import { isUncommitted } from './tasks.ts'
import { trace, type OffsetTrace } from './trace.ts'

/** Before partitions are given up, before the end, and every `commit.interval.ms`. */
export function commitIfDue(step: Step): void {
  const { state, env } = step
  if (state.commit !== null || state.recovery !== null || state.poll !== 0 || !state.setup.done) return
  const urgent = state.revoking.length > 0 || state.closing !== null
  const due = env.now - state.lastCommitAt >= commitIntervalOf(state.config)
  if (!isUncommitted(step)) {
    if (due) state.lastCommitAt = env.now
    return
  }
  if (!urgent && (!due || env.now < state.commitNotBefore)) return
  begin(step)
}

function begin(step: Step): void {
  const { state } = step
  state.commit = { phase: 'group', group: null, offsets: [], tasks: new Map(), waiting: 0 }
  if (isExactlyOnce(state.config)) ask(step, names.consumer(step), { kind: 'groupMetadata' }, { kind: 'group' })
  else write(step, state.commit)
}

export function onGroup(step: Step, group: GroupMetadata | null): void {
  const { state, env } = step
  const { commit } = state
  if (commit === null || commit.phase !== 'group') return
  if (group === null) return restartConsumer(step)
  const isLast = state.closing !== null
  if (group.rebalancing === true && state.revoking.length === 0) {
    state.commit = null
    if (isLast) return recover(step, { cause: 'migrated', detail: 'closed during a rebalance' })
    state.commitNotBefore = env.now + 10
    return
  }
  const { groupId, generationId, memberId, groupInstanceId } = group
  commit.group = { groupId, generationId, memberId, groupInstanceId }
  write(step, commit)
}

/** What caches held back goes out, then everything else may go on at the same time. */
function write(step: Step, commit: Commit): void {
  const { state } = step
  const dirty = [...state.tasks.values()].filter((task) => task.dirty)
  for (const task of dirty) if (!carryOut(step, task, task.task.flush())) return
  commit.phase = 'writing'
  commit.tasks = new Map(dirty.map((task) => [task.id, progressOf(task)]))
  commit.offsets = [...commit.tasks.values()].flat().map(toCommit)
  trace(step.out, 'pipeline.committing', { tasks: traced(commit.tasks) })
  for (const task of dirty) applyOutside(step, commit, task)
  if (isExactlyOnce(state.config) && commit.offsets.length > 0) {
    openTransaction(step)
    commit.waiting++
    const message = { kind: 'sendOffsets', offsets: commit.offsets, group: commit.group }
    ask(step, names.producer(step), message, { kind: 'sendOffsets' })
  }
  if (state.producer.unacknowledged > 0) {
    commit.waiting++
    ask(step, names.producer(step), { kind: 'flush' }, { kind: 'flush' })
  }
  finishWriting(step)
}

/** What is consumed and not yet known to be committed. */
function progressOf({ task, committed }: ActiveTask): ConsumedOffset[] {
  return task.consumed().filter((each) => committed.get(partitionKey(each)) !== each.offset)
}

function toCommit({ topic, partition, offset, leaderEpoch, metadata }: ConsumedOffset): OffsetToCommit {
  return { topic, partition, offset, leaderEpoch, metadata }
}

function traced(tasks: Commit['tasks']): Record<TaskId, OffsetTrace[]> {
  const entries = [...tasks].map(([id, offsets]): [TaskId, OffsetTrace[]] => [
    id,
    offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
  ])
  return Object.fromEntries(entries)
}

function applyOutside(step: Step, commit: Commit, { id, external, task }: ActiveTask): void {
  if (external === null) return
  for (const { topic, partition, offset } of task.consumed()) {
    commit.waiting++
    const { sink, offset: from, records } = external
    const message = { kind: 'applyToSink', sink, partition: { topic, partition }, from, to: offset, records }
    askSinks(step, message, { kind: 'apply', task: id })
    step.state.metrics.external += records.length
    external.offset = offset
    external.records = []
  }
}

export function onApplied(step: Step, id: TaskId, answer: SinkApplied | null): void {
  const { state, out } = step
  if (answer?.applied === true) return onWritten(step)
  const sink = state.tasks.get(id)?.external?.sink ?? ''
  if (answer !== null && answer.error === null) {
    return recover(step, { cause: 'migrated', detail: `${sink}: another has the partition`, rejoin: true })
  }
  out.trace('pipeline.sink-failed', { sink, error: answer?.error ?? 'crashed' })
  recover(step, { cause: 'aborted', detail: `${sink}: ${answer?.error ?? 'crashed'}`, unknown: true })
}

export function onFlushed(step: Step, result: OperationResult | null): void {
  if (step.state.recovery !== null) return
  if (result?.severity === 'none') onWritten(step)
  else onProducerTrouble(step, result)
}

export function onOffsetsSent(step: Step, result: OperationResult | null): void {
  if (result?.severity === 'none') onWritten(step)
  else onProducerTrouble(step, result)
}

function onWritten(step: Step): void {
  const { commit } = step.state
  if (commit === null) return
  commit.waiting--
  finishWriting(step)
}

/** After every answer: also those to sends. */
export function finishWriting(step: Step): void {
  const { state } = step
  const { commit } = state
  if (commit === null || commit.phase !== 'writing' || commit.waiting > 0 || state.producer.unacknowledged > 0) return
  commit.phase = 'ending'
  if (!isExactlyOnce(state.config)) {
    const message = { kind: 'commit', offsets: commit.offsets, timeoutMs: 30_000 }
    ask(step, names.consumer(step), message, { kind: 'commit' })
  } else if (state.producer.phase === 'open') commitTransaction(step)
  else done(step, commit)
}

function commitTransaction(step: Step): void {
  step.state.producer.phase = 'ending'
  ask(step, names.producer(step), { kind: 'commitTransaction' }, { kind: 'commitTransaction' })
}

/**
 * Timed out: it goes on, and the same call waits for it. Fatal: it may be in the log or not, which the initialisation of
 * the next producer settles and the committed offsets then tell.
 */
export function onTransactionEnded(step: Step, result: OperationResult | null): void {
  const { state } = step
  const { commit } = state
  if (commit === null) return
  if (result?.severity === 'none') {
    state.producer.phase = 'ready'
    return done(step, commit)
  }
  if (result?.severity === 'timed-out') return commitTransaction(step)
  onProducerTrouble(step, result, result?.severity !== 'abortable')
}

/** at_least_once: the group's own answer. */
export function onOffsetsCommitted(step: Step, answer: Committed | null): void {
  const { state, env } = step
  const { commit } = state
  if (commit === null) return
  if (answer?.error === KafkaError.NONE) return done(step, commit)
  state.commit = null
  if (answer === null) return restartConsumer(step)
  const detail = `${errorName(answer.error)}: ${answer.detail}`
  if (isMigration(answer.error)) return recover(step, { cause: 'migrated', detail, rejoin: true })
  const passes = answer.error === KafkaError.REBALANCE_IN_PROGRESS || answer.error === KafkaError.REQUEST_TIMED_OUT
  if (!passes) return fail(step, failureOf(errorName(answer.error), `commit: ${answer.detail}`))
  // Poll on, and try again; what is let go or lost before is processed once more by somebody else.
  if (state.revoking.length > 0 || state.closing !== null) return recover(step, { cause: 'migrated', detail })
  state.commitNotBefore = env.now + state.config['retry.backoff.ms']
}

function done(step: Step, commit: Commit): void {
  const { state, env } = step
  for (const [id, offsets] of commit.tasks) {
    const task = state.tasks.get(id)!
    task.dirty = false
    for (const each of offsets) task.committed.set(partitionKey(each), each.offset)
  }
  state.commit = null
  state.lastCommitAt = env.now
  state.metrics.commits++
  trace(step.out, 'pipeline.committed', { tasks: traced(commit.tasks) })
}
