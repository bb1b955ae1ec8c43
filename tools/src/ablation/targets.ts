/**
 * What a mutant is run against: the configurations of the zoo's cages and each model's own, with all safeguards on,
 * breadth first and by random walks, and seeds of the whole cluster.
 */
import { allSafeguards } from '@troupe/actor'
import { drawOptions } from '@troupe/simulator/cluster/draw'
import { Simulation } from '@troupe/simulator/cluster/simulation'
import { search, shrink, walks, type Bounds } from '@troupe/simulator/model/index'
import { models, type AnyModel } from '@troupe/simulator/models/index'
import { cages } from '@troupe/simulator/zoo/cages'
import type { Limits, Run, Target } from './contract.ts'

const walkSteps = 300
/** Schedules tried to make a walk's one short. */
const shrinkTries = 500

export function makeTargets(limits: Limits): Target[] {
  return [...modelTargets(limits), ...seedTargets(limits)]
}

/** Cages share configurations: each is explored once. */
function modelTargets(limits: Limits): Target[] {
  const targets = new Map<string, Target>()
  const defaults = [...models.values()].map((model) => ({ model, bounds: {} }))
  for (const { model, bounds } of [...cages, ...defaults]) {
    const all = { ...model.defaultBounds, ...bounds }
    const name = `${model.name} ${boundsText(all)}`
    if (!targets.has(name)) targets.set(name, { name, run: () => runModel(model, all, limits) })
  }
  return [...targets.values()]
}

function boundsText(bounds: Bounds): string {
  return Object.entries(bounds)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function runModel(model: AnyModel, bounds: Bounds, { states: maxStates, walks: seeds }: Limits): Run {
  const found = search(model, allSafeguards, bounds, { maxStates, countWitnesses: true })
  const { states, exhausted, violation, path } = found
  if (violation !== null || exhausted) {
    const witnesses = violation === null ? Object.keys(found.witnesses).sort() : null
    const hash = String(found.generated)
    return { ...violated(violation), events: path.length, states, exhausted, seeds: 0, witnesses, hash }
  }
  const walked = walks(model, allSafeguards, bounds, { firstSeed: 1, seeds, steps: walkSteps })
  const short = walked.found && shrink(model, allSafeguards, bounds, walked.found.path, { maxTries: shrinkTries })
  return {
    ...violated(short?.violation ?? walked.found?.violation ?? null),
    events: short?.path.length ?? walked.found?.path.length ?? 0,
    states,
    exhausted: false,
    seeds: walked.seeds,
    witnesses: null,
    hash: `${found.generated} ${walked.steps}`,
  }
}

function seedTargets({ seeds }: Limits): Target[] {
  return Array.from({ length: seeds }, (_, index) => ({ name: `seed ${index + 1}`, run: () => runSeed(index + 1) }))
}

function runSeed(seed: number): Run {
  const { events, hash, violations } = new Simulation(drawOptions(seed)).run()
  return { ...violated(violations[0] ?? null), events, states: 0, exhausted: false, seeds: 1, witnesses: null, hash }
}

function violated(violation: { invariant: string; detail: string } | null): Pick<Run, 'invariant' | 'detail'> {
  return { invariant: violation?.invariant ?? null, detail: violation?.detail ?? null }
}
