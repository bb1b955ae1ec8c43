/** The zoo's table as a page of the documents: `npm run -s lab -- zoo --format markdown`. */
import { cpus, loadavg } from 'node:os'

/** A case as `--format json` has it. */
export interface Case {
  readonly case: string
  readonly title: string
  readonly source: string
  readonly safeguard: string
  readonly model: string
  readonly bounds: Readonly<Record<string, number>>
  readonly impossible: string | null
  readonly found: boolean
  readonly seeds?: number
  readonly states?: number | null
  readonly seconds: number
  readonly traceEvents: number
  readonly isShortest: boolean
  readonly invariant: string | null
  readonly exhausted: boolean
  readonly clean: { readonly events: number; readonly states: number; readonly exhausted: boolean }
  readonly ok: boolean
}

export interface AllOn {
  readonly events: number
  readonly states: number
  readonly cages: number
  /** Cages whose bounds were exhausted with all safeguards on, and in how many states. */
  readonly exhausted: number
  readonly exhaustedStates: number
  readonly violations: number
}

const traces = '../libs/simulator/test/zoo/traces'
const count = (value: number): string => value.toLocaleString('en-US')

export function renderZooPage(cases: readonly Case[], all: AllOn, cleanSeconds: number): string {
  const impossible = cases.filter((one) => one.impossible !== null)
  const found = cases.filter((one) => one.found)
  const slowest = Math.max(0, ...found.map(({ seconds }) => seconds))
  const longest = Math.max(0, ...found.map(({ traceEvents }) => traceEvents))
  const failed = cases.filter(({ ok }) => !ok).map((one) => one.case)
  const load = loadavg()[0]!.toFixed(1)
  return [
    '# The zoo',
    '',
    'Bugs of Kafka’s history, each behind one safeguard of the production actors (`libs/actor/src/safeguards.ts`).',
    '*Off*: the safeguard is off and the bug is looked for, breadth first (states) or by random walks (seeds); its',
    'shortest trace is a link. *On*: with all safeguards on the same model is searched within the same bounds, for the',
    'time that is given below; nothing may be found. [lab.md](lab.md) says how to read a trace.',
    '',
    '```sh',
    `npm run -s lab -- zoo --clean-seconds ${cleanSeconds} --format markdown > docs/zoo.md`,
    '```',
    '',
    `${new Date().toISOString().slice(0, 10)}, one of ${cpus().length} cores, load average ${load}: ` +
      `${found.length} bugs found, the slowest in ${slowest.toFixed(1)} s, the longest trace of ${longest} events; ` +
      `${impossible.length} impossible in our design, which is shown by exhausting the bounds with the safeguard off.` +
      (failed.length === 0 ? '' : ` **Not as expected: ${failed.join(', ')}.**`),
    '',
    `All on: ${count(all.events)} events and ${count(all.states)} states in ${all.cages} cages, ` +
      `${all.exhausted} of them exhausted (${count(all.exhaustedStates)} states), ${all.violations} violations.`,
    '',
    '| case | what goes wrong | source | safeguard | needed | seconds | events | invariant | on: states |',
    '| --- | --- | --- | --- | ---: | ---: | ---: | --- | ---: |',
    ...cases.map(row),
    '',
    'Events of a trace are choices of the schedule; where states are given, breadth-first search has shown that there is',
    'no shorter one. An invariant’s id is explained where it is checked (`libs/simulator/src/invariants`). On: `all` after',
    'the number of states means that the bounds were exhausted, `walks` that it was walked at random.',
    '',
    '## Impossible by construction',
    '',
    ...impossible.map((one) => `- **${one.case}** (\`${one.safeguard}\`; ${bounds(one)}): ${one.impossible!}`),
    '',
  ].join('\n')
}

function row(one: Case): string {
  const needed = one.seeds === undefined ? `${count(one.states ?? 0)} states` : `${count(one.seeds)} seeds`
  const events = one.found ? `[${one.traceEvents}](${traces}/${one.case}.txt)` : '–'
  const invariant = one.invariant ?? (one.impossible !== null && one.exhausted ? 'impossible' : '**not found**')
  const { clean } = one
  const on = clean.states === 0 ? 'walks' : `${count(clean.states)}${clean.exhausted ? ' all' : ''}`
  const cells = [one.case, one.title, one.source, `\`${one.safeguard}\``, needed, one.seconds.toFixed(2)]
  return `| ${[...cells, events, invariant, on].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function bounds({ model, bounds: limits, states }: Case): string {
  const set = Object.entries(limits).filter(([, value]) => value !== 0)
  return `\`${model}\` with ${set.map(([name, value]) => `${name}=${value}`).join(' ')}, all of ${count(states ?? 0)} states`
}
