/** Pipelines that the tests of `simulate` run. */
import { int64, json, string } from '@troupe/client/serdes'
import { pipeline } from '@troupe/pipeline/dsl/pipeline'
import { sessions, tumbling, within } from '@troupe/pipeline/windows'
import type { Draw, InputRecord, Inputs, Scenario } from '../../src/pipeline/scenario.ts'

const words = ['to', 'be', 'or', 'not', 'that', 'is']

function lines(draw: Draw): Inputs {
  const line = (): string => Array.from({ length: 1 + draw.below(4) }, () => draw.pick(words)).join(' ')
  return { lines: Array.from({ length: 40 }, (_, index) => ({ key: `line-${index}`, value: line() })) }
}

export const wordCount: Scenario = {
  pipeline: pipeline('word-count', (p) => {
    p.stream('lines', { key: string, value: string })
      .flatMap((_key, line) => line.split(' ').map((word) => [word, word] as const))
      .groupByKey({ key: string, value: string })
      .count({ store: 'counts', key: string, value: int64 })
      .toStream()
      .to('word-counts', { key: string, value: int64 })
  }),
  inputs: lines,
}

export const upperCase: Scenario = {
  pipeline: pipeline('upper-case', (p) => {
    p.stream('lines', { key: string, value: string })
      .mapValues((line) => line.toUpperCase())
      .to('loud', { key: string, value: string })
  }),
  inputs: lines,
}

const start = 1_700_000_000_000
const devices = ['a', 'b', 'c']

/** Readings whose event time is up to a minute late. */
function readings(draw: Draw): Inputs {
  const reading = (_: unknown, index: number): InputRecord => ({
    key: draw.pick(devices),
    value: String(draw.below(100)),
    timestamp: start + index * 5000 - draw.below(3) * draw.below(60_000),
  })
  return { readings: Array.from({ length: 60 }, reading) }
}

const larger = (one: string, other: string): string => (Number(one) >= Number(other) ? one : other)

export const windows: Scenario = {
  pipeline: pipeline('windows', (p) => {
    p.stream('readings', { key: string, value: string })
      .groupByKey({ key: string, value: string })
      .windowedBy(tumbling(30_000, 10_000))
      .reduce(larger, { store: 'highest', key: string, value: string })
      .toStream((window) => `${window.key}@${window.start}`)
      .to('highest', { key: string, value: string })
  }),
  inputs: readings,
}

/** One result for each window, held back by a store that its changelog remembers. */
export const finalWindows: Scenario = {
  pipeline: pipeline('final-windows', (p) => {
    p.stream('readings', { key: string, value: string })
      .groupByKey({ key: string, value: string })
      .windowedBy(tumbling(30_000, 10_000))
      .reduce(larger, { store: 'highest', key: string, value: string })
      .suppress('untilWindowCloses')
      .toStream((window) => `${window.key}@${window.start}`)
      .to('final', { key: string, value: string })
  }),
  inputs: readings,
}

export const sessionCounts: Scenario = {
  pipeline: pipeline('session-counts', (p) => {
    p.stream('readings', { key: string, value: string })
      .groupByKey({ key: string, value: string })
      .windowedBy(sessions(20_000, 5000))
      .count({ store: 'visits', key: string, value: int64 })
      .toStream((window) => `${window.key}@${window.start}`)
      .to('visits', { key: string, value: int64 })
  }),
  inputs: readings,
}

/** Orders meet the customer as it is known when they come. */
export const enriched: Scenario = {
  pipeline: pipeline('enriched', (p) => {
    const customers = p.table('customers', { key: string, value: string, store: 'customers' })
    p.stream('orders', { key: string, value: string })
      .leftJoin(customers, (order, customer) => `${order} by ${customer}`)
      .to('enriched', { key: string, value: string })
  }),
  inputs: (draw) => ({
    customers: Array.from({ length: 20 }, (_, n) => ({ key: draw.pick(devices), value: `name-${n}` })),
    orders: Array.from({ length: 30 }, (_, n) => ({ key: draw.pick(devices), value: `order-${n}` })),
  }),
}

export const clicks: Scenario = {
  pipeline: pipeline('clicks', (p) => {
    const shown = p.stream('shown', { key: string, value: string })
    const clicked = p.stream('clicked', { key: string, value: string })
    shown
      .join(clicked, (one, other) => `${one}/${other}`, within(15_000, { graceMs: 5000 }), {
        key: string,
        value: string,
        otherValue: string,
      })
      .to('conversions', { key: string, value: string })
  }),
  inputs: (draw) => ({
    shown: Array.from({ length: 25 }, (_, n) => ({
      key: draw.pick(devices),
      value: `s${n}`,
      timestamp: start + n * 4000,
    })),
    clicked: Array.from({ length: 25 }, (_, n) => ({
      key: draw.pick(devices),
      value: `c${n}`,
      timestamp: start + n * 4000 + draw.below(9000),
    })),
  }),
}

/** Brokers refuse every record: they come from next year. */
export const refused: Scenario = {
  pipeline: upperCase.pipeline,
  inputs: { lines: Array.from({ length: 10 }, () => ({ key: 'a', value: 'b', timestamp: start + 365 * 86_400_000 })) },
}

/** Ends in a system that keeps our offsets beside our records. */
export const outside: Scenario = {
  pipeline: pipeline('outside', (p) => {
    p.stream('lines', { key: string, value: string })
      .filter((_key, line) => line.includes('be'))
      .toSink({
        name: 'ledger',
        open: () => {
          throw new Error('simulated runs have an outside system of their own')
        },
      })
  }),
  inputs: lines,
}

/** A side effect that no transaction holds back. */
export const mails: Scenario = {
  pipeline: pipeline('mails', (p) => {
    p.stream('lines', { key: string, value: string }).foreach(() => {})
  }),
  inputs: lines,
}

export const deadLetters: Scenario = {
  pipeline: pipeline('dead-letters', (p) => {
    p.stream('lines', { key: string, value: json<{ amount: number }>() })
      .mapValues(({ amount }) => amount * 2)
      .to('doubled', { key: string, value: json<number>() })
  }),
  inputs: (draw) => ({
    lines: Array.from({ length: 40 }, (_, n) =>
      draw.below(4) === 0
        ? { key: new TextEncoder().encode(`k${n}`), value: new TextEncoder().encode('not json'), raw: true }
        : { key: `k${n}`, value: { amount: n } },
    ),
  }),
  properties: {
    'errors.dead.letter.queue.topic.name': 'dead',
    'deserialization.exception.handler': 'dead-letter',
    'processing.exception.handler': 'dead-letter',
  },
}

/** Counts in a variable of its own: what a crash forgets and an abort does not take back. */
export const forgetful: Scenario = {
  pipeline: () => {
    let count = 0
    return pipeline('forgetful', (p) => {
      p.stream('lines', { key: string, value: string })
        .mapValues((line) => `${++count}: ${line}`)
        .to('numbered', { key: string, value: string })
    })
  },
  inputs: lines,
  instances: 1,
  partitions: { lines: 1 },
}
