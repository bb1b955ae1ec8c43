/** `lab zoo`: the table of bugs, each found without its safeguard and absent with it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { renderTable } from '@troupe/simulator/render/table'
import { cages } from '@troupe/simulator/zoo/cages'
import { examine, type Examined } from '@troupe/simulator/zoo/examine'
import { commit, count, print, printJson, Progress, writeText, type Format } from './output.ts'
import { UsageError } from './usage.ts'

export interface ZooOptions {
  readonly seconds: number
  readonly cleanSeconds: number
  readonly traces?: string
  readonly format: Format
}

const columns = [16, 34, 16, 9, 7, 10] as const

/** Returns whether a cage does not hold what it says. */
export function zoo(cases: readonly string[], options: ZooOptions): boolean {
  const chosen =
    cases.length === 0 ? cages : cages.filter(({ id }) => cases.some((name) => id === name || id.startsWith(name)))
  if (chosen.length === 0) throw new UsageError(`no such case: known are ${cages.map(({ id }) => id).join(', ')}`)
  if (options.traces !== undefined) mkdirSync(options.traces, { recursive: true })
  const progress = new Progress()
  if (options.format === 'text') print(row('case', 'safeguard', 'needed', 'seconds', 'events', 'invariant'))
  const examined = chosen.map((cage) => {
    progress.show(`${cage.id} ${cage.title}`)
    const limits = {
      clock: () => performance.now(),
      limitMs: options.seconds * 1000,
      cleanMs: options.cleanSeconds * 1000,
    }
    const result = examine(cage, { ...limits, commit: commit() })
    progress.clear()
    if (options.format === 'text') print(line(result))
    if (options.traces !== undefined && result.trace !== null) {
      writeText(join(options.traces, `${cage.id}.txt`), renderTable(result.trace))
    }
    return result
  })
  const all = allOn(examined)
  if (options.format === 'json') printJson({ cases: examined.map(described), allOn: all })
  else {
    print(
      `all on: ${count(all.events)} events, ${count(all.states)} states, ${all.exhausted} of ${examined.length} cages exhausted, ` +
        `${all.violations} violations`,
    )
  }
  return examined.some(({ ok }) => !ok)
}

function allOn(examined: readonly Examined[]): {
  events: number
  states: number
  exhausted: number
  violations: number
} {
  const sum = (pick: (one: Examined) => number): number => examined.reduce((total, one) => total + pick(one), 0)
  return {
    events: sum(({ clean }) => clean.events),
    states: sum(({ clean }) => clean.states),
    exhausted: sum(({ clean }) => (clean.exhausted ? 1 : 0)),
    violations: sum(({ clean }) => (clean.violation === null ? 0 : 1)),
  }
}

function described(one: Examined): object {
  const { cage, found, seeds, states, seconds, invariant, detail, path, trace, isShortest, exhausted, clean, ok } = one
  return {
    case: cage.id,
    title: cage.title,
    source: cage.source,
    safeguard: cage.safeguard,
    model: cage.model.name,
    bounds: { ...cage.model.defaultBounds, ...cage.bounds },
    found,
    impossible: cage.impossible ?? null,
    ...(seeds === null ? { states } : { seeds }),
    seconds: Number(seconds.toFixed(3)),
    traceEvents: trace?.events.length ?? 0,
    choices: path.length,
    isShortest,
    exhausted,
    invariant,
    detail,
    clean,
    ok,
  }
}

function line(one: Examined): string {
  const { cage, seeds, states, seconds, trace, invariant, exhausted, clean, ok } = one
  const needed = seeds === null ? `${count(states ?? 0)} states` : `${count(seeds)} seeds`
  const what = invariant ?? (cage.impossible !== undefined && exhausted ? 'impossible' : 'NOT FOUND')
  const events = trace === null ? '–' : String(trace.events.length)
  const text = row(cage.id, cage.safeguard, needed, seconds.toFixed(2), events, what)
  if (ok) return text
  return `${text}  ${clean.violation === null ? 'expected otherwise' : `with all safeguards on: ${clean.violation}`}`
}

function row(...cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(columns[index] ?? 0))
    .join(' ')
    .trimEnd()
}
