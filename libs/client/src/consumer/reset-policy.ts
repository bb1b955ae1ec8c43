/**
 * `auto.offset.reset`: where a partition begins of which nobody knows an offset. `by_duration:PT1H` (KIP-1106): with
 * the first record that is not older than an hour, or with the next one. Source: AutoOffsetResetStrategy.
 *
 * The time is reckoned once for each reset: a request that is repeated must not skip what has come meanwhile.
 */

/** Where a reset leads to. A time: to the first record that is not older (ms since the epoch). */
export type ResetTarget = 'earliest' | 'latest' | { readonly timestamp: number }

const BY_DURATION = 'by_duration:'
const day = 86_400_000
const units = [day, 3_600_000, 60_000, 1000] as const
// As Java's Duration.parse: days, then hours, minutes and seconds behind a T; every number may have a sign.
const iso = /^([-+]?)P(?:([-+]?\d+)D)?(?:T(?=.)(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d+(?:[.,]\d{0,9})?)S)?)?$/i

/** Milliseconds of an ISO-8601 duration; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const [, sign, ...numbers] = iso.exec(text) ?? []
  if (sign === undefined || numbers.every((each) => each === undefined)) return undefined
  let sum = 0
  for (const [index, unit] of units.entries()) sum += Number((numbers[index] ?? '0').replace(',', '.')) * unit
  return sign === '-' ? -sum : sum
}

/** null: `none`. */
export function resetTarget(policy: string, now: number): ResetTarget | null {
  if (policy === 'earliest' || policy === 'latest') return policy
  if (policy === 'none') return null
  const ms = policy.startsWith(BY_DURATION) ? parseDuration(policy.slice(BY_DURATION.length)) : undefined
  if (ms === undefined || ms < 0) throw new RangeError(`auto.offset.reset: ${policy}`)
  return { timestamp: Math.max(0, now - Math.floor(ms)) }
}
