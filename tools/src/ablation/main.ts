/**
 * `npm run ablation`: which guards of the protocols are needed, and which invariant says so.
 *
 * A mutant lives in a switch at its guard, put in while modules are loaded; see instrument.ts, ablate.ts.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { root } from '../repository.ts'
import { ablate, mutantsOf, takeCensus } from './ablate.ts'
import { areaNames, areaOf, filesOf, type Area } from './areas.ts'
import type { Mutant } from './contract.ts'
import { findAllGuards, type Guard } from './guards.ts'
import { Laboratory } from './laboratory.ts'
import { combine, keyOf, renderMarkdown, renderText, reportOf, said, type Report } from './report.ts'

const usage = `npm run ablation -- [options]: force each guard of the protocols true and false, and see who notices

  --area NAMES         ${areaNames.join('|')}, with commas between several (all)
  --guards PATTERN     only guards whose "file:line text" matches this regular expression
  --targets PATTERN    only configurations and seeds whose names match this regular expression (all)
  --states N           worlds of each model configuration (10000)
  --walks N            random walks through each configuration that these do not exhaust (20)
  --seeds N            whole-cluster runs (10)
  --seconds N          for each mutant (60)
  --minutes N          begin no mutant after it; the rest is reported as not run
  --format FORMAT      text, json or markdown (text)
  --out FILE           write there instead of to the terminal
  --again FILE         only what survives in this JSON report, with larger limits; the result is about all of it
  --from FILE          render this JSON report of an earlier run, and run nothing

An interrupt (Ctrl-C) ends it after the mutant that is running, with a report.

Exit code: 0 when done, 2 for wrong use.
`

const { values } = parseArgs({
  options: {
    area: { type: 'string' },
    guards: { type: 'string', default: '' },
    targets: { type: 'string', default: '' },
    states: { type: 'string', default: '10000' },
    walks: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
    minutes: { type: 'string' },
    format: { type: 'string', default: 'text' },
    out: { type: 'string' },
    again: { type: 'string' },
    from: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const render: Record<string, (report: Report) => string> = {
  text: renderText,
  json: (report) => `${JSON.stringify(report, null, 1)}\n`,
  markdown: renderMarkdown,
}

if (values.help) {
  process.stdout.write(usage)
} else {
  const shown = render[values.format] ?? wrongUse(`unknown format ${values.format}`)
  const text = shown(values.from === undefined ? await run() : read(values.from))
  if (values.out === undefined) process.stdout.write(text)
  else writeFileSync(values.out, text)
}

async function run(): Promise<Report> {
  const limits = { states: count('states'), walks: count('walks'), seeds: count('seeds') }
  const seconds = count('seconds')
  let until = values.minutes === undefined ? Infinity : Date.now() + count('minutes') * 60_000
  process.once('SIGINT', () => (until = 0))
  const guards = findAllGuards(areaNames.flatMap(filesOf))
  const before = values.again === undefined ? null : read(values.again)
  const chosen = alive(mutantsOf(choose(guards)), before)
  console.error(`${guards.length} guards, ${chosen.length} mutants`)
  const laboratory = new Laboratory({ guards, limits })
  try {
    const census = await takeCensus(laboratory, new RegExp(values.targets))
    console.error(`${census.targets.length} targets`)
    const results = await ablate(laboratory, census, chosen, {
      seconds,
      isOver: () => Date.now() >= until,
      progress: (done, of, { mutant: { guard, to }, verdict }) =>
        console.error(`${done}/${of} ${guard.file}:${guard.line} ${guard.text} → ${to}: ${said(verdict)}`),
    })
    const report = reportOf(commit(), limits, seconds, census, results)
    return before === null ? report : combine(before, report)
  } finally {
    laboratory.close()
  }
}

function choose(guards: readonly Guard[]): Guard[] {
  const areas = values.area?.split(',') ?? areaNames
  for (const area of areas) if (!areaNames.includes(area as Area)) wrongUse(`unknown area ${area}`)
  const pattern = new RegExp(values.guards)
  return guards.filter(
    ({ file, line, text }) => areas.includes(areaOf(file)) && pattern.test(`${file}:${line} ${text}`),
  )
}

/** Those that an earlier run has not killed. */
function alive(mutants: readonly Mutant[], before: Report | null): Mutant[] {
  const killed = before?.mutants.filter(({ verdict }) => verdict.type === 'killed').map(keyOf)
  const dead = new Set(killed)
  return mutants.filter(({ guard: { file, line, text }, to }) => !dead.has(keyOf({ file, line, guard: text, to })))
}

function read(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}

function count(name: 'states' | 'walks' | 'seeds' | 'seconds' | 'minutes'): number {
  const value = Number(values[name])
  return Number.isFinite(value) && value >= 0 ? value : wrongUse(`--${name} is a number`)
}

function commit(): string {
  const { stdout } = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=10'], {
    cwd: root,
    encoding: 'utf8',
  })
  return stdout?.trim() || 'unknown'
}

function wrongUse(complaint: string): never {
  console.error(`ablation: ${complaint}\n\n${usage}`)
  process.exit(2)
}
