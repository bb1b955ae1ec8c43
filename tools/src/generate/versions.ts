/** Version ranges of Kafka's message schemas (`3-13`, `9+`, `0`, `none`) and the tests that pick them at run time. */

export interface Range {
  low: number
  high: number
}

export const NEVER: Range = { low: 1, high: 0 }
const MAX = 0x7fff

export function parseRange(text: string | undefined): Range {
  if (text === undefined || text === 'none') return NEVER
  if (text.endsWith('+')) return { low: Number(text.slice(0, -1)), high: MAX }
  const [low, high = low] = text.split('-').map(Number)
  return { low, high }
}

export function intersect(a: Range, b: Range): Range {
  const low = Math.max(a.low, b.low)
  const high = Math.min(a.high, b.high)
  return low > high ? NEVER : { low, high }
}

export function isEmpty(range: Range): boolean {
  return range.low > range.high
}

export function contains(outer: Range, inner: Range): boolean {
  return isEmpty(inner) || (outer.low <= inner.low && outer.high >= inner.high)
}

export function includes(range: Range, version: number): boolean {
  return version >= range.low && version <= range.high
}

/** The test that a version known to be in `context` is in `range`: a source expression, or a constant. */
export function test(range: Range, context: Range): string | boolean {
  const inner = intersect(range, context)
  if (isEmpty(inner)) return false
  const tests: string[] = []
  if (inner.low > context.low) tests.push(`version >= ${inner.low}`)
  if (inner.high < context.high) tests.push(`version <= ${inner.high}`)
  return tests.length === 0 ? true : tests.join(' && ')
}
