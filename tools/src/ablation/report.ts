/** What an ablation came to, as data, as text for a terminal and as the published table. */
import { areaNames, areaOf, type Area } from './areas.ts'
import type { Census, Limits, Result, Verdict } from './contract.ts'
import { noteOn } from './notes.ts'

export interface Report {
  /** The first one over all mutants, each other one over those that were not killed before. */
  readonly passes: readonly Pass[]
  readonly mutants: readonly Row[]
}

export interface Pass {
  readonly commit: string
  readonly limits: Limits
  /** Wall-clock seconds that a mutant could take. */
  readonly seconds: number
  readonly mutants: number
  readonly targets: readonly {
    readonly name: string
    readonly states: number
    readonly exhausted: boolean
    readonly seeds: number
    readonly events: number
    /** Violated with nothing forced: not used. */
    readonly invariant: string | null
  }[]
}

export interface Row {
  readonly area: Area
  readonly file: string
  readonly line: number
  readonly guard: string
  readonly to: boolean
  readonly verdict: Verdict
}

export function reportOf(
  commit: string,
  limits: Limits,
  seconds: number,
  census: Census,
  results: readonly Result[],
): Report {
  const targets = census.targets.map(({ name, run: { states, exhausted, seeds, events, invariant } }) => {
    return { name, states, exhausted, seeds, events, invariant }
  })
  const mutants = results.map(({ mutant: { guard, to }, verdict }) => {
    return { area: areaOf(guard.file), file: guard.file, line: guard.line, guard: guard.text, to, verdict }
  })
  const run = results.filter(({ verdict }) => verdict.type !== 'not run')
  return { passes: [{ commit, limits, seconds, mutants: run.length, targets }], mutants }
}

/** A report, and what a later pass over some of its mutants has to add. What is known best counts. */
export function combine(before: Report, after: Report): Report {
  const later = new Map(after.mutants.map((row) => [keyOf(row), row.verdict]))
  const mutants = before.mutants.map((row) => ({ ...row, verdict: better(row.verdict, later.get(keyOf(row))) }))
  return { passes: [...before.passes, ...after.passes], mutants }
}

const byKnowledge: readonly Verdict['type'][] = [
  'not run',
  'not reached',
  'no difference',
  'not finished',
  'survived',
  'killed',
]

function better(one: Verdict, other: Verdict = one): Verdict {
  if (!('states' in one && 'states' in other)) {
    return byKnowledge.indexOf(other.type) > byKnowledge.indexOf(one.type) ? other : one
  }
  const most = (field: 'targets' | 'states' | 'seeds'): number => Math.max(one[field], other[field])
  const type = one.type === 'survived' ? one.type : other.type
  return { type, targets: most('targets'), states: most('states'), seeds: most('seeds') }
}

export function keyOf({ file, line, guard, to }: Pick<Row, 'file' | 'line' | 'guard' | 'to'>): string {
  return `${file}:${line} ${guard} ${to}`
}

const columns = [
  'mutants',
  'killed',
  'safety',
  'throw',
  'liveness',
  'endless',
  'witness',
  'survived',
  'same',
  'unreached',
  'open',
]

export function renderText(report: Report): string {
  const width = Math.max(...report.mutants.map(placeOf).map(({ length }) => length))
  const rows = report.mutants.map(
    (row) => `${placeOf(row).padEnd(width)}  ${String(row.to).padEnd(5)}  ${said(row.verdict)}  ${short(row.guard)}`,
  )
  return [...rows, '', ...summary(report).map((cells) => cells.map((cell) => cell.padEnd(12)).join(' ')), ''].join('\n')
}

export function renderMarkdown(report: Report): string {
  return [
    '# Guard ablation',
    '',
    'Made by `npm run ablation`; never edit it. Every comparison in the protocols’ step code that names an epoch, a',
    'generation, a sequence, the ISR, the high watermark, the last stable offset or an incarnation is forced true, and',
    'forced false. Each of these mutants then runs the model checker’s configurations (those of the bug zoo, all',
    'safeguards on) and seeds of the whole simulated cluster, until an invariant is violated.',
    '',
    ...renderBound(report),
    '',
    '## Summary',
    '',
    ...table(summary(report)),
    '',
    '- *killed*: by an invariant (*safety*), an actor that throws (*throw*), progress that never comes (*liveness*), a run',
    '  that never ends (*endless*); or else something interesting that an exhausted configuration shows never happens any',
    '  more (*witness*).',
    '- *survived*: the mutant decided differently in at least one target, all those were run, and nothing was violated.',
    '- *same*: wherever the targets came, the guard had the forced value anyway: no difference up to the bound.',
    '- *unreached*: the targets never came to the guard.',
    '- *open*: not run, or not to the end.',
    '',
    ...areaNames.flatMap((area) => renderArea(area, report)),
  ].join('\n')
}

