/**
 * Every rendering of one small trace against its committed text. After a change that is meant, the new texts are
 * written with `vitest --update` and read before they are committed.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderEdn } from '../../src/render/edn.ts'
import { renderMermaid } from '../../src/render/mermaid.ts'
import { readTrace, writeTrace } from '../../src/render/ndjson.ts'
import { renderSvg } from '../../src/render/svg.ts'
import { renderTable } from '../../src/render/table.ts'
import { historyOf } from '../../src/render/edn.ts'
import { correctHistory } from '../history/world.ts'
import { clientEvent } from '../../src/render/edn.ts'
import type { Trace, TraceEvent } from '../../src/trace/format.ts'
import { smallTrace } from './small-trace.ts'
import { parseXml } from './xml.ts'

const ndjson = (trace: Trace): string => [...writeTrace(trace)].join('')

/** Anything that a trace can hold, with what is most likely to break a notation. */
const word = fc.oneof(
  fc.constantFrom('', 'b1', 'b2', 'c1', 'net', 'end', '<&">', '; %% {}', '#35;', '\n', 'a\u0000b\ud800', '-->> x', '"'),
  fc.string({ maxLength: 60 }),
)
const replica = fc.record({
  broker: fc.integer({ min: 1, max: 4 }),
  up: fc.boolean(),
  role: fc.constantFrom('leader', 'follower', 'none', 'offline', 'candidate'),
  leaderEpoch: fc.integer({ min: -1, max: 20 }),
  logEndOffset: fc.integer({ min: -1, max: 2 ** 40 }),
  highWatermark: fc.integer({ min: -1, max: 2 ** 40 }),
  lastStableOffset: fc.integer({ min: -1, max: 99 }),
})
const strip = fc.record({
  partition: word,
  leader: fc.integer({ min: -1, max: 4 }),
  leaderEpoch: fc.integer({ min: -1, max: 20 }),
  partitionEpoch: fc.integer({ min: 0, max: 20 }),
  isr: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
  replicas: fc.array(replica, { maxLength: 4 }),
})
const event = fc.record({
  at: fc.nat(),
  type: fc.constantFrom<TraceEvent['type'][]>('message', 'timer', 'fault', 'client', 'lost'),
  node: word,
  actor: word,
  from: word,
  kind: word,
  choice: word,
  detail: word,
  strips: fc.array(strip, { maxLength: 2 }),
})
const anyTrace: fc.Arbitrary<Trace> = fc
  .record({
    events: fc.array(event, { maxLength: 8 }),
    off: fc.array(word, { maxLength: 2 }),
    found: word,
    at: fc.nat(8),
  })
  .map(({ events, off, found, at }) => ({
    header: {
      ...smallTrace.header,
      off,
      violation: found === '' ? null : { invariant: 'R1', detail: found, event: at },
    },
    events: events.map((one, index) => ({ index, ...one })),
  }))

describe('a small trace', () => {
  it('as a table', async () => {
    await expect(renderTable(smallTrace)).toMatchFileSnapshot('golden/small.txt')
  })

  it('as a sequence diagram of mermaid', async () => {
    await expect(renderMermaid(smallTrace)).toMatchFileSnapshot('golden/small.mmd')
  })

  it('as a drawing', async () => {
    await expect(renderSvg(smallTrace)).toMatchFileSnapshot('golden/small.svg')
  })

  it('as a file of its own', async () => {
    await expect(ndjson(smallTrace)).toMatchFileSnapshot('golden/small.ndjson')
  })

  it('as the history of its clients', async () => {
    await expect((renderEdn(smallTrace) as { edn: string }).edn).toMatchFileSnapshot('golden/small.edn')
  })
})

