/** What must hold of the assignors on any group; side by side with Java's they are in `assignors.java.test.ts`. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Assignments, Subscriptions } from '../src/consumer/assignors/assignor.ts'
import { assignors } from '../src/consumer/assignors/index.ts'
import { encodeGeneration, encodeStickyUserData } from '../src/consumer/assignors/user-data.ts'
import { group, subscriptionsOf, type Group } from './assignor-groups.ts'

const NUM_RUNS = 500

function assign(each: Group, members: Subscriptions = subscriptionsOf(each), useGeneration = true): Assignments {
  return assignors.get(each.assignor)!.assign(new Map(Object.entries(each.topics)), members, { useGeneration })
}

function owners(assignments: Assignments): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [member, own] of assignments) {
    for (const { topic, partition } of own) {
      const key = `${topic}-${partition}`
      found.set(key, [...(found.get(key) ?? []), member])
    }
  }
  return found
}

/** Who claims what, of those that are believed: the highest generation, if it is one member alone. */
function believed({ members }: Group): Map<string, string> {
  const claims = new Map<string, { generation: number; members: string[] }>()
  for (const { id, owned, generation } of members) {
    for (const [topic, partition] of owned) {
      const key = `${topic}-${partition}`
      const best = claims.get(key)
      if (best === undefined || generation > best.generation) claims.set(key, { generation, members: [id] })
      else if (generation === best.generation) best.members.push(id)
    }
  }
  return new Map([...claims].flatMap(([key, { members: who }]) => (who.length === 1 ? [[key, who[0]]] : [])))
}

test('every partition that somebody wants has one owner, who has subscribed to its topic', () => {
  fc.assert(
    fc.property(group, (each) => {
      const found = owners(assign(each))
      const wanted = new Set(each.members.flatMap(({ topics }) => topics))
      for (const [key, who] of found) {
        expect(who).toHaveLength(1)
        expect(each.members.find(({ id }) => id === who[0])!.topics).toContain(key.slice(0, key.lastIndexOf('-')))
      }
      if (each.assignor === 'cooperative-sticky') return
      for (const topic of wanted) {
        for (let partition = 0; partition < each.topics[topic]; partition++) {
          expect(found.has(`${topic}-${partition}`)).toBe(true)
        }
      }
    }),
    { numRuns: NUM_RUNS },
  )
})

test('cooperative: nobody is given what a member of the latest generation still has (G1)', () => {
  let withheld = 0
  fc.assert(
    fc.property(group, (drawn) => {
      const each: Group = { ...drawn, assignor: 'cooperative-sticky' }
      const found = owners(assign(each))
      for (const [key, owner] of believed(each)) {
        const who = found.get(key)
        if (who === undefined) withheld++
        else expect(who).toEqual([owner])
      }
    }),
    { numRuns: NUM_RUNS, seed: 429 },
  )
  expect(withheld).toBeGreaterThan(50)
})

test('with the same topics for all, nobody has two more than another; when nothing changes, nothing moves', () => {
  fc.assert(
    fc.property(group, (drawn) => {
      const topics = Object.keys(drawn.topics)
      const each: Group = {
        ...drawn,
        assignor: 'sticky',
        members: drawn.members.map((member) => ({ ...member, topics })),
      }
      const first = assign(each)
      const sizes = [...first.values()].map((own) => own.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      const members = new Map(
        [...first].map(([id, own]) => [
          id,
          {
            topics,
            userData: encodeStickyUserData({ partitions: own, generationId: 7 }),
            owned: [],
            generationId: 7,
            groupInstanceId: null,
          },
        ]),
      )
      const again = assign(each, members)
      for (const [id, own] of again) expect(new Set(own)).toEqual(new Set(first.get(id)))
    }),
    { numRuns: NUM_RUNS },
  )
})

test('Z31 without generations the claim of a member that was left behind makes two owners', () => {
  const owned = [{ topic: 't', partition: 0 }]
  const member = { topics: ['t'], owned, userData: encodeGeneration(5), generationId: 5, groupInstanceId: null }
  const members = new Map([
    ['a', member],
    ['b', { ...member, userData: encodeGeneration(4), generationId: 4 }],
  ])
  const each: Group = { assignor: 'cooperative-sticky', topics: { t: 2 }, members: [] }
  expect(owners(assign(each, members)).get('t-0')).toEqual(['a'])
  expect(owners(assign(each, members, false)).get('t-0')).toEqual(['a', 'b'])
})
