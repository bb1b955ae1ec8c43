/** The tool that forces guards: it finds them, forces them without touching a file, and believes no mutant that hangs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ablate, mutantsOf, takeCensus } from '../src/ablation/ablate.ts'
import { filesOf } from '../src/ablation/areas.ts'
import type { Census, Verdict } from '../src/ablation/contract.ts'
import { findAllGuards, findGuards, type Guard } from '../src/ablation/guards.ts'
import { instrument } from '../src/ablation/instrument.ts'
import { Laboratory } from '../src/ablation/laboratory.ts'
import { noteOn, parseNotes } from '../src/ablation/notes.ts'
import { combine, renderMarkdown, reportOf, type Report } from '../src/ablation/report.ts'

const limits = { states: Infinity, walks: 0, seeds: 0 }

const source = `/** Leader epoch → high watermark: words in comments are no guards. */
export function step(state: State, epoch: number, error: number, names: Set<string>): boolean {
  if (epoch < state.epoch) return false
  if (error === KafkaError.FENCED_LEADER_EPOCH) return 'epoch' === state.kind
  const isRemote = state.isReady === true || names.has('isr')
  if ((state.pendingIsr?.includes(1) ?? isRemote) !== (state.highWatermark /* so far */ >= 3)) return true
  return maximalIsr(state as Leader).every((id) => id > 0)
}
`

describe('guards are found by their words', () => {
  const guards = findGuards({ path: 'libs/replication/src/small.ts', text: source }, 10)

  test('comparisons and look-ups in an ISR, nothing else', () => {
    expect(guards.map(({ id, line, text }) => [id, line, text])).toEqual([
      [10, 3, 'epoch < state.epoch'],
      [11, 6, '(state.pendingIsr?.includes(1) ?? isRemote) !== (state.highWatermark /* so far */ >= 3)'],
      [12, 6, 'state.pendingIsr?.includes(1)'],
      [13, 6, 'state.highWatermark /* so far */ >= 3'],
      [14, 7, 'maximalIsr(state as Leader).every((id) => id > 0)'],
    ])
  })

  test('a switch stands around each, also where one lies in another, and lines stay where they are', () => {
    const text = instrument(source, guards)
    expect(text).toContain('if ($decide(10, (epoch < state.epoch))) return false')
    expect(text).toContain('($decide(12, (state.pendingIsr?.includes(1))) ?? isRemote) !== ($decide(13, (')
    expect(text.split('\n').length).toBe(source.split('\n').length)
    expect(findGuards({ path: 'a.ts', text }).filter(({ text }) => text === 'epoch < state.epoch')).toHaveLength(1)
  })
})

test('notes say why mutants live', () => {
  const source = 'head\n\na.ts\n  b === c.epoch :: true :: who knows\n  d > e.epoch :: both :: time\n'
  expect(parseNotes(source)).toEqual([
    { file: 'a.ts', text: 'b === c.epoch', to: true, why: 'who knows' },
    { file: 'a.ts', text: 'd > e.epoch', to: null, why: 'time' },
  ])
  const file = 'libs/replication/src/follower.ts'
  expect(noteOn(file, 'highWatermark > log.highWatermark', true)).toContain('redundant')
  expect(noteOn(file, 'highWatermark > log.highWatermark', false)).not.toContain('redundant')
})

describe('guards of transactions', () => {
  const guards = findAllGuards([...filesOf('transactions'), ...filesOf('log')])
  const laboratory = new Laboratory({ guards, limits, targets: new URL('ablation-targets.ts', import.meta.url).href })
  let census: Census

  const guard = (file: string, text: string): Guard =>
    guards.find((candidate) => candidate.file.endsWith(file) && candidate.text === text)!
  const force = async (file: string, text: string, to: boolean): Promise<Verdict> => {
    const mutant = { guard: guard(file, text), to }
    const [result] = await ablate(laboratory, census, [mutant], { seconds: 20, endlessMs: 15_000 })
    return result!.verdict
  }

  beforeAll(async () => void (census = await takeCensus(laboratory)))
  afterAll(() => laboratory.close())

  test('nothing is violated as long as nothing is forced', () => {
    expect(census.targets).toMatchObject([
      { name: 'transactions', run: { invariant: null, exhausted: true } },
      { name: 'endless', run: { invariant: null } },
      { name: 'seed of trouble', run: { hash: 'false' } },
    ])
  })

  test('an EndTxn of any epoch ends the next transaction: T2, in as many events as Z22 needs', async () => {
    const verdict = await force('end-transaction.ts', 'epoch === current.producerEpoch', true)
    expect(verdict).toMatchObject({ type: 'killed', by: 'safety', invariant: 'T2', target: 'transactions', events: 16 })
  })

  test('a marker that no log takes leaves a transaction open for ever: L5', async () => {
    const verdict = await force('producer-state.ts', 'marker.producerEpoch < entry.epoch', true)
    expect(verdict).toMatchObject({ type: 'killed', by: 'liveness', invariant: 'L5' })
  })

  test('a guard that matters to nobody here survives, with what was run', async () => {
    const verdict = await force('sweeps.ts', 'current.producerEpoch === request.producerEpoch', false)
    expect(verdict).toMatchObject({ type: 'survived', targets: 1, seeds: 0 })
  })

  test('an endless run is ended, and the next mutant gets a process of its own', async () => {
    const endless = census.targets.findIndex(({ name }) => name === 'endless')
    const before = laboratory.started
    expect(await laboratory.run(endless, { id: 0, to: true }, 300)).toEqual({
      type: 'endless',
      why: 'no answer in 0.3 s',
    })
    expect(await laboratory.run(endless, null, 15_000)).toMatchObject({ type: 'ran', run: { hash: '0' } })
    expect(laboratory.started).toBe(before + 1)
  })

  test('what outlives a mutant is noticed, and who came after it is judged again', async () => {
    const before = laboratory.started
    const spoiler = { guard: guards[1]!, to: true }
    expect(await ablate(laboratory, census, [spoiler], { seconds: 20 })).toMatchObject([
      { verdict: { type: 'survived', targets: 1, seeds: 1 } },
    ])
    expect(laboratory.started).toBe(before + 1)
    laboratory.close()
  })

  test('a guard that always has the forced value is not run, and late mutants are not run', async () => {
    const always = guards.find(({ id }) => census.targets.every(({ seen }) => seen[id] !== 3 && seen[id] !== 2))!
    const options = { seconds: 20 }
    const mutants = mutantsOf([always])
    expect((await ablate(laboratory, census, mutants, options)).at(-1)).toMatchObject({
      mutant: { to: false },
      verdict: { type: expect.stringMatching(/^(no difference|not reached)$/) },
    })
    const late = await ablate(laboratory, census, mutants, { ...options, isOver: () => true })
    expect(late.map(({ verdict }) => verdict.type)).toEqual(['not run', 'not run'])
    const report = reportOf('abc', limits, 20, census, late)
    expect(renderMarkdown(report)).toContain('| all | 1 | 2 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 2 | – |')
  })

  test('a later pass has the last word, unless it comes less far', async () => {
    const mutants = mutantsOf([guard('end-transaction.ts', 'epoch === current.producerEpoch')])
    const judged = (...types: Verdict[]): Report =>
      reportOf(
        'abc',
        limits,
        20,
        census,
        mutants.map((mutant, index) => ({ mutant, verdict: types[index]! })),
      )
    const far = { targets: 3, states: 9, seeds: 9 }
    const before = judged({ type: 'survived', ...far }, { type: 'no difference' })
    const after = judged({ type: 'not finished', ...far }, { type: 'not finished', ...far })
    expect(combine(before, after).mutants.map(({ verdict }) => verdict)).toEqual([
      { type: 'survived', ...far },
      { type: 'not finished', ...far },
    ])
    const later = judged({ type: 'not run' }, { type: 'survived', ...far })
    expect(combine(before, later).mutants.map(({ verdict }) => verdict.type)).toEqual(['survived', 'survived'])
    expect(combine(before, later).passes).toHaveLength(2)
  })
})
