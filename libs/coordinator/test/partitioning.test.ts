/** Which partition is whose, and tables of transitions. */
import { expect, test } from 'vitest'
import { defineEdges, IllegalTransition, javaStringHash, partitionFor } from '@troupe/coordinator'

// Values of String.hashCode as the Java documentation's formula gives them, and of well-known strings.
test("javaStringHash - is Java's, over UTF-16 code units and in 32 bits", () => {
  expect(javaStringHash('')).toBe(0)
  expect(javaStringHash('a')).toBe(97)
  expect(javaStringHash('hello world')).toBe(1794106052)
  expect(javaStringHash('polygenelubricants')).toBe(-2147483648)
  expect(javaStringHash('😀')).toBe(0xd83d * 31 + 0xde00)
})

test('partitionFor - is never negative, not even for the smallest hash', () => {
  expect(partitionFor('polygenelubricants', 50)).toBe(0)
  expect(partitionFor('hello world', 50)).toBe(1794106052 % 50)
})

test('defineEdges - an edge that is not in the table throws', () => {
  const edges = defineEdges<'free' | 'held'>({ free: ['held'], held: ['free'] })
  expect(edges('free', 'held')).toBe('held')
  expect(() => edges('free', 'free')).toThrow(IllegalTransition)
})
