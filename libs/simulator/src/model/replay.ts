/** Walks a schedule again: labels to a violation, or to a trace that people can read. */
import type { Safeguards } from '@troupe/actor'
import type { Trace, TraceEvent } from '../trace/format.ts'
import type { Bounds, Model, Violation } from './contract.ts'

export interface Replayed<World> {
  readonly world: World
  /** Labels that could be followed, up to the violation; the others were skipped. */
  readonly path: readonly string[]
  readonly violation: Violation | null
}

/** Follows the labels from (a copy of) `first`; what is not enabled is skipped. Stops at the first violation. */
export function follow<World>(model: Model<World>, first: World, labels: readonly string[]): Replayed<World> {
  const world = model.clone(first)
  const path: string[] = []
  let violation = model.check(world)
  for (const label of labels) {
    if (violation !== null) break
    const action = model.enabled(world).find((enabled) => enabled.label === label)
    if (action === undefined) continue
    model.apply(world, action)
    path.push(label)
    violation = model.check(world)
  }
  return { world, path, violation }
}

export interface ReplayOptions {
  /** For the header: where the schedule is from. */
  readonly seed?: number | null
  readonly commit?: string | null
}

/** The trace of a schedule. A label that is not enabled when its turn comes is skipped. */
export function replay<World>(
  model: Model<World>,
  safeguards: Safeguards,
  bounds: Bounds,
  labels: readonly string[],
  { seed = null, commit = null }: ReplayOptions = {},
): Trace {
  const world = model.initial(safeguards, bounds)
  const events: TraceEvent[] = []
  let violation = model.check(world)
  for (const label of labels) {
    if (violation !== null) break
    const action = model.enabled(world).find((enabled) => enabled.label === label)
    if (action === undefined) continue
    model.apply(world, action, (event) => events.push({ index: events.length, at: events.length, ...event }))
    violation = model.check(world)
  }
  const off = Object.entries(safeguards).flatMap(([name, isOn]) => (isOn ? [] : [name]))
  return {
    header: {
      format: 'troupe-trace',
      version: 1,
      model: model.name,
      seed,
      commit,
      off,
      options: { ...model.defaultBounds, ...bounds },
      violation: violation === null ? null : { ...violation, event: events.length - 1 },
    },
    events,
  }
}
