/** `lab check MODEL`: every state of a small configuration, breadth first. */
import { allSafeguards, type Safeguards } from '@troupe/actor'
import { replay, search, type SearchResult } from '@troupe/simulator/model/index'
import { models, type AnyModel } from '@troupe/simulator/models/index'
import { renderTable } from '@troupe/simulator/render/table'
import { commit, count, mustBeWritable, print, printJson, Progress, writeTrace, type Format } from './output.ts'
import { offOf, unknown, UsageError } from './usage.ts'

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
  if (model === undefined) throw new UsageError(unknown('model', name, [...models.keys()]))
  const bounds = boundsOf(model, options.bound ?? {})
  mustBeWritable(options.out)
  const safeguards: Safeguards = { ...allSafeguards, ...options.safeguards }
  mustBegin(model, safeguards, bounds)
  const progress = new Progress()
  const began = performance.now()
  const result = search(model, safeguards, bounds, {
    clock: () => performance.now(),
    deadline: options.seconds === undefined ? undefined : began + options.seconds * 1000,
    maxStates: options.maxStates,
    countWitnesses: true,
    progress: ({ states, generated, depth }) => {
      const rate = Math.round((generated / (performance.now() - began)) * 1000)
      progress.show(`${count(states)} states, depth ${depth}, ${count(rate)} generated a second`)
    },
  })
  progress.clear()
  const seconds = (performance.now() - began) / 1000
  const { violation, path } = result
  const trace = violation === null ? null : replay(model, safeguards, bounds, path, { commit: commit() })
  if (trace !== null && options.out !== undefined) writeTrace(options.out, trace)
  const off = offOf(options.safeguards ?? {})
  if (options.format === 'json') {
    const generatedPerSecond = Math.round(result.generated / seconds)
    printJson({ model: name, bounds, off, found: violation !== null, ...result, seconds, generatedPerSecond })
    return violation !== null
  }
  describe(name, bounds, off, result, seconds)
  if (trace !== null) print(renderTable(trace))
  return violation !== null
}

function boundsOf(model: AnyModel, given: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const known = Object.keys(model.defaultBounds)
  const stranger = Object.keys(given).find((bound) => !known.includes(bound))
  if (stranger !== undefined) throw new UsageError(unknown(`bound of ${model.name}`, stranger, known))
  return { ...model.defaultBounds, ...given }
}

/** Not every number makes a world: nobody has tried a quorum of forty voters in every order. */
function mustBegin(model: AnyModel, safeguards: Safeguards, bounds: Readonly<Record<string, number>>): void {
  try {
    model.initial(safeguards, bounds)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`${model.name} has no world with these bounds: ${error.message}`)
  }
}

function describe(
  name: string,
  bounds: Readonly<Record<string, number>>,
  off: readonly string[],
  { states, generated, depth, exhausted, stoppedBy, collisionRisk, witnesses, violation, path }: SearchResult,
  seconds: number,
): void {
  const limits = Object.entries(bounds).map(([bound, value]) => `${bound}=${value}`)
  print(`${name}: ${limits.join(' ')}${off.length === 0 ? '' : `, off: ${off.join(', ')}`}`)
  print(
    `  ${count(states)} states, ${count(generated)} generated in ${seconds.toFixed(1)} s, depth ${depth}, ` +
      `${exhausted ? 'exhausted' : `stopped by ${stoppedBy}`}, collision risk ${collisionRisk.toExponential(1)}`,
  )
  for (const [witness, times] of Object.entries(witnesses)) print(`  sometimes ${witness}: ${count(times)}`)
  if (violation !== null) print(`  ${violation.invariant} violated after ${path.length} events: ${violation.detail}`)
  else if (exhausted) print('  no violation within these bounds')
  else print('  no violation in what was searched, which is not all')
}

function list(format: Format): false {
  const all = [...models.values()].map(({ name, title, defaultBounds }) => ({ name, title, bounds: defaultBounds }))
  if (format === 'json') {
    printJson(all)
    return false
  }
  for (const { name, title, bounds } of all) {
    print(`${name.padEnd(18)} ${title}`)
    const limits = Object.entries(bounds).map(([bound, value]) => `${bound}=${value}`)
    print(`${''.padEnd(18)} ${limits.join(' ')}`)
  }
  return false
}
