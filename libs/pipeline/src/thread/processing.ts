/**
 * Records through tasks: what comes in is buffered, a bounded number is processed at a time, what comes out is produced.
 *
 * A task of several inputs waits for all of them to have something, so that it takes records in the order of their
 * timestamps: by `max.task.idle.ms` for what the brokers have already (0), for longer, or not at all (−1). KIP-353, KIP-695.
 */
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import type { ConsumerRecord, OffsetsAnswer } from '@troupe/client/consumer'
import type { Processed } from '../engine/contract.ts'
import { ask, names, tell } from './ask.ts'
import { isExactlyOnce } from './config.ts'
import { onPoison } from './poison.ts'
import { mayProduce, produce } from './producing.ts'
import type { ActiveTask, Step } from './state.ts'
import { ownerOf } from './tasks.ts'
import { trace } from './trace.ts'

/** In one step; more follow at once, others may have their turn between. */
const RECORDS_PER_STEP = 1000

export function buffer(step: Step, records: readonly ConsumerRecord[]): void {
  const { state } = step
  for (let from = 0; from < records.length;) {
    const { topic, partition } = records[from]!
    let to = from + 1
    while (to < records.length && records[to]!.partition === partition && records[to]!.topic === topic) to++
    const task = ownerOf(step, records[from]!)
    // Given up in the meantime: its next owner reads them again.
    if (task !== undefined && task.phase === 'running') {
      const key = partitionKey(records[from]!)
      if (!task.first.has(key)) task.first.set(key, records[from]!.offset)
      task.task.add(from === 0 && to === records.length ? records : records.slice(from, to))
      if (task.caughtUp.size > 0) task.caughtUp = new Set()
    }
    from = to
  }
  const limit = state.config['buffered.records.per.partition']
  for (const task of state.tasks.values()) holdBack(step, task, limit)
}

/** More than `buffered.records.per.partition`: nothing is fetched of it until there is room again. */
function holdBack(step: Step, task: ActiveTask, limit: number): void {
  if (task.phase !== 'running') return
  for (const input of task.inputs) {
    const key = partitionKey(input)
    const full = task.task.buffered(input) > limit
    if (full === task.paused.has(key)) continue
    if (full) task.paused.add(key)
    else task.paused.delete(key)
    tell(step, names.consumer(step), { kind: full ? 'pause' : 'resume', partitions: [input] })
  }
}

export function processTasks(step: Step): void {
  const { state, env, out } = step
  if (state.commit !== null || state.recovery !== null || state.closing !== null || isTooOld(step)) return
  const tasks = [...state.tasks.values()]
  let left = RECORDS_PER_STEP
  for (let n = 0; n < tasks.length && left > 0 && mayProduce(step); n++) {
    const task = tasks[(state.turn + n) % tasks.length]!
    for (;;) {
      const limit = limitOf(step, task, left)
      if (limit === 0 || !mayProduce(step)) break
      const taken = processSome(step, task, limit)
      left -= taken
      if (state.recovery !== null) return
      if (taken === 0) break
    }
  }
  state.turn++
  const limit = state.config['buffered.records.per.partition']
  for (const task of tasks) if (task.paused.size > 0) holdBack(step, task, limit)
  if (left <= 0 && !state.working) {
    state.working = true
    out.send(env.self, { kind: 'work' })
  }
}

/** A rebalance that takes long holds back the commit: then the transaction must not outlive its timeout. */
function isTooOld({ state, env }: Step): boolean {
  const { phase, openedAt } = state.producer
  if (!isExactlyOnce(state.config) || phase !== 'open') return false
  const timeout = state.args.producer?.['transaction.timeout.ms'] ?? 10_000
  return env.now - openedAt > timeout / 2
}

/** How many records a task may take before one of its inputs could run dry. */
function limitOf({ state, env, out }: Step, task: ActiveTask, left: number): number {
  if (task.phase !== 'running' || left <= 0) return 0
  const buffered = task.task.buffered()
  if (buffered === 0) return 0
  const most = state.args.traceRecords ? 1 : Math.min(left, buffered)
  const idle = state.config['max.task.idle.ms']
  if (task.inputs.length === 1 || idle < 0) return most
  const empty = task.task.empty()
  if (empty.length === 0) {
    task.idleSince = -1
    return Math.min(most, ...task.inputs.map((input) => task.task.buffered(input)))
  }
  if (!empty.every((input) => task.caughtUp.has(partitionKey(input)))) return 0
  if (idle > 0) {
    if (task.idleSince < 0) task.idleSince = env.now
    if (env.now - task.idleSince < idle) {
      out.setTimer('idle', task.idleSince + idle, { kind: 'wake' })
      return 0
    }
  }
  const full = task.inputs.filter((input) => task.task.buffered(input) > 0)
  return Math.min(most, ...full.map((input) => task.task.buffered(input)))
}

function processSome(step: Step, task: ActiveTask, limit: number): number {
  const { state } = step
  const before = state.args.traceRecords ? new Map(offsetsOf(task)) : null
  const processed = task.task.process(limit)
  if (processed.taken > 0) task.dirty = true
  state.metrics.processed += processed.taken
  if (!carryOut(step, task, processed)) return processed.taken
  traceProcessed(step, task, before)
  return processed.taken
}

/** False: a poison record has stopped the thread. */
export function carryOut(step: Step, task: ActiveTask, { outputs, external, poison }: Processed): boolean {
  for (const each of poison) if (!onPoison(step, task, each)) return false
  produce(step, outputs)
  if (external.length > 0) task.external!.records.push(...external)
  return true
}

function offsetsOf({ task }: ActiveTask): [string, number][] {
  return task.consumed().map((each) => [partitionKey(each), each.offset])
}

function traceProcessed({ out }: Step, task: ActiveTask, before: ReadonlyMap<string, number> | null): void {
  if (before === null) return
  for (const each of task.task.consumed()) {
    const { topic, partition, offset } = each
    if (before.get(partitionKey(each)) === offset) continue
    trace(out, 'pipeline.processed', { task: task.id, topic, partition, offset: offset - 1 })
  }
}

// --- what the brokers have

/** After a poll: tasks that could go on if nothing more lies at the brokers. */
export function askLags(step: Step): void {
  const { state } = step
  if (state.asksLag || state.config['max.task.idle.ms'] < 0) return
  const partitions = [...state.tasks.values()].flatMap((task) => {
    if (task.phase !== 'running' || task.inputs.length === 1 || task.task.buffered() === 0) return []
    return task.task.empty()
  })
  if (partitions.length === 0) return
  state.asksLag = true
  ask(step, names.consumer(step), { kind: 'currentLag', partitions }, { kind: 'lag' })
}

export function onLags(step: Step, answer: OffsetsAnswer | null): void {
  const { state } = step
  state.asksLag = false
  const none = new Set((answer?.offsets ?? []).filter(({ offset }) => offset === 0).map(partitionKey))
  for (const task of state.tasks.values()) if (task.inputs.length > 1) task.caughtUp = none
}
