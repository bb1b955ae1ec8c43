/** `lab zoo`: the table of bugs, each found without its safeguard and absent with it. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { renderTable } from '@troupe/simulator/render/table'
import { cages } from '@troupe/simulator/zoo/cages'
import type { Cage } from '@troupe/simulator/zoo/contract'
import { examine, type Examined } from '@troupe/simulator/zoo/examine'
import { commit, count, print, printJson, Progress, writeText, type Format } from './output.ts'
import { UsageError } from './usage.ts'
import { renderZooPage, type AllOn, type Case } from './zoo-page.ts'

export interface ZooOptions {
  readonly seconds: number
  readonly cleanSeconds: number
  readonly traces?: string
  readonly format: Format | 'markdown'
}

/** Returns whether a cage does not hold what it says. */
export function zoo(cases: readonly string[], options: ZooOptions): boolean {
  const chosen = choose(cases)
  const { traces, format } = options
  if (traces !== undefined) makeDirectory(traces)
  const row = rowFor(chosen)
  if (format === 'text') print(row('case', 'safeguard', 'needed', 'seconds', 'events', 'invariant'))
  const examined = chosen.map((cage, at) => {
    const result = open(cage, `${at + 1} of ${chosen.length}: ${cage.id}`, options)
    if (format === 'text') print(line(row, result))
    if (traces !== undefined && result.trace !== null)
      writeText(join(traces, `${cage.id}.txt`), renderTable(result.trace))
    return result
  })
  const all = allOn(examined)
  if (format === 'json') printJson({ cases: examined.map(described), allOn: all })
  else if (format === 'markdown') print(renderZooPage(examined.map(described), all, options.cleanSeconds))
  else {
    print(
      `all on: ${count(all.events)} events, ${count(all.states)} states, ` +
        `${all.exhausted} of ${all.cages} cages exhausted, ${all.violations} violations`,
    )
  }
  return examined.some(({ ok }) => !ok)
}

/** `Z04`, a case of it, or the beginning of several: `Z33` is Z33a, Z33b-vote, … */
function choose(cases: readonly string[]): readonly Cage[] {
  const chosen = new Set<Cage>()
  for (const name of cases) {
    const id = name.toLowerCase()
    const exact = cages.filter((cage) => cage.id.toLowerCase() === id || cage.id.toLowerCase().startsWith(`${id}-`))
    const found = exact.length > 0 ? exact : cages.filter((cage) => cage.id.toLowerCase().startsWith(id))
    if (found.length === 0) {
      throw new UsageError(`no case ${name} in the zoo: known are ${cages.map((cage) => cage.id).join(', ')}`)
    }
    for (const cage of found) chosen.add(cage)
  }
  return cases.length === 0 ? cages : cages.filter((cage) => chosen.has(cage))
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw new UsageError(`cannot write to ${directory}: ${(error as Error).message}`)
  }
}

function open(cage: Cage, title: string, { seconds, cleanSeconds, traces }: ZooOptions): Examined {
  const progress = new Progress()
  progress.show(title)
  const result = examine(cage, {
    clock: () => performance.now(),
    limitMs: seconds * 1000,
    cleanMs: cleanSeconds * 1000,
    // Traces that are committed name no version: they hold for every one, or are written anew.
    commit: traces === undefined ? commit() : null,
    progress: (soFar) => progress.show(`${title}, ${soFar}`),
  })
  progress.clear()
  return result
}

function allOn(examined: readonly Examined[]): AllOn {
  const sum = (pick: (one: Examined) => number): number => examined.reduce((total, one) => total + pick(one), 0)
  return {
    events: sum(({ clean }) => clean.events),
    states: sum(({ clean }) => clean.states),
    cages: examined.length,
    exhausted: sum(({ clean }) => (clean.exhausted ? 1 : 0)),
    exhaustedStates: sum(({ clean }) => (clean.exhausted ? clean.states : 0)),
    violations: sum(({ clean }) => (clean.violation === null ? 0 : 1)),
  }
}

function described(one: Examined): Case & Readonly<Record<string, unknown>> {
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
    traceEvents: path.length,
    steps: trace?.events.length ?? 0,
    isShortest,
    exhausted,
    invariant,
    detail,
    clean,
    ok,
  }
}

type Row = (...cells: readonly string[]) => string

/** Columns as wide as the longest that can stand in them. */
function rowFor(chosen: readonly Cage[]): Row {
  const longest = (least: number, texts: readonly string[]): number =>
    Math.max(least, ...texts.map(({ length }) => length))
  const widths = [
    longest(
      4,
      chosen.map(({ id }) => id),
    ),
    longest(
      9,
      chosen.map(({ safeguard }) => safeguard),
    ),
    16,
    7,
    6,
    9,
  ]
  const isNumber = (at: number): boolean => at >= 2 && at <= 4
  return (...cells) =>
    cells
      .map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
}

function line(row: Row, one: Examined): string {
  const { cage, seeds, states, seconds, path, invariant, exhausted, clean, ok } = one
  const needed = seeds === null ? `${count(states ?? 0)} states` : `${count(seeds)} seeds`
  const isImpossible = invariant === null && cage.impossible !== undefined && exhausted
  const what = invariant ?? (isImpossible ? 'impossible' : 'not found')
  const text = row(
    cage.id,
    cage.safeguard,
    needed,
    seconds.toFixed(2),
    invariant === null ? '–' : `${path.length}`,
    what,
  )
  if (ok) return text
  return `${text}  ✕ ${clean.violation === null ? 'expected otherwise' : `with all safeguards on: ${clean.violation}`}`
}