function renderBound({ passes }: Report): string[] {
  const configurations = new Set(passes.flatMap(({ targets }) => targets.filter(isModel).map(({ name }) => name)))
  return [
    '## The bound',
    '',
    ...passes.flatMap(renderPass),
    'A target with an answer later than 15 s, and 20 times later than without a mutant, counts as endless. The events of a',
    'model are a shortest counterexample, or a walk’s that was made shorter where the search did not come so far; those of',
    'a seed were not made shorter.',
    '',
    'How far each configuration goes without a mutant, and how many walks take it further:',
    '',
    ...table([
      ['configuration', ...passes.map((_, index) => `pass ${index + 1}`)],
      ...[...configurations].map((name) => [name, ...passes.map((pass) => reached(pass, name))]),
    ]),
  ]
}

function renderPass({ commit, limits, seconds, mutants, targets }: Pass, index: number): string[] {
  const events = targets.reduce((sum, target) => sum + (isModel(target) ? 0 : target.events), 0)
  const unused = targets.filter(({ invariant }) => invariant !== null)
  return [
    `Pass ${index + 1}${index === 0 ? '' : ', over some of what the passes before had not killed'}: commit \`${commit}\`,`,
    `${mutants} mutants of at most ${seconds} s each; ${limits.states} states of each configuration, breadth first, and`,
    `${limits.walks} random walks of 300 steps through each one that these do not exhaust; ${
      limits.seeds === 0 ? 'no seeds' : `seeds 1 to ${limits.seeds}`
    } of the`,
    `whole cluster (${events} events without a mutant).`,
    ...(unused.length === 0
      ? []
      : [`Violated without any mutant, and therefore not used: ${unused.map(({ name }) => name).join(', ')}.`]),
    '',
  ]
}

const isModel = ({ name }: { readonly name: string }): boolean => !name.startsWith('seed ')

function reached({ targets }: Pass, configuration: string): string {
  const found = targets.find(({ name }) => name === configuration)
  if (found === undefined) return '–'
  const { states, exhausted, seeds } = found
  return exhausted ? `${states} states: all` : `${states} states, ${seeds} walks`
}

function renderArea(area: Area, { mutants }: Report): string[] {
  const rows = mutants.filter((row) => row.area === area)
  if (rows.length === 0) return []
  const told = rows.flatMap((row) => {
    const why = row.verdict.type === 'killed' ? null : noteOn(row.file, row.guard, row.to)
    return why === null ? [] : [`- ${placeOf(row)} ${code(short(row.guard))} ${row.to}: ${why}`]
  })
  return [
    `## ${area}`,
    '',
    ...table([
      ['guard', '', 'forced', 'verdict'],
      ...rows.map((row) => [placeOf(row), code(short(row.guard)), String(row.to), said(row.verdict)]),
    ]),
    '',
    ...(told.length === 0 ? [] : ['Why others live, as far as one can read it from the code:', '', ...told, '']),
  ]
}

/** A head and one row for each area, and one for all. */
export function summary({ mutants }: Report): string[][] {
  const present = areaNames.filter((area) => mutants.some((row) => row.area === area))
  return [
    ['area', 'guards', ...columns, 'killed of those that differ'],
    ...present.map((area) =>
      counts(
        area,
        mutants.filter((row) => row.area === area),
      ),
    ),
    counts('all', mutants),
  ]
}

function counts(name: string, rows: readonly Row[]): string[] {
  const tally = new Map<string, number>()
  const count = (key: string): void => void tally.set(key, (tally.get(key) ?? 0) + 1)
  for (const { verdict } of rows) {
    count(columnOf(verdict))
    if (verdict.type === 'killed') count(verdict.by)
  }
  tally.set('mutants', rows.length)
  const killed = tally.get('killed') ?? 0
  const differing = killed + (tally.get('survived') ?? 0)
  const share = differing === 0 ? '–' : `${((100 * killed) / differing).toFixed(0)} %`
  return [name, String(rows.length / 2), ...columns.map((column) => String(tally.get(column) ?? 0)), share]
}

function columnOf({ type }: Verdict): string {
  const column = { killed: 'killed', survived: 'survived', 'no difference': 'same', 'not reached': 'unreached' }
  return column[type as keyof typeof column] ?? 'open'
}

export function said(verdict: Verdict): string {
  switch (verdict.type) {
    case 'killed': {
      const { invariant, events, target } = verdict
      return `killed by ${invariant}${events > 0 ? ` in ${events} events` : ''} (${kindOf(target)})`
    }
    case 'survived':
      return `survives ${bound(verdict)}`
    case 'not finished':
      return `not finished: survives ${bound(verdict)}`
    case 'no difference':
      return 'no difference up to the bound'
    default:
      return verdict.type
  }
}

function bound({ targets, states, seeds }: { targets: number; states: number; seeds: number }): string {
  return `${targets} targets, ${states} states, ${seeds} seeds`
}

/** The model's name or the seed, without the bounds. */
function kindOf(target: string): string {
  return target.startsWith('seed ') ? target : target.split(' ')[0]!
}

function placeOf({ file, line }: Row): string {
  return `${file.replace(/^libs\//, '').replace('/src/', '/')}:${line}`
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

function table([head, ...rows]: readonly string[][]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head!), line(head!.map(() => '---')), ...rows.map(line)]
}
