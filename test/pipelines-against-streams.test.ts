/**
 * Pipelines beside Kafka Streams on the same brokers: the same topologies, once by each, on the same input topics, under
 * exactly_once_v2, give the same committed records, in topics of the same names, partitions and properties; and each goes
 * on where the other has stopped.
 *
 * What the engines do with a record is compared in libs/pipeline (`streams.java.test.ts`), with all topologies and without
 * brokers. Here is what only brokers show: tasks, committed offsets, internal topics, transactions.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { targets, type Target } from './support/client-targets.ts'
import { streamsPeer, type Engine } from './support/streams-engines.ts'
import type { Row } from './support/streams-records.ts'
import { Trial, type Seen } from './support/streams-trial.ts'

const classpath = streamsPeer()
const skipped = typeof classpath !== 'string'

/** `TOPOLOGIES=reduce,to-table` runs those instead: any that the pipeline library compares. */
const chosen = process.env.TOPOLOGIES?.split(',')

const everything = [
  'word-count',
  'reduce',
  'tumbling',
  'hopping',
  'windowed-reduce',
  'session',
  'suppress-tumbling',
  'table-aggregate',
  'table-count',
  'stream-table',
  'stream-table-rekeyed',
  'stream-stream-left',
  'stream-stream-rekeyed',
  'table-table-outer',
  'aggregates-joined',
  'repartition-chain',
  'branch-merge',
]
const some: Record<Target, readonly string[]> = {
  Troupe: everything,
  'Apache Kafka': ['word-count', 'tumbling', 'stream-table'],
}

/** Topologies whose tasks wait for what others of them still write. */
const idleMs = (name: string): number => (/rekeyed/.test(name) ? 5000 : 0)

/** Two tasks write for the same key: the order is that of the moment, and times are those of the latest. */
const interleaved = new Set(['repartition-chain'])

/** Begun by the one, ended by the other. */
const taken = ['word-count', 'tumbling', 'session', 'suppress-tumbling', 'stream-stream-left']

/** At a time: an application costs memory and turns of two processors. */
const LANES = 4

describe.skipIf(skipped).each(targets)(`%s${skipped ? ` (skipped: ${classpath.skipped})` : ''}`, (target) => {
  const names = chosen ?? some[target]
  const takeOvers = taken.filter((name) => names.includes(name))
  const lane = lanes(LANES)
  const results = new Map<string, Promise<Seen>>()
  const result = (id: string): Promise<Seen> => results.get(id)!
  let trial: Trial

  beforeAll(async () => {
    trial = await Trial.start(target, classpath as string)
    const { ours, streams } = trial
    const plan = takeOvers.flatMap((name): [string, string, Engine, Engine][] => [
      [name, `${name}-taken-by-troupe`, streams, ours],
      [name, `${name}-taken-by-streams`, ours, streams],
    ])
    await trial.feed(0)
    await Promise.all(
      plan.map(async ([name, id, first]) => {
        await trial.createOutputs(name, id)
        await lane(() => trial.run(first, name, id))
      }),
    )
    await trial.feed(1)
    const start = (id: string, work: () => Promise<void>): void => {
      const seen = lane(async () => {
        await work()
        return trial.see(id)
      })
      // Whoever waits for it hears of it.
      seen.catch(() => {})
      results.set(id, seen)
    }
    if (names.includes('word-count')) start('crashed', () => crash(trial, 'word-count', 'crashed'))
    for (const name of names) {
      for (const [by, engine] of [
        ['streams', streams],
        ['troupe', ours],
      ] as const) {
        const id = `${name}-by-${by}`
        start(id, async () => {
          await trial.createOutputs(name, id)
          await trial.run(engine, name, id, idleMs(name))
        })
      }
    }
    for (const [name, id, , second] of plan) start(id, () => trial.run(second, name, id))
  })

  afterAll(async () => {
    await Promise.allSettled(results.values())
    await trial?.close()
  })

  test.each(names)('%s', async (name) => {
    const theirs = await result(`${name}-by-streams`)
    const mine = await result(`${name}-by-troupe`)
    expect(shapes(mine)).toEqual(shapes(theirs))
    expect(contents(mine, interleaved.has(name))).toEqual(contents(theirs, interleaved.has(name)))
    expect(mine.offsets).toEqual(theirs.offsets)
    const outputs = [...theirs.topics].filter(([topic]) => !isInternal(topic))
    expect(outputs.reduce((sum, [, { rows }]) => sum + rows.length, 0)).toBeGreaterThan(10)
  })

  test.runIf(names.includes('tumbling'))('some of the input came too late for its window', async () => {
    const { topics } = await result('tumbling-by-streams')
    const keyed = trial.fed.filter(({ topic, key }) => topic === 'a' && key !== null)
    expect(topics.get('out')!.rows.length).toBeLessThan(keyed.length)
  })

  test.each(takeOvers)('%s: begun by Kafka Streams, ended by Troupe', async (name) => {
    const whole = await result(`${name}-by-streams`)
    const mine = await result(`${name}-taken-by-troupe`)
    expect(shapes(mine)).toEqual(shapes(whole))
    expect(contents(mine, false)).toEqual(contents(whole, false))
  })

  test.each(takeOvers)('%s: begun by Troupe, ended by Kafka Streams', async (name) => {
    const whole = await result(`${name}-by-streams`)
    const theirs = await result(`${name}-taken-by-streams`)
    expect(shapes(theirs)).toEqual(shapes(whole))
    expect(contents(theirs, false)).toEqual(contents(whole, false))
  })

  test.runIf(names.includes('word-count'))('word-count: crashed in Troupe, ended by Kafka Streams', async () => {
    const whole = await result('word-count-by-streams')
    const theirs = await result('crashed')
    expect(contents(theirs, false)).toEqual(contents(whole, false))
    expect(theirs.offsets).toEqual(whole.offsets)
  })

  test('not both at the same time: their assignors have different names', async () => {
    const { ours, streams } = trial
    const id = 'both'
    await trial.createOutputs('reduce', id)
    await streams.start('reduce', id, 0)
    await expect(ours.start('reduce', id, 0)).rejects.toThrow(/INCONSISTENT_GROUP_PROTOCOL/)
    expect(streams.failure(id)).toBeNull()
    await streams.stop(id)
  })
})

