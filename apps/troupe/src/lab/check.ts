/** `lab check MODEL`: every state of a small configuration, breadth first. */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { replay, search } from '@troupe/simulator/model/index'
import { models } from '@troupe/simulator/models/index'
import { renderTable } from '@troupe/simulator/render/table'
import { commit, count, print, printJson, Progress, writeTrace, type Format } from './output.ts'
import { UsageError } from './usage.ts'

export interface CheckOptions {
  readonly bound?: Readonly<Record<string, number>>
  readonly maxStates?: number
  readonly seconds?: number
  readonly out?: string
  readonly safeguards?: Partial<Safeguards>
  readonly format: Format
}

/** Returns whether a violation was found. */
export function check(name: string | undefined, options: CheckOptions): boolean {
  if (name === undefined) return list(options.format)
  const model = models.get(name)
  if (model === undefined) throw new UsageError(`unknown model ${name}: known are ${[...models.keys()].join(', ')}`)
  const bounds = { ...model.defaultBounds, ...options.bound }
  const unknown = Object.keys(bounds).find((bound) => !(bound in model.defaultBounds))
  if (unknown !== undefined) {
    throw new UsageError(`${name} has no bound ${unknown}: known are ${Object.keys(model.defaultBounds).join(', ')}`)
  }
  const safeguards: Safeguards = { ...allSafeguards, ...options.safeguards }
  const progress = new Progress()
  const began = performance.now()
  const result = search(model, safeguards, bounds, {
    clock: () => performance.now(),
    deadline: options.seconds === undefined ? undefined : began + options.seconds * 1000,
    maxStates: options.maxStates,
    countWitnesses: true,
    progress: ({ states, depth }) => progress.show(`${count(states)} states, depth ${depth}`),
  })
  progress.clear()
  const seconds = (performance.now() - began) / 1000
  const { violation, path } = result
  const trace = violation === null ? null : replay(model, safeguards, bounds, path, { commit: commit() })
  if (trace !== null && options.out !== undefined) writeTrace(options.out, trace)
  if (options.format === 'json') {
    printJson({ model: name, bounds, ...result, seconds, statesPerSecond: Math.round(result.generated / seconds) })
    return violation !== null
  }
  const boundText = Object.entries(bounds).map(([bound, value]) => `${bound}=${value}`)
  print(`${name}: ${boundText.join(' ')}`)
  print(
    `  ${count(result.states)} states, ${count(result.generated)} generated in ${seconds.toFixed(1)} s, depth ${result.depth}, ` +
      `${result.exhausted ? 'exhausted' : `stopped by ${result.stoppedBy}`}, collision risk ${result.collisionRisk.toExponential(1)}`,
  )
  for (const [witness, times] of Object.entries(result.witnesses)) print(`  sometimes ${witness}: ${count(times)}`)
  if (violation === null) print('  no violation up to these bounds')
  else {
    print(`  ${violation.invariant} violated after ${path.length} choices: ${violation.detail}`)
    print(renderTable(trace!))
  }
  return violation !== null
}

function list(format: Format): false {
  const all = [...models.values()].map(({ name, title, defaultBounds }) => ({ name, title, bounds: defaultBounds }))
  if (format === 'json') printJson(all)
  else for (const { name, title, bounds } of all) print(`${name.padEnd(20)} ${title}  ${JSON.stringify(bounds)}`)
  return false
}
