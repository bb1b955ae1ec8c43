/**
 * How fast the engine is with the production replica in it, printed: `node test/model/measure.ts [states]`. Not a test: a
 * rate depends on the machine.
 */
import { allSafeguards } from '@troupe/actor'
import { search, walks } from '../../src/model/index.ts'
import { replicasModel } from './replicas.ts'

const maxStates = Number(process.argv[2] ?? 300_000)

function measure(what: string, run: () => { readonly steps: number; readonly note: string }): void {
  const before = process.cpuUsage()
  const { steps, note } = run()
  const { user, system } = process.cpuUsage(before)
  const rate = Math.round(steps / ((user + system) / 1e6))
  console.log(`${what.padEnd(34)} ${rate.toLocaleString('en')} steps per second of CPU, ${note}`)
}

for (const [what, symmetry, isRemembering] of [
  ['search', true, true],
  ['search without symmetry', false, true],
  ['search without memory of steps', true, false],
] as const) {
  const model = replicasModel({ symmetry })
  measure(what, () => {
    const searched = isRemembering ? model : { ...model, remember: undefined }
    const { states, generated: steps, depth } = search(searched, allSafeguards, {}, { maxStates })
    return { steps, note: `${states} states, depth ${depth}` }
  })
}
measure('random walks', () => {
  const options = { firstSeed: 1, seeds: 2000, steps: 200 }
  const { steps, seeds } = walks(replicasModel(), allSafeguards, { records: 4, epochs: 4 }, options)
  return { steps, note: `${seeds} walks` }
})