/** Killed while it runs with us, ended by Kafka Streams. */
async function crash(trial: Trial, name: string, id: string): Promise<void> {
  await trial.createOutputs(name, id)
  await trial.ours.startAndCrash(name, id)
  await trial.deserted(id)
  if ((await trial.behind(name, id)) === '') throw new Error('it had nothing left to do when it crashed')
  await trial.run(trial.streams, name, id)
}

/** Runs so many at a time, in the order of asking. */
function lanes(free: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

const isInternal = (topic: string): boolean => /-(repartition|changelog)$/.test(topic)

function shapes({ topics }: Seen): object {
  return Object.fromEntries(
    [...topics].map(([topic, { partitions, replicas, configs }]) => [topic, { partitions, replicas, configs }]),
  )
}

function contents({ topics }: Seen, isInterleaved: boolean): object {
  return Object.fromEntries(
    [...topics].map(([topic, { rows }]) => {
      if (/^KSTREAM-(JOIN|OUTER)(THIS|OTHER)-.*-changelog$/.test(topic))
        return [topic, byKey(rows.map(unnumbered), true)]
      if (topic.endsWith('-changelog')) return [topic, lastOfKeys(rows, isInterleaved || /SUPPRESS/.test(topic))]
      return [topic, byKey(rows, isInterleaved)]
    }),
  )
}

/** For each partition and key what was written, in order. Without a key a record goes to any partition. */
function byKey(rows: readonly Row[], isInterleaved: boolean): object {
  const keys: Record<string, string[]> = {}
  for (const { partition, key, value, what } of rows) {
    const name = key === null ? 'null' : `${partition}: ${key}`
    ;(keys[name] ??= []).push(isInterleaved ? String(value) : what)
  }
  for (const [name, values] of Object.entries(keys)) if (isInterleaved || name === 'null') values.sort()
  return keys
}

/**
 * The last four bytes of a join buffer's key number records of the same key and time: in Kafka Streams from 1 again after
 * a restart, here from where they were.
 */
function unnumbered(row: Row): Row {
  return { ...row, key: row.key!.slice(0, -8), value: row.what }
}

/** What a store is restored to. What `suppress` logs has the producer's time. */
function lastOfKeys(rows: readonly Row[], withoutTime: boolean): object {
  const last: Record<string, string> = {}
  for (const { partition, key, value, timestamp } of rows) {
    const name = `${partition}: ${key}`
    if (value === null) delete last[name]
    else last[name] = withoutTime ? value : `${value} @${timestamp}`
  }
  return last
}
