/** What was typed, checked: numbers, lists, safeguards. Whatever is wrong ends with exit code 2 and says why. */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { faultKinds, type FaultKind } from '@troupe/simulator/cluster/faults'

export class UsageError extends Error {}

export function integer(name: string, least = 0): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`invalid value ${text} for ${name}: allowed are integers from ${least} on`)
    }
    return value
  }
}

export function positive(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!(value > 0) || !Number.isFinite(value))
      throw new UsageError(`invalid value ${text} for ${name}: allowed are numbers above 0`)
    return value
  }
}

export function oneOf<Name extends string>(name: string, allowed: readonly Name[]): (text: string) => Name {
  return (text) => {
    if (!allowed.includes(text as Name))
      throw new UsageError(`unknown ${name} ${text}: known are ${allowed.join(', ')}`)
    return text as Name
  }
}

/** `kill,cut`, `all`, `none`. */
export function faults(text: string): readonly FaultKind[] {
  if (text === 'all') return faultKinds
  if (text === 'none' || text === '') return []
  return text.split(',').map((kind) => oneOf('fault', faultKinds)(kind.trim()))
}

/** `truncateByEpoch=off,maximalIsr=off`; may be given several times. */
export function safeguards(text: string, before: Partial<Safeguards> = {}): Partial<Safeguards> {
  const switches: Record<string, boolean> = { ...before }
  for (const part of text.split(',')) {
    const [name = '', state] = part.trim().split('=')
    if (!(name in allSafeguards)) {
      throw new UsageError(`unknown safeguard ${name}: known are ${Object.keys(allSafeguards).join(', ')}`)
    }
    if (state !== 'on' && state !== 'off')
      throw new UsageError(`safeguard ${name} can be on or off, not ${state ?? 'nothing'}`)
    switches[name] = state === 'on'
  }
  return switches as Partial<Safeguards>
}

/** `brokers=3,records=2`. */
export function bounds(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const given: Record<string, number> = { ...before }
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.trim().split('=')
    if (name === '') throw new UsageError(`a bound is name=number, not ${part}`)
    given[name] = integer(`bound ${name}`)(value)
  }
  return given
}

export const offOf = (switches: Partial<Safeguards>): string[] =>
  Object.entries(switches).flatMap(([name, on]) => (on ? [] : [name]))
