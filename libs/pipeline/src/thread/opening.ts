/**
 * How a task comes to its first record: what was committed, where its changelogs end, their records, then the consumer.
 *
 * The order is what makes it safe. The committed offset is told only when no transaction holds one back, so whatever
 * was committed with it lies in the changelogs by then; their high watermark is asked after it, and read_committed
 * reading up to there waits for the ends of all transactions below. (The last stable offset would be too early: it may
 * lie before the records of a commit whose markers are still on their way.)
 */
import { KafkaError } from '@troupe/wire/errors'
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import type { OffsetsAnswer } from '@troupe/client/consumer'
import type { TaskId } from '../engine/contract.ts'
import type { SourceNode, TopicPartition } from '../topology.ts'
import { ask, askSinks, become, failureOf, names, tell } from './ask.ts'
import { fail } from './failing.ts'
import type { SinkOffsets } from './messages.ts'
import { startRestoreConsumer } from './restoring.ts'
import { taskEdges, type ActiveTask, type Step, type TaskPhase } from './state.ts'
import { trace } from './trace.ts'

export function advanceOpening(step: Step): void {
  const { state, env } = step
  if (state.recovery !== null) return
  const due = [...state.tasks.values()].filter(({ asked, retryAt }) => asked === 0 && env.now >= retryAt)
  const opening = due.filter(({ phase }) => phase === 'opening')
  askCommitted(
    step,
    opening.filter(({ external }) => external === null),
  )
  for (const task of opening) if (task.external !== null) askOutside(step, task)
  askEnds(
    step,
    due.filter(({ phase }) => phase === 'locating'),
  )
  for (const task of state.tasks.values()) if (task.phase === 'positioning') position(step, task)
  if (state.phase === 'PARTITIONS_ASSIGNED' && isRunning(step)) become(step, 'RUNNING')
}

function isRunning({ state }: Step): boolean {
  for (const { phase } of state.tasks.values()) if (phase !== 'running') return false
  return true
}

export function go(task: ActiveTask, phase: TaskPhase): void {
  task.phase = taskEdges(task.phase, phase)
  task.asked = 0
  task.failures = 0
}

function askCommitted(step: Step, tasks: readonly ActiveTask[]): void {
  if (tasks.length === 0) return
  const partitions = tasks.flatMap(({ inputs }) => inputs)
  const ids = tasks.map(({ id }) => id)
  const id = ask(step, names.consumer(step), { kind: 'committed', partitions }, { kind: 'committed', tasks: ids })
  for (const task of tasks) task.asked = id
}

/** Those that still wait for exactly this answer. */
function waiting({ state }: Step, id: number, tasks: readonly TaskId[]): ActiveTask[] {
  return tasks.flatMap((each) => {
    const task = state.tasks.get(each)
    return task !== undefined && task.asked === id ? [task] : []
  })
}

export function onCommittedOffsets(step: Step, id: number, ids: readonly TaskId[], answer: OffsetsAnswer | null): void {
  const tasks = waiting(step, id, ids)
  if (answer === null || answer.error !== KafkaError.NONE) return later(step, tasks)
  const committed = new Map(answer.offsets.map((each) => [partitionKey(each), each]))
  for (const task of tasks) {
    for (const input of task.inputs) {
      const found = committed.get(partitionKey(input))
      if (found === undefined) {
        if (policyOf(step, input.topic) !== null) task.rewind = true
        continue
      }
      task.committed.set(partitionKey(input), found.offset)
      task.task.resume(input, found.metadata ?? '')
    }
    go(task, task.changelogs.size > 0 ? 'locating' : 'positioning')
  }
}

function askOutside(step: Step, task: ActiveTask): void {
  const { sink } = task.external!
  const message = { kind: 'sinkOffsets', sink, partitions: task.inputs }
  task.asked = askSinks(step, message, { kind: 'sinkOffsets', task: task.id })
}

export function onSinkOffsets(step: Step, id: number, taskId: TaskId, answer: SinkOffsets | null): void {
  const [task] = waiting(step, id, [taskId])
  if (task === undefined) return
  if (answer === null || answer.error !== null) {
    step.out.trace('pipeline.sink-failed', { sink: task.external!.sink, error: answer?.error ?? 'crashed' })
    return later(step, [task])
  }
  task.external!.offset = answer.offsets[0] ?? null
  go(task, 'positioning')
}

function askEnds(step: Step, tasks: readonly ActiveTask[]): void {
  if (tasks.length === 0) return
  startRestoreConsumer(step)
  const partitions = tasks.flatMap(({ changelogs }) =>
    [...changelogs.values()].map(({ topic, partition }) => ({ topic, partition })),
  )
  const message = { kind: 'endOffsets', partitions, isolation: 'read_uncommitted' }
  const id = ask(step, names.restore(step), message, { kind: 'ends', tasks: tasks.map((each) => each.id) })
  for (const task of tasks) task.asked = id
}

export function onEnds(step: Step, id: number, ids: readonly TaskId[], answer: OffsetsAnswer | null): void {
  const tasks = waiting(step, id, ids)
  if (answer === null || answer.error !== KafkaError.NONE) return later(step, tasks)
  const ends = new Map(answer.offsets.map((each) => [partitionKey(each), each.offset]))
  for (const task of tasks) {
    for (const [key, changelog] of task.changelogs) changelog.end = ends.get(key) ?? 0
    go(task, 'restoring')
  }
}

function later({ state, env, out }: Step, tasks: readonly ActiveTask[]): void {
  const pause = state.config['retry.backoff.ms']
  for (const task of tasks) {
    task.asked = 0
    task.retryAt = env.now + Math.min(pause * 2 ** task.failures++, 1000)
    out.setTimer('wake', env.now + pause, { kind: 'wake' })
  }
}

/** Called by the restoration when a task's stores are as its changelogs say. */
export function onRestoredTask({ out }: Step, task: ActiveTask): void {
  const changelogs = [...task.changelogs].map(([key, { position: at }]): [string, number] => [key, at])
  trace(out, 'pipeline.restored', { task: task.id, changelogs: Object.fromEntries(changelogs) })
  go(task, 'positioning')
}

/** What a poll under way would still bring is of before: a seek waits for it. */
function position(step: Step, task: ActiveTask): void {
  const { state } = step
  if (task.rewind && state.poll !== 0) return
  if (task.rewind) {
    for (const input of task.inputs) {
      const to = startOf(step, task, input)
      if (to === null) return fail(step, failureOf('StreamsException', `no offset for ${partitionKey(input)}`))
      tell(step, names.consumer(step), { kind: 'seek', ...input, to })
    }
  }
  task.rewind = false
  go(task, 'running')
  tell(step, names.consumer(step), { kind: 'resume', partitions: task.inputs })
}

function startOf(step: Step, { external, committed, first }: ActiveTask, input: TopicPartition): unknown {
  const { consumer } = step.state.args
  const key = partitionKey(input)
  const known = external?.offset ?? committed.get(key) ?? first.get(key)
  if (known !== undefined) return known
  const policy = policyOf(step, input.topic) ?? consumer?.['auto.offset.reset'] ?? 'earliest'
  return policy === 'none' ? null : policy === 'latest' ? 'end' : 'beginning'
}

/** Where a source wants to begin, if it says so. */
function policyOf({ state }: Step, topic: string): SourceNode['offsetReset'] {
  for (const node of state.args.topology.nodes.values()) {
    if (node.kind === 'source' && node.topics.includes(topic)) return node.offsetReset
  }
  return null
}