describe('a trace of a model', () => {
  const events = smallTrace.events.map((one) => ({ ...one, at: one.index }))

  it('has no times, for its time is the number of the event', () => {
    const untimed = { ...smallTrace, events }
    expect(renderTable(untimed)).not.toMatch(/\bms\b/)
    expect(renderTable(untimed)).toContain(' what ')
    expect(renderSvg(untimed)).not.toContain(' ms<')
  })

  it('numbers its choices, and not the steps that follow in the same turn', () => {
    const choices = ['tick', '', '', 'crash b1', '']
    const steps = events.slice(0, 5).map((one, at) => ({ ...one, choice: choices[at]!, kind: `step-${at}` }))
    const violation = { invariant: 'R1', detail: 'gone', event: 4 }
    const trace = { header: { ...smallTrace.header, violation }, events: steps }
    const table = renderTable(trace)
    expect(table).toContain('2 events in 5 steps')
    expect(table).toContain('R1 is violated after event 2: gone')
    const numbered = table.split('\n').flatMap((line) => /^(\d+) .*(step-\d)/.exec(line)?.slice(1, 3) ?? [])
    expect(numbered).toEqual(['1', 'step-0', '2', 'step-3'])
    for (const at of [1, 2, 4]) expect(table).toMatch(new RegExp(`^ .*step-${at}`, 'm'))
    expect(renderMermaid(trace)).toMatch(/: .*2 step-3/)
    expect(renderMermaid(trace)).toMatch(/: (. )?step-4/)
  })

  it('has a cross and a broken lifeline where a node dies, by whatever name', () => {
    for (const kind of ['crash b1', 'power loss b1', 'power-loss', 'kill', 'replace disk b1']) {
      const died = { ...events[0]!, type: 'fault' as const, node: 'b1', kind }
      const elements = parseXml(renderSvg({ ...smallTrace, events: [died] }))
      expect(elements.filter(({ attributes }) => attributes['class'] === 'cross')).toHaveLength(1)
      expect(elements.filter(({ attributes }) => attributes['class'] === 'lifeline down')).toHaveLength(1)
      expect(renderMermaid({ ...smallTrace, events: [died] })).toContain(`✕ 0 ${kind}`)
    }
  })
})

