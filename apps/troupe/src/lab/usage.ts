/** What was typed, checked: numbers, lists, safeguards. Whatever is wrong ends with exit code 2 and says why. */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { faultKinds, type FaultKind } from '@troupe/simulator/cluster/faults'

export class UsageError extends Error {}

export function integer(name: string, least = 0, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !(value >= least && value <= most)) {
      const allowed = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
      throw new UsageError(`invalid value ${quoted(text)} for ${name}: allowed are integers ${allowed}`)
    }
    return value
  }
}

export function positive(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!(value > 0) || !Number.isFinite(value))
      throw new UsageError(`invalid value ${quoted(text)} for ${name}: allowed are numbers above 0`)
    return value
  }
}

export function oneOf<Name extends string>(name: string, allowed: readonly Name[]): (text: string) => Name {
  return (text) => {
    if (!allowed.includes(text as Name)) throw new UsageError(unknown(name, text, allowed))
    return text as Name
  }
}

/** More names than this are not listed: the nearest ones are. */
const listed = 40

/** `unknown model raf: did you mean raft?`, or all there are. */
export function unknown(what: string, text: string, known: readonly string[]): string {
  const near = known.filter((name) => distance(text.toLowerCase(), name.toLowerCase()) <= Math.max(2, text.length / 3))
  const nearest = near.length > 0 ? `; did you mean ${near.slice(0, 3).join(' or ')}?` : ''
  if (known.length <= listed) return `unknown ${what} ${quoted(text)}: known are ${known.join(', ')}`
  return `unknown ${what} ${quoted(text)}${nearest}`
}

/** Letters to change, add or remove (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const changed = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[other.length]!
}

function quoted(text: string): string {
  return text === '' || /\s/.test(text) ? JSON.stringify(text) : text
}

/** `kill,cut`, `all`, `none`. */
export function faults(text: string): readonly FaultKind[] {
  if (text === 'all') return faultKinds
  if (text === 'none') return []
  return [...new Set(text.split(',').map((kind) => oneOf('fault', faultKinds)(kind.trim())))]
}

/** `truncateByEpoch=off,maximalIsr=off`; may be given several times. */
export function safeguards(text: string, before: Partial<Safeguards> = {}): Partial<Safeguards> {
  const switches: Record<string, boolean> = { ...before }
  for (const part of text.split(',')) {
    const [name = '', ...states] = part.trim().split('=')
    const state = states.join('=')
    if (!Object.hasOwn(allSafeguards, name)) {
      const message = unknown('safeguard', name, Object.keys(allSafeguards))
      throw new UsageError(`${message} (they are listed in libs/actor/src/safeguards.ts)`)
    }
    if (state !== 'on' && state !== 'off')
      throw new UsageError(`safeguard ${name} can be on or off, not ${state === '' ? 'nothing' : quoted(state)}`)
    switches[name] = state === 'on'
  }
  return switches as Partial<Safeguards>
}

/** `brokers=3,records=2`. */
export function bounds(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const given: Record<string, number> = { ...before }
  for (const part of text.split(',')) {
    const [name = '', ...values] = part.trim().split('=')
    if (name === '' || values.length !== 1) throw new UsageError(`a bound is name=number, not ${quoted(part)}`)
    given[name] = integer(`bound ${name}`)(values[0]!)
  }
  return given
}

export const offOf = (switches: Partial<Safeguards>): string[] =>
  Object.entries(switches).flatMap(([name, on]) => (on ? [] : [name]))
