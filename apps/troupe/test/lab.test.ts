/** `npm run lab`: every verb, its exit codes, its JSON, its traces there and back, and what it says to wrong use. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { lab, labJson } from './lab.ts'

const directory = mkdtempSync(join(tmpdir(), 'troupe-lab-'))
const file = (name: string): string => join(directory, name)
const read = (name: string): string => readFileSync(file(name), 'utf8')
afterAll(() => rmSync(directory, { recursive: true }))

interface RunDocument {
  seed: number
  events: number
  virtualMs: number
  hash: string
  violations: { invariant: string; detail: string; event: number }[]
  witnesses: Record<string, number>
}

/** Short, and without faults: what it finds, the safeguard that is off has let happen. */
const failing = ['--seed', '2', '--faults', 'none', '--virtual-seconds', '1', '--safeguards', 'verifyOnAppend=off']
const calm = ['--seed', '5', '--faults', 'none', '--virtual-seconds', '2']

describe('run', () => {
  it('says what came of a seed, the same each time', () => {
    const first = labJson<RunDocument>(0, 'run', ...calm)
    expect(first).toMatchObject({ seed: 5, violations: [] })
    expect(first.events).toBeGreaterThan(500)
    expect(first.virtualMs).toBeGreaterThan(2000)
    expect(first.hash).toMatch(/^[0-9a-f]{16}$/)
    expect(first.witnesses['replica: replica.leader']).toBeGreaterThan(0)
    expect(labJson<RunDocument>(0, 'run', ...calm, '--twice')).toEqual(first)
    const { code, out, err } = lab('run', ...calm)
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain(`hash ${first.hash}\n  clean\n`)
  })

  it('adds several seeds up', () => {
    const summary = labJson<RunDocument & { seeds: number; runs: RunDocument[] }>(0, 'run', ...calm, '--seeds', '2')
    expect(summary).toMatchObject({ seed: 5, seeds: 2, violations: [] })
    expect(summary.runs.map(({ seed }) => seed)).toEqual([5, 6])
    expect(summary.events).toBe(summary.runs[0]!.events + summary.runs[1]!.events)
  })
})