describe('any trace', () => {
  it('makes a table of at most 140 columns in which nothing is left out', () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const table = renderTable(trace)
        for (const line of table.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(140)
        const squeezed = table.replaceAll(/\s/g, '')
        for (const { kind, strips } of trace.events) {
          if (kind.length < 20) expect(squeezed).toContain(kind.replaceAll(/\s/g, ''))
          for (const { isr } of strips) expect(squeezed).toContain(`isr${isr.join(',') || '-'}`)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('makes a drawing that is well-formed XML, with a cross for each loss and an arrow for each message', () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const elements = parseXml(renderSvg(trace))
        const isNode = (name: string) => name !== '' && name !== 'net'
        const arrows = trace.events.filter(
          ({ type, from, node }) => type !== 'lost' && isNode(from) && isNode(node) && from !== node,
        )
        expect(elements.filter(({ attributes }) => attributes['marker-end'] !== undefined)).toHaveLength(arrows.length)
        const crosses = elements.filter(({ attributes }) => attributes['class'] === 'cross').length
        expect(crosses).toBeGreaterThanOrEqual(trace.events.filter(({ type }) => type === 'lost').length)
      }),
      { numRuns: 300 },
    )
  })

  it('makes a diagram of lines that mermaid knows', () => {
    const name = 'n_?[A-Za-z0-9]+'
    const known = [
      /^ {2}%% [^{}%]*$/,
      new RegExp(`^ {2}participant ${name} as [^;<>]*(#\\w+;[^;<>]*)*$`),
      new RegExp(`^ {2}${name}(->>|-->>|-x)${name}: \\S`),
      new RegExp(`^ {2}Note over ${name}(,${name})?: \\S`),
    ]
    fc.assert(
      fc.property(anyTrace, (trace) => {
        const [first, ...lines] = renderMermaid(trace).trimEnd().split('\n')
        expect(first).toBe('sequenceDiagram')
        for (const line of lines) {
          expect(
            known.some((pattern) => pattern.test(line)),
            line,
          ).toBe(true)
          if (!line.startsWith('  %%')) expect(line.replaceAll(/#\w+;/g, '')).not.toMatch(/;|#/)
        }
        const participants = new Set(lines.flatMap((line) => /^ {2}participant (\S+)/.exec(line)?.[1] ?? []))
        for (const line of lines) {
          const used = /^ {2}(?:Note over (\S+):|(\S+?)(?:-->>|->>|-x)(\S+):)/.exec(line)
          for (const one of used?.slice(1).flatMap((names) => names?.split(',') ?? []) ?? []) {
            expect(participants.has(one), line).toBe(true)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('is read from its file as it was written', () => {
    fc.assert(
      fc.property(anyTrace, (trace) => {
        expect(readTrace(ndjson(trace))).toEqual({ trace, cut: false })
      }),
    )
  })
})

describe('a trace file', () => {
  const [header, ...events] = ndjson(smallTrace).trimEnd().split('\n')
  const errorOf = (...lines: readonly (string | undefined)[]) =>
    (readTrace(lines.join('\n')) as { error: string }).error

  it('may have empty lines, other line ends, and fields that nobody knows or that are left out', () => {
    const brief = '{"type":"fault","node":"b1","kind":"crash","mood":"sad"}\r'
    const read = readTrace(['', header, '', brief, ''].join('\n'))
    const filled = { index: 0, at: 0, actor: '', from: '', choice: '', detail: '', strips: [] }
    expect(read).toEqual({
      cut: false,
      trace: { header: smallTrace.header, events: [{ ...filled, type: 'fault', node: 'b1', kind: 'crash' }] },
    })
  })

  it('may end in the middle of a line', () => {
    const text = [header, events[0], events[1]!.slice(0, 30)].join('\n')
    expect(readTrace(text)).toEqual({ cut: true, trace: { ...smallTrace, events: smallTrace.events.slice(0, 1) } })
  })

  it('is refused with the line and the reason', () => {
    expect(errorOf('')).toBe('the file is empty')
    expect(errorOf('hello')).toBe('line 1: not JSON: hello')
    expect(errorOf('{"a":1}')).toBe('line 1: not a trace: the first line has no "format": "troupe-trace"')
    expect(errorOf('{"format":"troupe-trace","version":2}')).toBe('line 1: version 2 of the format is not known')
    expect(errorOf('[]')).toBe('line 1: an object was expected')
    expect(errorOf(header, events[0], '{"type":', events[1])).toBe('line 3: not JSON: {"type":')
    expect(errorOf(header, '{"type":"party","node":"b1","kind":"x"}')).toBe('line 2: an event of type "party"')
    expect(errorOf(header, '', '{"type":"timer","node":"b1"}')).toBe('line 3: "kind" is missing')
    expect(errorOf(header, '{"type":"timer","node":1,"kind":"x"}')).toBe('line 2: "node" is not a string')
    expect(errorOf(header, '{"type":"timer","node":"b1","kind":"x","strips":{}}')).toBe(
      'line 2: "strips" is not a list',
    )
    expect(
      errorOf(header, '{"type":"timer","node":"b1","kind":"x","strips":[{"partition":"t-0","replicas":[{}]}]}'),
    ).toBe('line 2: "broker" is missing')
  })
})

describe('the history in a trace', () => {
  it('is the history that the clients wrote', () => {
    const shape = { seed: 3, processes: 3, keys: 2, operations: 60, finalPolls: true }
    const history = correctHistory(shape).map((operation) => ({ ...operation, time: operation.time * 1e6 }))
    const events = history.map((operation, index) => ({
      ...smallTrace.events[0]!,
      ...clientEvent(operation),
      index,
      at: operation.time / 1e6,
    }))
    expect(historyOf({ ...smallTrace, events })).toEqual({ history })
  })

  it('is missed where there is none, and named where it cannot be read', () => {
    expect(renderEdn({ ...smallTrace, events: [] })).toEqual({ error: 'the trace carries no operations of clients' })
    const broken = { ...smallTrace.events[0]!, index: 9, detail: ':process 0, :value [[:send 1' }
    expect(renderEdn({ ...smallTrace, events: [broken] })).toEqual({
      error: 'event 9: line 1: unexpected }',
    })
  })
})
