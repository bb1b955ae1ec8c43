/**
 * Active tasks and standby copies come and go with the group's assignment. A task that goes is thrown away with its
 * stores: whoever gets it restores it from the changelogs, or has a copy; a copy that becomes active keeps its stores.
 */
import { partitionKey, type TopicPartition } from '@troupe/client/consumer/topic-partition'
import type { Task, TaskId } from '../engine/contract.ts'
import { createTask } from '../engine/task.ts'
import { names, tell } from './ask.ts'
import { taskId } from './assignor.ts'
import type { ActiveTask, ChangelogState, StandbyTask, Step } from './state.ts'

/** Makes the tasks be those of the owned partitions. */
export function reconcileTasks(step: Step): void {
  const { state } = step
  const wanted = new Map<TaskId, { subtopology: number; partition: number }>()
  for (const { topic, partition } of state.owned.values()) {
    const subtopology = state.args.topology.subtopologies.find(({ sourceTopics }) => sourceTopics.includes(topic))
    if (subtopology) wanted.set(taskId(subtopology, partition), { subtopology: subtopology.id, partition })
  }
  for (const { id } of state.tasks.values()) if (!wanted.has(id)) closeTask(step, id)
  for (const [id, { subtopology, partition }] of wanted) {
    if (!state.tasks.has(id)) state.tasks.set(id, openTask(step, id, subtopology, partition))
  }
}

export function reconcileStandbys(step: Step, wanted: readonly TaskId[]): void {
  const { state } = step
  for (const id of state.standbys.keys()) if (!wanted.includes(id)) closeStandby(step, id)
  for (const id of wanted) {
    if (state.standbys.has(id) || state.tasks.has(id)) continue
    const [subtopology, partition] = id.split('_').map(Number) as [number, number]
    const task = newTask(step, subtopology, partition)
    state.standbys.set(id, { id, task, changelogs: changelogsOf(task) })
  }
}

function openTask(step: Step, id: TaskId, subtopology: number, partition: number): ActiveTask {
  const { state } = step
  const copy = state.standbys.get(id)
  state.standbys.delete(id)
  const task = copy?.task ?? newTask(step, subtopology, partition)
  const { external } = state.args.topology.subtopologies.find((each) => each.id === subtopology)!
  const opened: ActiveTask = {
    id,
    task,
    inputs: task.inputs,
    phase: 'opening',
    asked: 0,
    retryAt: 0,
    failures: 0,
    changelogs: copy?.changelogs ?? changelogsOf(task),
    rewind: external !== null,
    committed: new Map(),
    first: new Map(),
    dirty: false,
    paused: new Set(),
    caughtUp: new Set(),
    idleSince: -1,
    external: external && { sink: external.name, offset: null, records: [] },
  }
  // Nothing comes before it is ready: this is said before the next poll.
  tell(step, names.consumer(step), { kind: 'pause', partitions: opened.inputs })
  return opened
}

/** The same task from its last commit: stores, buffers and positions begin anew. For a moment without a poll. */
export function reopenTask(step: Step, { id, task, first }: ActiveTask): void {
  const { state } = step
  closeTask(step, id)
  const opened = openTask(step, id, task.subtopology, task.partition)
  opened.rewind = true
  for (const [key, offset] of first) opened.first.set(key, offset)
  state.tasks.set(id, opened)
}

function newTask({ state }: Step, subtopology: number, partition: number): Task {
  const { args, counts, config } = state
  return createTask(args.topology, subtopology, partition, {
    counts,
    partitionCount: (topic) => counts.get(topic),
    caching: config['statestore.cache.max.bytes'] > 0,
  })
}

function changelogsOf({ changelogs, partition }: Task): Map<string, ChangelogState> {
  return new Map(
    [...changelogs].map(([store, topic]) => [
      partitionKey({ topic, partition }),
      { store, topic, partition, end: null, position: -1 },
    ]),
  )
}

export function closeTask(step: Step, id: TaskId): void {
  const { state } = step
  const task = state.tasks.get(id)
  if (task === undefined) return
  state.tasks.delete(id)
  // Several tasks may wait for the same answer.
  const isShared = [...state.tasks.values()].some((other) => other !== task && other.asked === task.asked)
  if (task.asked !== 0 && !isShared) state.asked.delete(task.asked)
  forgetRestored(step, task)
}

function closeStandby(step: Step, id: TaskId): void {
  const { state } = step
  const copy = state.standbys.get(id)
  if (copy === undefined) return
  state.standbys.delete(id)
  forgetRestored(step, copy)
}

/** What a poll that is under way brings of these is for nobody: the next owner of the name begins elsewhere. */
function forgetRestored({ state }: Step, { changelogs }: ActiveTask | StandbyTask): void {
  const left = new Set(state.restore.assigned)
  for (const key of changelogs.keys()) left.delete(key)
  state.restore.assigned = left
}

export function closeAllTasks(step: Step): void {
  for (const id of step.state.tasks.keys()) closeTask(step, id)
}

export function ownerOf({ state }: Step, { topic, partition }: TopicPartition): ActiveTask | undefined {
  const subtopology = state.args.topology.subtopologies.find(({ sourceTopics }) => sourceTopics.includes(topic))
  return subtopology && state.tasks.get(taskId(subtopology, partition))
}

export function isUncommitted({ state }: Step): boolean {
  for (const { dirty } of state.tasks.values()) if (dirty) return true
  return false
}