describe('a failing run', () => {
  it('ends with 1 and the violation', () => {
    const { violations } = labJson<RunDocument>(1, 'run', ...failing)
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatchObject({ invariant: 'L5' })
    expect(violations[0]!.detail).toMatch(/^data-\d at b\d: LSO \d+/)
  })

  it('is written, drawn in every form, run again and made short', () => {
    const { code, out, err } = lab('run', ...failing, '--no-shrink', '--out', file('run.ndjson'))
    expect([code, err]).toEqual([1, ''])
    expect(out).toMatch(/▲ L5: data-\d at b\d: LSO/)

    for (const form of ['table', 'svg', 'mermaid', 'edn', 'json']) {
      const drawn = lab('replay', file('run.ndjson'), '--format', form, '--out', file(form))
      expect([form, drawn]).toEqual([form, { code: 1, out: '', err: '' }])
    }
    expect(read('table')).toContain('off: verifyOnAppend')
    expect(read('svg')).toMatch(/^<svg xmlns[^]*<\/svg>\s*$/)
    expect(read('mermaid')).toMatch(/^sequenceDiagram\n/)
    expect(read('edn')).toMatch(/^\{:index 0, :time \d+, :type :invoke, :process \d+, :f :\w+, /)
    expect(Object.keys(JSON.parse(read('json')) as object)).toEqual(['header', 'events'])

    const again = lab('replay', file('run.ndjson'), '--run')
    expect([again.code, again.err, again.out]).toEqual([1, '', read('table')])

    const short = labJson<object>(1, 'shrink', file('run.ndjson'), '--runs', '6', '--out', file('short.ndjson'))
    expect(short).toMatchObject({ found: true, invariant: 'L5', off: ['verifyOnAppend'] })
    expect(lab('replay', file('short.ndjson'), '--run')).toMatchObject({ code: 1, err: '' })
  })
})

describe('check', () => {
  interface CheckDocument {
    exhausted: boolean
    states: number
    path: string[]
    violation: { invariant: string } | null
  }
  const votes = ['check', 'raft', '--bound', 'elections=2,records=0']

  it('exhausts a model, or says that it has not', () => {
    const all = labJson<CheckDocument>(0, 'check', 'raft', '--bound', 'elections=1', '--bound', 'records=0,crashes=0')
    expect(all).toMatchObject({ exhausted: true, violation: null, stoppedBy: null })
    const some = lab(...votes, '--max-states', '50')
    expect(some.code).toBe(0)
    expect(some.out).toContain('50 states')
    expect(some.out).toContain('not all')
  })

  it('finds what a safeguard is for, in a trace that is replayed and shrunk', () => {
    const open = ['--safeguards', 'raftSyncVote=off']
    const { violation, path } = labJson<CheckDocument>(1, ...votes, ...open, '--out', file('model.ndjson'))
    expect(violation).toMatchObject({ invariant: 'K5' })
    const table = lab('replay', file('model.ndjson'))
    expect(table.out.match(/^ *\d+ {2}/gm)).toHaveLength(path.length)
    expect(lab('replay', file('model.ndjson'), '--run')).toEqual(table)
    expect(labJson<object>(1, 'shrink', file('model.ndjson'))).toMatchObject({ found: true, events: path.length })
    const edn = lab('replay', file('model.ndjson'), '--format', 'edn')
    expect([edn.code, edn.out]).toEqual([2, ''])
    expect(edn.err).toBe(
      'lab: a trace of the model raft has no history of clients: only runs of the cluster have one\n',
    )
  })

  it('lists the models', () => {
    const models = labJson<{ name: string; bounds: object }[]>(0, 'check')
    expect(models.map(({ name }) => name)).toEqual(expect.arrayContaining(['replication', 'transactions', 'raft']))
    expect(lab('check').out).toContain('voters=3')
  })
})

describe('zoo', () => {
  it('opens the cages that are asked for', () => {
    const args = ['zoo', 'Z21', 'z33e', '--clean-seconds', '0.1']
    const { cases, allOn } = labJson<{ cases: Record<string, unknown>[]; allOn: object }>(0, ...args)
    expect(cases.map((one) => [one.case, one.safeguard, one.found, one.invariant, one.traceEvents])).toEqual([
      ['Z21-verify-on-append', 'verifyOnAppend', true, 'T4', expect.any(Number)],
      ['Z21-verification-guard', 'verificationGuard', true, 'T4', expect.any(Number)],
      ['Z33e', 'raftObserverFlush', false, null, 0],
    ])
    for (const one of cases) expect(Number(one.steps)).toBeGreaterThanOrEqual(Number(one.traceEvents))
    for (const one of cases) expect([one.states, one.seconds]).toEqual([expect.any(Number), expect.any(Number)])
    expect(allOn).toMatchObject({ cages: 3, violations: 0 })
    expect(Object.keys(allOn)).toEqual(expect.arrayContaining(['events', 'states', 'exhausted']))
  })

  it('writes the traces, and columns that hold the longest names', () => {
    const { code, out } = lab('zoo', 'Z23', 'Z22-epoch', '--clean-seconds', '0.1', '--traces', file('traces'))
    expect(code).toBe(0)
    expect(readdirSync(file('traces'))).toEqual(['Z22-epoch-per-transaction.txt', 'Z23.txt'])
    const [head, ...rows] = out.split('\n')
    const column = head!.indexOf('safeguard')
    expect(rows[0]!.slice(column)).toMatch(/^epochPerTransaction /)
    expect(rows[1]!.slice(column)).toMatch(/^tv2GuardOnCompleting /)
  })
})

it('makes a page of the documents of the zoo', () => {
  const { code, out, err } = lab('zoo', 'Z33e', 'Z23', '--clean-seconds', '0.1', '--format', 'markdown')
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^# The zoo\n/)
  expect(out).toMatch(/^\| Z23 \| .* \| \d+ states \| .* \| T4 \| /m)
  expect(out).toMatch(/^\| Z33e \| .* \| impossible \| /m)
  expect(out).toMatch(/^- \*\*Z33e\*\* \(`raftObserverFlush`; `raft` with voters=2 /m)
})

describe('soak', () => {
  it('runs seeds in threads, some of them twice', () => {
    const args = ['soak', '--events', '1', '--threads', '2', '--double', '1']
    const sum = labJson<Record<string, number>>(0, ...args)
    expect(sum).toMatchObject({ violations: [], firstSeed: 1, threads: 2, doubleRuns: 1 })
    expect(sum.seeds).toBeGreaterThanOrEqual(2)
    expect(sum.events).toBeGreaterThan(1000)
  })

  it('ends when its time is used up, but not before it has run anything', () => {
    const { code, out } = lab('soak', '--minutes', '0.001', '--first-seed', '5')
    expect(code).toBe(0)
    expect(out).toMatch(/^1 seeds, [\d,]+ events, 0 violations, 0 seeds run twice, in [\d.]+ s/)
  })
})

describe('wrong use', () => {
  const noOptions = '{"format":"troupe-trace","version":1,"model":"cluster","off":[],"options":{}}\n'
  const strange = '{"format":"troupe-trace","version":1,"model":"nobody","off":[],"options":{}}\n'
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /^which verb/],
    ['bogus', /^unknown command 'bogus'/],
    ['run', /--seed <n>' not specified/],
    ['run --seed x', /invalid value x for --seed/],
    ['run --seed 1 extra', /too many arguments/],
    ['run --seed 1 --wat', /unknown option '--wat'/],
    ['run --seed 1 --faults rain', /unknown fault rain: known are kill, /],
    ['run --seed 1 --brokers 0', /invalid value 0 for --brokers/],
    ['run --seed 1 --safeguards verifyOnApend=off', /unknown safeguard verifyOnApend; did you mean verifyOnAppend/],
    ['run --seed 1 --safeguards verifyOnAppend', /can be on or off, not nothing/],
    ['run --seed 1 --format xml', /unknown format xml: known are text, json/],
    ['run --seed 1 --out /nowhere/at/all', /^cannot write \/nowhere\/at\/all: /],
    ['check raf', /unknown model raf: known are .*\braft\b/],
    ['check raft --bound moons=1', /unknown bound of raft moons: known are voters, /],
    ['check raft --bound voters', /a bound is name=number, not voters/],
    ['check raft --bound voters=40', /raft has no world with these bounds: 40 interchangeable nodes/],
    ['zoo Z21 Z99', /no case Z99 in the zoo/],
    ['shrink', /needs a trace, or --seed/],
    ['shrink DIR/strange.ndjson', /a model nobody, which is not known here/],
    ['shrink DIR/strange.ndjson --faults kill', /a trace says itself/],
    ['replay', /missing required argument 'file'/],
    ['replay DIR/missing', /^cannot read .*missing: ENOENT/],
    ['replay DIR/notes.txt', /notes.txt is not a trace: line 1: not JSON/],
    ['replay DIR/no-options.ndjson --run', /cannot be run again: its header lacks options/],
    ['soak --minutes 0', /invalid value 0 for --minutes/],
    ['soak --threads none', /invalid value none for --threads/],
  ]

  it.each(wrong)('lab %s', (typed, message) => {
    writeFileSync(file('notes.txt'), 'hello\n')
    writeFileSync(file('no-options.ndjson'), noOptions)
    writeFileSync(file('strange.ndjson'), strange)
    const { code, out, err } = lab(
      ...typed
        .split(' ')
        .filter(Boolean)
        .map((word) => word.replace('DIR', directory)),
    )
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^lab: [^\n]+\n$/)
    expect(err.slice('lab: '.length)).toMatch(message)
  })

  it('says nothing on standard output for tools either', () => {
    expect(lab('check', 'raf', '--format', 'json')).toMatchObject({ code: 2, out: '' })
  })
})

it('helps without being asked twice', () => {
  for (const args of [['--help'], ['help', 'run'], ['zoo', '--help']]) {
    const { code, out, err } = lab(...args)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^Usage: lab /)
  }
})
