/**
 * The topologies that Kafka Streams runs beside us: those of StreamsOracle.java, name by name. Functions work on text,
 * so that both languages agree on what they give.
 */
import { int64, string } from '@troupe/client/serdes'
import { pipeline, type Pipeline, type PipelineBuilder } from '../../src/dsl/pipeline.ts'
import { sessionWindowed, timeWindowed } from '../../src/dsl/serdes.ts'
import type { Stream } from '../../src/dsl/stream.ts'
import type { Table } from '../../src/dsl/table.ts'
import { hopping, sessions, tumbling, within } from '../../src/windows.ts'

type Text = string
const text = { key: string, value: string }
const counts = { key: string, value: int64 }

const stream = (p: PipelineBuilder, topic: string): Stream<Text, Text> => p.stream(topic, text)
const table = (p: PipelineBuilder, topic: string): Table<Text, Text> => p.table(topic, text)
const first = (value: string): string => value.slice(0, 1)
/** Input values may be missing; the pipelines that can see one say so. */
const firstOrNull = (_key: Text, value: Text): Text => (value === null ? null : first(value)) as Text
const slashed = (left: unknown, right: unknown): string => `${left}/${right}`

const described: Record<string, (p: PipelineBuilder) => void> = {
  'word-count': (p) =>
    stream(p, 'a')
      .flatMapValues((value) => (value === null ? [] : value.split('')))
      .groupBy((_key, value) => value, text)
      .count({ store: 'counts' })
      .toStream()
      .to('out', counts),
  reduce: (p) =>
    stream(p, 'a')
      .groupByKey()
      .reduce((left, right) => `${left}+${right}`, { store: 'reduced' })
      .toStream()
      .to('out', text),
  'aggregate-removes': (p) =>
    stream(p, 'a')
      .groupByKey()
      .aggregate(
        () => '' as string | null,
        (_key, value, aggregate) => (value === 'x' ? null : aggregate + value),
        { store: 'letters', value: string },
      )
      .toStream()
      .to('out', text as never),
  tumbling: (p) =>
    stream(p, 'a')
      .groupByKey()
      .windowedBy(tumbling(20, 10))
      .count({ store: 'windows' })
      .toStream()
      .to('out', { key: timeWindowed(string, 20), value: int64 }),
  hopping: (p) =>
    stream(p, 'a')
      .groupByKey()
      .windowedBy(hopping(30, 10, 5))
      .aggregate(
        () => '',
        (_key, value, aggregate) => aggregate + value,
        text,
      )
      .toStream()
      .to('out'),
  'windowed-reduce': (p) =>
    stream(p, 'a')
      .selectKey(firstOrNull)
      .groupByKey(text)
      .windowedBy(tumbling(50))
      .reduce((left, right) => left + right, text)
      .toStream((window) => `${window.key}@${window.start}`)
      .to('out', text),
  session: (p) =>
    stream(p, 'a')
      .filter((_key, value) => value !== null)
      .groupByKey()
      .windowedBy(sessions(10, 15))
      .aggregate(
        () => '',
        (_key, value, aggregate) => aggregate + value,
        (_key, left, right) => `${left}|${right}`,
        text,
      )
      .toStream()
      .to('out', { key: sessionWindowed(string), value: string }),
  'session-retained': (p) =>
    stream(p, 'a')
      .flatMapValues((value) => (value === null ? [] : value.split('')))
      .groupByKey(text)
      .windowedBy(sessions(10, 5))
      .aggregate(
        () => '',
        (_key, value, aggregate) => aggregate + value,
        (_key, left, right) => `${left}|${right}`,
        { store: 'kept', value: string, retentionMs: 10_000 },
      )
      .toStream()
      .to('out'),
  'session-count': (p) => stream(p, 'a').groupByKey().windowedBy(sessions(5)).count().toStream().to('out'),
  'session-reduce': (p) =>
    stream(p, 'a')
      .filter((_key, value) => value !== null)
      .groupByKey()
      .windowedBy(sessions(20, 5))
      .reduce((left, right) => left + right, { store: 'sessions' })
      .toStream()
      .to('out'),
  'table-aggregate': (p) =>
    table(p, 't')
      .groupBy((_key, value) => [first(value), value], text)
      .aggregate(
        () => '',
        (_key, value, aggregate) => `${aggregate}+${value}`,
        (_key, value, aggregate) => `${aggregate}-${value}`,
        { store: 'groups', value: string },
      )
      .toStream()
      .to('out', text),
  'table-reduce': (p) =>
    table(p, 't')
      .groupBy((_key, value) => [first(value), value], text)
      .reduce(
        (left, right) => `${left}+${right}`,
        (left, right) => (left === right ? null : `${left}-${right}`) as string,
      )
      .toStream()
      .to('out', text),
  'table-count': (p) =>
    table(p, 't')
      .groupBy((_key, value) => [first(value), value], text)
      .count()
      .filter((_key, count) => count > 1)
      .toStream()
      .to('out', counts),
  'table-views': (p) => {
    const rows = p.table('t', { ...text, store: 'rows' })
    rows
      .filter((_key, value) => !value.startsWith('x'))
      .mapValues((value) => `${value}!`)
      .toStream()
      .to('views', text)
    rows
      .mapValues((value) => value.toUpperCase(), { store: 'upper', ...text })
      .filter((_key, value) => value.length > 1, { store: 'long', ...text })
      .toStream()
      .to('stored', text)
    rows.toStream().to('out', text)
  },
  'stream-table': (p) => stream(p, 'a').join(table(p, 't'), slashed).to('out', text),
  'stream-table-left': (p) => stream(p, 'a').leftJoin(table(p, 't'), slashed).to('out', text),
  'stream-table-repartitioned': (p) => {
    const keyed = stream(p, 'a').selectKey(firstOrNull)
    keyed
      .leftJoin(
        table(p, 't').filter((_key, value) => !value.startsWith('x')),
        slashed,
        text,
      )
      .to('out', text)
  },
  'stream-stream': (p) => {
    const windows = within(0, { before: 10, after: 20, graceMs: 5 })
    stream(p, 'a').join(stream(p, 'b'), slashed, windows).to('out', text)
  },
  'stream-stream-left': (p) => {
    const windows = within(0, { before: 10, after: 15, graceMs: 5 })
    stream(p, 'a').leftJoin(stream(p, 'b'), slashed, windows).to('out', text)
  },
  'stream-stream-outer': (p) => {
    const windows = within(0, { before: 15, after: 10, graceMs: 10 })
    stream(p, 'a').outerJoin(stream(p, 'b'), slashed, windows).to('out', text)
  },
  'stream-stream-repartitioned': (p) =>
    stream(p, 'a')
      .selectKey(firstOrNull)
      .outerJoin(
        stream(p, 'b').map((key, value) => [firstOrNull(key, value), value]),
        slashed,
        within(10),
        { ...text, otherValue: string },
      )
      .to('out', text),
  // Without null keys, which a repartition topic has anywhere: on several partitions too, what comes out is certain.
  'stream-table-rekeyed': (p) =>
    stream(p, 'a')
      .filter((_key, value) => value !== null)
      .selectKey(firstOrNull)
      .leftJoin(table(p, 't'), slashed, text)
      .to('out', text),
  'stream-stream-rekeyed': (p) =>
    stream(p, 'a')
      .filter((_key, value) => value !== null)
      .selectKey(firstOrNull)
      .outerJoin(
        stream(p, 'b')
          .filter((_key, value) => value !== null)
          .map((_key, value) => [first(value), value]),
        slashed,
        within(10, { graceMs: 5 }),
        { ...text, otherValue: string },
      )
      .to('out', text),
  'table-table': (p) => table(p, 't').join(table(p, 'u'), slashed).toStream().to('out', text),
  'table-table-left': (p) => table(p, 't').leftJoin(table(p, 'u'), slashed).toStream().to('out', text),
  'table-table-outer': (p) =>
    table(p, 't')
      .outerJoin(table(p, 'u'), slashed, { store: 'joined', ...text })
      .toStream()
      .to('out', text),
  'table-table-chain': (p) =>
    table(p, 't')
      .leftJoin(table(p, 'u'), slashed)
      .outerJoin(
        table(p, 'v').mapValues((value) => `<${value}>`),
        (left, right) => `${left}*${right}`,
      )
      .filter((_key, value) => value.length % 2 === 0)
      .groupBy((_key, value) => [first(value), value], text)
      .count()
      .toStream()
      .to('out', counts),
  'aggregates-joined': (p) => {
    const numbers = stream(p, 'a').groupByKey().count()
    const newest = stream(p, 'b')
      .groupByKey()
      .reduce((_left, right) => right)
    numbers.outerJoin(newest, slashed).toStream().to('out', text)
  },
  'repartition-chain': (p) =>
    stream(p, 'a')
      .filterNot((_key, value) => value === null)
      .through({ ...text, name: 'once' })
      .map((key, value) => [first(value), `${key}${value}`])
      .groupByKey(text)
      .reduce((left, right) => (left.length > 6 ? right : left + right))
      .toStream()
      .groupBy((_key, value) => String(value.length), text)
      .count()
      .toStream()
      .to('out', counts),
  'branch-merge': (p) => {
    const split = stream(p, 'a').branch(
      { none: (_key, value) => value === null, x: (_key, value) => value.startsWith('x') },
      { name: 'split-' },
    )
    split.none.mapValues(() => 'gone').to('none', text)
    split.x
      .merge(split.default.mapValues((value) => `${value}?`))
      .merge(stream(p, 'b'))
      .peek(() => {})
      .to('out', text)
  },
  named: (p) => {
    const rows = p.table('t', { ...text, name: 'rows-in' })
    const counted = p
      .stream('a', { ...text, name: 'in' })
      .filter((_key, value) => value !== null, { name: 'present' })
      .map((_key, value) => [first(value), value], { name: 'rekeyed' })
      .leftJoin(rows, slashed, { ...text, name: 'enriched' })
      .groupByKey({ ...text, name: 'by-letter' })
      .windowedBy(tumbling(20, 10))
      .count({ name: 'counting', store: 'counted' })
    counted
      .suppress('untilWindowCloses', { name: 'final' })
      .toStream((window) => window.key, { name: 'unwindowed' })
      .to('out', { ...counts, name: 'out-sink' })
    rows
      .groupBy((_key, value) => [first(value), value], { ...text, name: 'regrouped' })
      .reduce(
        (left, right) => left + right,
        (left) => left,
        { name: 'reducing', store: 'reduced', ...text },
      )
      .join(rows, slashed, { name: 'joined', store: 'joined-rows', ...text })
      .toStream()
      .leftJoin(stream(p, 'b').selectKey(firstOrNull), slashed, within(10), {
        ...text,
        otherValue: string,
        name: 'streams',
        store: 'join-store',
      })
      .to('out', text)
  },
  'flat-map': (p) =>
    stream(p, 'a')
      .flatMap((key, value) =>
        value === null
          ? []
          : [
              [value, key],
              [key, value],
            ],
      )
      .toTable({ store: 'newest', ...text })
      .toStream()
      .to('out', text),
  'to-table': (p) =>
    stream(p, 'a')
      .mapValues((value) => (value === null ? null : value + value) as string)
      .toTable(text)
      .join(table(p, 't'), slashed)
      .toStream()
      .to('out', text),
  'suppress-tumbling': (p) =>
    stream(p, 'a')
      .groupByKey()
      .windowedBy(tumbling(20, 10))
      .count()
      .suppress('untilWindowCloses')
      .toStream()
      .to('out', { key: timeWindowed(string, 20), value: int64 }),
  'suppress-session': (p) =>
    stream(p, 'a')
      .filter((_key, value) => value !== null)
      .groupByKey()
      .windowedBy(sessions(10, 5))
      .aggregate(
        () => '',
        (_key, value, aggregate) => aggregate + value,
        (_key, left, right) => `${left}|${right}`,
        text,
      )
      .suppress('untilWindowCloses')
      .toStream()
      .to('out'),
  'suppress-time': (p) =>
    p
      .table('t', { ...text, store: 'rows' })
      .suppress({ untilTimeLimitMs: 25 })
      .groupBy((_key, value) => [first(value), value], text)
      .count()
      .toStream()
      .to('out', counts),
}

const defaults = { 'default.key.serde': string, 'default.value.serde': string }

export const topologies: ReadonlyMap<string, Pipeline> = new Map(
  Object.entries(described).map(([name, describe]) => [name, pipeline(name, describe, defaults)]),
)
