/**
 * Makes a failing schedule short: leaves out runs of its choices, ever shorter ones (delta debugging, Zeller's ddmin), as
 * long as the same invariant fails. A search up to one choice less then shows whether it is the shortest.
 */
import type { Safeguards } from '@troupe/actor'
import type { Bounds, Model, Violation } from './contract.ts'
import { follow } from './replay.ts'
import { search, type SearchOptions } from './search.ts'

export interface ShrinkOptions {
  /** Schedules tried. Default: 20,000. */
  readonly maxTries?: number
  /** Look breadth first for a shorter one, within these limits. */
  readonly confirm?: SearchOptions
}

export interface Shrunk {
  readonly path: readonly string[]
  readonly violation: Violation
  readonly tries: number
  /** No shorter schedule exists; false also when nobody looked, or not to the end. */
  readonly isShortest: boolean
}

/** null when the schedule does not fail. */
export function shrink<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  labels: readonly string[],
  { maxTries = 20_000, confirm }: ShrinkOptions = {},
): Shrunk | null {
  const first = model.initial(safeguards, bounds)
  const whole = follow(model, first, labels)
  if (whole.violation === null) return null
  let { path, violation } = whole
  const { invariant } = violation
  let tries = 1
  for (let chunk = Math.ceil(path.length / 2); chunk >= 1;) {
    let isShorter = false
    for (let at = 0; at < path.length && tries < maxTries;) {
      const tried = follow(model, first, path.toSpliced(at, chunk))
      tries++
      if (tried.violation?.invariant === invariant && tried.path.length < path.length) {
        path = tried.path
        violation = tried.violation
        isShorter = true
      } else at += chunk
    }
    if (tries >= maxTries) break
    if (chunk > 1) chunk = Math.ceil(chunk / 2)
    else if (!isShorter) break
  }
  if (confirm === undefined || path.length === 0) return { path, violation, tries, isShortest: path.length === 0 }
  const accept = (found: Violation): boolean => found.invariant === invariant
  const found = search(model, safeguards, bounds, { ...confirm, maxDepth: path.length - 1, accept })
  if (found.violation !== null) return { path: found.path, violation: found.violation, tries, isShortest: true }
  return { path, violation, tries, isShortest: found.exhausted || found.stoppedBy === 'depth' }
}
