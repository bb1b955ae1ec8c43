/** Who runs which task: whole, balanced, sticky, never taken from an owner, copies elsewhere, topologies kept apart. */
import fc from 'fast-check'
import { int64, string } from '@troupe/client/serdes'
import type { GroupAssignment, MemberSubscription } from '@troupe/client/consumer'
import { partitionKey, type TopicPartition } from '@troupe/client/consumer/topic-partition'
import { expect, test } from 'vitest'
import { pipeline } from '../src/dsl/pipeline.ts'
import { decodeAssignmentData, encodeMemberData } from '../src/thread/assignor-data.ts'
import { pipelineAssignor, planTasks } from '../src/thread/assignor.ts'

const text = { key: string, value: string }
/** 0: joins two topics, stateful; 1: without state. */
const topology = pipeline('app', (p) => {
  p.stream('a', text)
    .join(p.table('b', text), (left: string, right: string) => left + right)
    .groupByKey(text)
    .count({ store: 's' })
    .toStream()
    .to('counts', { key: string, value: int64 })
  p.stream('c', text).to('d', text)
}).topology()
const topics = ['a', 'b', 'c']

interface Member {
  readonly instance: string
  readonly owned?: readonly TopicPartition[]
  readonly standbys?: readonly string[]
  readonly fingerprint?: string
}

type Group = Readonly<Record<string, Member>>

function subscriptions(group: Group): Map<string, MemberSubscription> {
  return new Map(
    Object.entries(group).map(([id, { instance, owned = [], standbys = [], fingerprint = 'x' }]) => {
      const userData = encodeMemberData({ instance, fingerprint, standbys })
      return [id, { topics, userData, owned, generationId: 1, groupInstanceId: null }]
    }),
  )
}

function assign(
  group: Group,
  partitions = 4,
  standbys = 0,
): Map<string, { tasks: string[]; copies: string[]; error: string }> {
  const counts = new Map(topics.map((topic) => [topic, partitions]))
  const assignor = pipelineAssignor(topology, standbys)
  const made = assignor.assign(counts, subscriptions(group), { useGeneration: true }) as GroupAssignment
  const plans = planTasks(topology, counts)
  return new Map(
    [...made.assignments].map(([id, own]) => {
      const keys = new Set(own.map(partitionKey))
      const tasks = plans.filter((plan) => plan.partitions.some((each) => keys.has(partitionKey(each))))
      // All partitions of a task go together.
      expect(keys.size).toBe(tasks.flatMap((plan) => plan.partitions).length)
      const { standbys: copies, error } = decodeAssignmentData(made.userData.get(id) ?? null)
      return [id, { tasks: tasks.map((plan) => plan.id), copies: [...copies], error }]
    }),
  )
}

const partitionsOf = (tasks: readonly string[], partitions = 4): TopicPartition[] => {
  const plans = planTasks(topology, new Map(topics.map((topic) => [topic, partitions])))
  return plans.filter(({ id }) => tasks.includes(id)).flatMap((plan) => plan.partitions)
}

/** Rebalances until nothing changes: owners give up what they do not get. */
function settle(group: Group, partitions = 4, standbys = 0): { rounds: number; last: ReturnType<typeof assign> } {
  let members: Group = group
  for (let rounds = 1; ; rounds++) {
    const last = assign(members, partitions, standbys)
    const next = Object.fromEntries(
      Object.entries(members).map(([id, member]) => {
        const { tasks, copies } = last.get(id)!
        return [id, { ...member, owned: partitionsOf(tasks, partitions), standbys: copies }]
      }),
    )
    const same = Object.keys(members).every((id) => (members[id]!.owned ?? []).length === next[id]!.owned.length)
    if (same || rounds > 5) return { rounds, last }
    members = next
  }
}

test('tasks are shared out evenly, source partitions of a task together', () => {
  const made = assign({ m1: { instance: 'i' }, m2: { instance: 'j' }, m3: { instance: 'k' } })
  expect([...made.values()].map(({ tasks }) => tasks.length).sort()).toEqual([2, 3, 3])
})

test('a newcomer gets nothing that others still have, and its share when they have let go', () => {
  const all = planTasks(topology, new Map(topics.map((topic) => [topic, 4]))).map(({ id }) => id)
  const group = { m1: { instance: 'i', owned: partitionsOf(all) }, m2: { instance: 'j' } }
  const first = assign(group)
  expect(first.get('m2')!.tasks).toEqual([])
  expect(first.get('m1')!.tasks).toHaveLength(4)
  const { last } = settle(group)
  expect(last.get('m1')!.tasks).toEqual(first.get('m1')!.tasks)
  expect(last.get('m2')!.tasks).toHaveLength(4)
})

test('who has a copy of a task gets it when its owner is gone', () => {
  const made = assign({
    m1: { instance: 'i', owned: partitionsOf(['0_0', '1_0', '1_1']), standbys: [] },
    m2: { instance: 'j', owned: partitionsOf(['0_1', '1_2', '1_3']), standbys: ['0_2', '0_3'] },
    m3: { instance: 'k', standbys: ['0_2'] },
  })
  expect(made.get('m3')!.tasks).toContain('0_2')
  expect(made.get('m2')!.tasks).not.toContain('0_2')
})

test('copies are of tasks with state only, and in other processes than the task', () => {
  const made = assign({ m1: { instance: 'i' }, m2: { instance: 'i' }, m3: { instance: 'j' } }, 4, 2)
  const instanceOf: Record<string, string> = { m1: 'i', m2: 'i', m3: 'j' }
  const copies = [...made].flatMap(([id, own]) => own.copies.map((task) => ({ id, task })))
  // Two processes: one copy each, though two were asked for.
  expect(copies.map(({ task }) => task).sort()).toEqual(['0_0', '0_1', '0_2', '0_3'])
  for (const { id, task } of copies) {
    const [owner] = [...made].find(([, { tasks }]) => tasks.includes(task))!
    expect(instanceOf[owner]).not.toBe(instanceOf[id])
  }
})

test('who runs another topology than most gets an error and no task', () => {
  const made = assign({ m1: { instance: 'i' }, m2: { instance: 'j' }, m3: { instance: 'k', fingerprint: 'y' } })
  expect(made.get('m3')).toMatchObject({ tasks: [], error: 'the group runs another topology, of fingerprint x' })
  expect(made.get('m1')).toMatchObject({ error: '' })
  expect(made.get('m1')!.tasks.length + made.get('m2')!.tasks.length).toBe(8)
})

test('whatever members come and go: all tasks once, evenly, in at most three rounds, and then they stay', () => {
  const groups = fc.record({
    members: fc.integer({ min: 1, max: 6 }),
    partitions: fc.integer({ min: 1, max: 9 }),
    owners: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 18, maxLength: 18 }),
  })
  fc.assert(
    fc.property(groups, ({ members, partitions, owners }) => {
      const plans = planTasks(topology, new Map(topics.map((topic) => [topic, partitions])))
      const group = Object.fromEntries(
        Array.from({ length: members }, (_, m) => {
          const own = plans.filter((_plan, index) => owners[index] === m).map(({ id }) => id)
          return [`m${m}`, { instance: `i${m}`, owned: partitionsOf(own, partitions) }]
        }),
      )
      const { rounds, last } = settle(group, partitions)
      const sizes = [...last.values()].map(({ tasks }) => tasks.length)
      const all = [...last.values()].flatMap(({ tasks }) => tasks).sort()
      expect(all).toEqual(plans.map(({ id }) => id).sort())
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      expect(rounds).toBeLessThanOrEqual(3)
    }),
    { numRuns: 200 },
  )
})
