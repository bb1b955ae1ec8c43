/** Seeds of the whole cluster, some of them twice, as two test files share them between two processes. */
import { expect } from 'vitest'
import { runTwice } from '../../src/cluster/determinism.ts'
import { drawOptions } from '../../src/cluster/draw.ts'
import { Simulation } from '../../src/cluster/simulation.ts'

export interface Soaked {
  seeds: number
  doubleRuns: number
  events: number
  readonly witnesses: Record<string, number>
}

/** Every second seed from `first` on: the first `doubleRuns` of them twice, then more until there were so many events. */
export function soak(first: number, doubleRuns: number, events: number): Soaked {
  const soaked: Soaked = { seeds: 0, doubleRuns: 0, events: 0, witnesses: {} }
  for (let seed = first; soaked.seeds < doubleRuns || soaked.events < events; seed += 2) {
    const options = drawOptions(seed)
    const isDouble = soaked.seeds < doubleRuns
    const { result, difference } = isDouble
      ? runTwice(options)
      : { result: new Simulation(options).run(), difference: null }
    expect(result.violations, `seed ${seed}`).toEqual([])
    expect(difference, `seed ${seed}, run twice`).toBeNull()
    soaked.seeds++
    if (isDouble) soaked.doubleRuns++
    soaked.events += isDouble ? 2 * result.events : result.events
    for (const [name, times] of Object.entries(result.witnesses)) {
      soaked.witnesses[name] = (soaked.witnesses[name] ?? 0) + times
    }
  }
  return soaked
}
