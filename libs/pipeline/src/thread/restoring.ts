/**
 * The restore consumer: reads changelogs into the stores of tasks that open, up to the end that was known when they
 * began, and into standby copies, for ever. What it reads changes only between two of its polls.
 *
 * Source: StoreChangelogReader.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import type { ConsumerRecord, OffsetsAnswer, Polled } from '@troupe/client/consumer'
import type { Task } from '../engine/contract.ts'
import { ask, failureOf, forget, names, tell } from './ask.ts'
import { isExactlyOnce } from './config.ts'
import { fail } from './failing.ts'
import { onRestoredTask } from './opening.ts'
import type { ActiveTask, ChangelogState, Step } from './state.ts'
import { reconcileStandbys, reopenTask } from './tasks.ts'

export function startRestoreConsumer({ state, env, out }: Step): void {
  if (state.restore.spawned) return
  state.restore.spawned = true
  const properties = {
    'max.poll.records': 1000,
    ...state.args.restoreConsumer,
    'group.id': null,
    'enable.auto.commit': false,
    'auto.offset.reset': 'earliest',
    'allow.auto.create.topics': false,
    'isolation.level': isExactlyOnce(state.config) ? 'read_committed' : 'read_uncommitted',
  }
  out.spawn(names.restore({ state, env, out }), 'consumer', { properties })
}

interface Reading {
  readonly task: Task
  readonly changelog: ChangelogState
}

/** By key: what is to be read. */
function wanted({ state }: Step): Map<string, Reading> {
  const readings = new Map<string, Reading>()
  for (const { phase, task, changelogs } of state.tasks.values()) {
    if (phase !== 'restoring') continue
    for (const [key, changelog] of changelogs) if (!isDone(changelog)) readings.set(key, { task, changelog })
  }
  for (const { task, changelogs } of state.standbys.values()) {
    for (const [key, changelog] of changelogs) readings.set(key, { task, changelog })
  }
  return readings
}

function isDone({ end, position }: ChangelogState): boolean {
  return end !== null && (end === 0 || position >= end)
}

export function advanceRestore(step: Step): void {
  const { state } = step
  const { restore } = state
  for (const task of state.tasks.values()) if (isRestored(task)) onRestoredTask(step, task)
  if (restore.poll !== 0 || restore.positions > 0 || state.closing !== null) return
  const readings = wanted(step)
  if (readings.size === 0 && restore.assigned.size === 0) return
  startRestoreConsumer(step)
  assign(step, readings)
  if (readings.size === 0) return
  restore.poll = ask(
    step,
    names.restore(step),
    { kind: 'poll', timeoutMs: state.config['poll.ms'] },
    { kind: 'restorePoll' },
  )
}

function isRestored({ phase, changelogs }: ActiveTask): boolean {
  if (phase !== 'restoring') return false
  for (const changelog of changelogs.values()) if (!isDone(changelog)) return false
  return true
}

function assign(step: Step, readings: ReadonlyMap<string, Reading>): void {
  const { restore } = step.state
  const before = restore.assigned
  const isSame = before.size === readings.size && [...readings.keys()].every((key) => before.has(key))
  if (isSame) return
  const partitions = [...readings.values()].map(({ changelog: { topic, partition } }) => ({ topic, partition }))
  tell(step, names.restore(step), { kind: 'assign', partitions })
  for (const [key, { changelog }] of readings) {
    if (before.has(key)) continue
    const { topic, partition, position } = changelog
    tell(step, names.restore(step), { kind: 'seek', topic, partition, to: position < 0 ? 'beginning' : position })
  }
  restore.assigned = new Set(readings.keys())
}

export function onRestorePolled(step: Step, polled: Polled | null): void {
  const { state } = step
  const { restore } = state
  restore.poll = 0
  if (polled === null) return restart(step)
  if (polled.error !== KafkaError.NONE)
    return fail(step, failureOf(errorName(polled.error), `restore consumer: ${polled.detail}`))
  const readings = wanted(step)
  const truncated = polled.truncations.map(partitionKey).filter((key) => restore.assigned.has(key))
  for (const [key, records] of byPartition(polled.records)) {
    const reading = restore.assigned.has(key) ? readings.get(key) : undefined
    if (reading === undefined || truncated.includes(key)) continue
    reading.task.restore(reading.changelog.store, records)
    reading.changelog.position = records.at(-1)!.offset + 1
    state.metrics.restoredRecords += records.length
  }
  // A log that has lost what was read of it: the store has what nobody else will ever have.
  for (const key of truncated) beginAgain(step, key)
  askPositions(step)
}

function byPartition(records: readonly ConsumerRecord[]): Map<string, ConsumerRecord[]> {
  const groups = new Map<string, ConsumerRecord[]>()
  for (const record of records) {
    const key = partitionKey(record)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [record])
    else group.push(record)
  }
  return groups
}

function beginAgain(step: Step, key: string): void {
  const { state } = step
  for (const task of [...state.tasks.values()].filter(({ changelogs }) => changelogs.has(key))) reopenTask(step, task)
  const copies = [...state.standbys.values()]
  const kept = copies.filter(({ changelogs }) => !changelogs.has(key)).map(({ id }) => id)
  reconcileStandbys(step, kept)
  reconcileStandbys(
    step,
    copies.map(({ id }) => id),
  )
}

/** Markers and aborted records move the position without a record. */
function askPositions(step: Step): void {
  const { state } = step
  for (const { phase, changelogs } of state.tasks.values()) {
    if (phase !== 'restoring') continue
    for (const [key, changelog] of changelogs) {
      if (isDone(changelog) || !state.restore.assigned.has(key)) continue
      state.restore.positions++
      const { topic, partition } = changelog
      ask(step, names.restore(step), { kind: 'position', topic, partition }, { kind: 'position', key })
    }
  }
}

export function onPosition(step: Step, key: string, answer: OffsetsAnswer | null): void {
  const { state } = step
  state.restore.positions--
  if (answer === null) return restart(step)
  const [at] = answer.offsets
  if (at === undefined || !state.restore.assigned.has(key)) return
  for (const { phase, changelogs } of state.tasks.values()) {
    const changelog = phase === 'restoring' ? changelogs.get(key) : undefined
    if (changelog !== undefined) changelog.position = Math.max(changelog.position, at.offset)
  }
}

/** The restore consumer has crashed and is a new one: what is read goes on where it was. */
function restart(step: Step): void {
  const { restore } = step.state
  forget(step, 'restorePoll', 'position')
  restore.poll = 0
  restore.positions = 0
  restore.assigned = new Set()
  restore.spawned = false
}
