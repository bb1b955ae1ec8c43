/** What every run stands on: order, streams of numbers, the digest, links that keep order. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventQueue } from '../../src/kernel/event-queue.ts'
import { Random } from '../../src/kernel/random.ts'
import { RollingHash } from '../../src/kernel/rolling-hash.ts'

describe('the queue', () => {
  test('gives back what was added in the order of time, key and arrival, without what was taken back', () => {
    const entries = fc.array(fc.record({ at: fc.nat(20), key: fc.nat(3), gone: fc.boolean() }), { maxLength: 200 })
    fc.assert(
      fc.property(entries, (wanted) => {
        const queue = new EventQueue()
        const came: number[] = []
        const events = wanted.map(({ at, key }, index) => queue.add(at, key, () => came.push(index)))
        wanted.forEach(({ gone }, index) => gone && queue.remove(events[index]!))
        for (let event = queue.take(); event !== null; event = queue.take()) event.run()
        const expected = wanted
          .map((entry, index) => ({ ...entry, index }))
          .filter(({ gone }) => !gone)
          .sort((a, b) => a.at - b.at || a.key - b.key || a.index - b.index)
          .map(({ index }) => index)
        expect(came).toEqual(expected)
      }),
    )
  })

  test('what is postponed to one time keeps its order, whatever its keys were', () => {
    const queue = new EventQueue()
    const came: string[] = []
    queue.add(1, 9, () => came.push('first'))
    queue.add(2, 0, () => came.push('second'))
    queue.postpone(queue.take()!, 50)
    queue.postpone(queue.take()!, 50)
    queue.take()!.run()
    queue.take()!.run()
    expect(came).toEqual(['first', 'second'])
  })

  test('forgets timers that are set again and again', () => {
    const queue = new EventQueue()
    for (let round = 0; round < 10_000; round++) queue.remove(queue.add(1_000_000, 0, () => {}))
    expect(queue.size).toBe(0)
    expect(queue.nextAt()).toBe(Infinity)
  })
})

describe('streams of numbers', () => {
  test('a stream depends on the seed and its name, not on what others have drawn', () => {
    const drawn = (seed: number, before: number): number[] => {
      const root = new Random(seed)
      for (let count = 0; count < before; count++) root.u32()
      const stream = root.stream('network').stream('1→2')
      return Array.from({ length: 5 }, () => stream.u32())
    }
    expect(drawn(7, 0)).toEqual(drawn(7, 3))
    expect(drawn(7, 0)).not.toEqual(drawn(8, 0))
    expect(new Random(7, 'a').u32()).not.toBe(new Random(7, 'b').u32())
  })

  test('numbers are spread over their range', () => {
    const random = new Random(1, 'spread')
    const counts = new Uint32Array(10)
    for (let draw = 0; draw < 10_000; draw++) counts[random.below(10)]!++
    expect(Math.min(...counts)).toBeGreaterThan(850)
    expect(Math.max(...counts)).toBeLessThan(1150)
  })

  test('goes on from a state that was kept', () => {
    const random = new Random(3)
    random.u32()
    const { state } = random
    const next = random.u32()
    random.state = state
    expect(random.u32()).toBe(next)
  })
})

test('the digest tells different runs apart, also by their order', () => {
  const digest = (values: number[]): string => {
    const hash = new RollingHash()
    for (const value of values) hash.mixNumber(value)
    return hash.text()
  }
  expect(digest([1, 2])).not.toBe(digest([2, 1]))
  expect(digest([2 ** 40])).not.toBe(digest([0]))
  const seen = new Set<string>()
  for (let value = 0; value < 50_000; value++) seen.add(digest([value]))
  expect(seen.size).toBe(50_000)
})
