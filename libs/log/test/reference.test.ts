/**
 * Against Apache Kafka 4.3.1: its dump tool reads what we write, we read what its broker wrote, and its broker
 * continues on both.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import '@troupe/wire/native.node'
import '@troupe/wire/compression.node'
import { KafkaError } from '@troupe/wire/errors'
import { LogDirectory } from '../src/log-directory.ts'
import { NodeFileSystem } from '../src/node-file-system.node.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import {
  classpathOfKafka,
  dumpLog,
  kafkaLogs,
  skipped,
  temporaryDirectory,
  type Observed,
} from './support-reference.ts'
import { append, batch, identity, logConfig, marker, produced, readBatches, topicId, untext } from './support.ts'

const wrong = /mismatch|non-consecutive|not found|corrupt|isvalid: false|could not|exception|invalid/i

describe.skipIf(skipped)('kafka-dump-log', () => {
  const { path, remove } = temporaryDirectory()
  afterAll(remove)
  let log: PartitionLog
  let files: string[]

  beforeAll(() => {
    const directory = LogDirectory.open(new NodeFileSystem(), path, identity)
    const config = {
      'segment.bytes': 6000,
      'index.interval.bytes': 300,
      'cleanup.policy': ['compact'],
      'min.cleanable.dirty.ratio': 0.01,
      'delete.retention.ms': 0,
    }
    log = directory.open('dumped', topicId, 0, logConfig(config), 1000)
    for (let i = 0; i < 400; i++) writeOne(log, i)
    log.setHighWatermark(log.logEndOffset)
    log.flush()
    directory.cleanOne(5000)
    for (let i = 400; i < 500; i++) writeOne(log, i)
    log.truncateTo(log.logEndOffset - 3)
    for (let i = 500; i < 520; i++) writeOne(log, i)
    directory.closeCleanly()
    files = readdirSync(join(path, 'dumped-0')).map((name) => join(path, 'dumped-0', name))
  })

  const withSuffix = (...suffixes: string[]): string[] =>
    files.filter((file) => suffixes.some((suffix) => file.endsWith(suffix)))

  it('iterates every batch and record', async () => {
    const logs = withSuffix('.log')
    expect(logs.length).toBeGreaterThan(4)
    const output = await dumpLog(logs, '--deep-iteration', '--print-data-log')
    // Compaction leaves gaps, which the tool lists at the end; everything else it complains about is wrong.
    expect(output.replace(/^Non-consecutive offsets in [\s\S]*/m, '')).not.toMatch(wrong)
    const batches = readAgain(path).batches
    expect(output.match(/^baseOffset: \d+/gm)).toHaveLength(batches.length)
    expect(output.match(/^\| offset: \d+/gm)).toHaveLength(batches.flatMap((each) => each.records).length)
    expect(output).toMatch(/compresscodec: zstd/)
    expect(output).toMatch(/endTxnMarker: ABORT coordinatorEpoch: 0/)
    expect(output).toMatch(/deleteHorizonMs: OptionalLong\[5000\]/)
  })

  it('finds the indexes sane and in agreement with the log', async () => {
    const indexes = withSuffix('.index', '.timeindex')
    const sane = await dumpLog(indexes, '--index-sanity-check')
    expect(sane.match(/passed sanity check|is empty/g)).toHaveLength(indexes.length)
    expect(sane.match(/passed sanity check/g)?.length).toBeGreaterThan(10)
    const output = await dumpLog(indexes)
    expect(output).not.toMatch(wrong)
    expect(output.match(/^offset: \d+ position: \d+/gm)?.length).toBeGreaterThan(20)
    expect(output.match(/^timestamp: \d+ offset: \d+/gm)?.length).toBeGreaterThan(20)
  })

  it('reads transaction indexes and producer snapshots', async () => {
    const output = await dumpLog(withSuffix('.txnindex', '.snapshot'))
    expect(output).not.toMatch(wrong)
    expect(output).toMatch(/^version: 0 producerId: 9 firstOffset: \d+ lastOffset: \d+ lastStableOffset: \d+/m)
    expect(output).toMatch(/^producerId: 7 producerEpoch: 2 coordinatorEpoch: -1/m)
  })
})

/** A mixture of everything: codecs, idempotent and transactional producers, tombstones. */
function writeOne(log: PartitionLog, i: number): void {
  const now = 1000 + i
  const leaderEpoch = Math.floor(i / 100)
  const sequence = (id: number): number => (log.producerState.get(id)?.lastSequence ?? -1) + 1
  const records = [`key${i % 40}=${i % 13 === 0 ? '' : `value ${i}`}`, `key${i % 7}=second of ${i}`]
  const compression = i % 5
  const result =
    i % 3 === 0
      ? append(log, batch(records, { compression, timestamp: now }), { now, leaderEpoch })
      : i % 3 === 1
        ? append(log, produced(7, 2, sequence(7), records, { compression }), { now, leaderEpoch })
        : append(log, produced(9, 0, sequence(9), records, { isTransactional: true }), {
            now,
            leaderEpoch,
            transactionVerified: true,
          })
  expect(result.error).toBe(KafkaError.NONE)
  if (i % 30 === 29) expect(marker(log, 9, 0, i % 60 === 29, { leaderEpoch, now }).error).toBe(KafkaError.NONE)
}

function readAgain(path: string): { batches: ReturnType<typeof readBatches> } {
  const directory = LogDirectory.open(new NodeFileSystem(), path, identity)
  return { batches: readBatches(directory.open('dumped', topicId, 0, logConfig(), 1000)) }
}

describe.skipIf(skipped)('apache kafka', () => {
  const { path, remove } = temporaryDirectory()
  afterAll(remove)
  const options = {
    classpath: skipped ? '' : classpathOfKafka(),
    directory: path,
    nodes: 1 as const,
    heap: '512m',
    properties: { 'log.cleaner.backoff.ms': '200' },
  }

  it('writes a directory that we read, and continues on what we add', async () => {
    const first = await startApacheKafka(options)
    let written: Observed
    try {
      written = await kafkaLogs('write', first.bootstrap)
    } finally {
      await first.stop()
    }
    const topics = readAndExtend(first.directory(1), first.clusterId, written)
    const second = await startApacheKafka({ ...options, formatted: true, clusterId: first.clusterId })
    try {
      const read = await kafkaLogs('read', second.bootstrap)
      for (const [topic, expected] of topics) expectSame(topic, expected, read)
    } finally {
      await second.stop()
    }
  }, 120_000)
})

interface Seen {
  end: number
  producers: string[]
  committed: string[]
  uncommitted: string[]
}

/** Compares our view with Kafka's, then appends with our code. Returns what Kafka must see afterwards. */
function readAndExtend(path: string, clusterId: string, written: Observed): Map<string, Seen> {
  const directory = LogDirectory.open(new NodeFileSystem(), path, { clusterId, nodeId: 1 })
  expect(directory.cleanShutdown).toBe(true)
  expect(directory.previousBrokerEpoch).toBeGreaterThan(-1)
  const now = Date.now()
  const found = new Map<string, Seen>()
  for (const { topic, partition, topicId: id } of directory.onDisk()) {
    const log = directory.open(topic, id, partition, logConfig(), now)
    if (!written.ends.has(topic)) continue
    log.setHighWatermark(log.logEndOffset)
    expectSame(topic, see(log), written)
    expect(log.offsetOfMaxTimestamp()).toMatchObject(written.maxTimestamps.get(topic) ?? {})
    extend(log, topic)
    found.set(topic, see(log))
  }
  expect([...found.keys()].sort()).toEqual(['compacted', 'compressed', 'plain', 'transactional'])
  directory.closeCleanly()
  expect(JSON.parse(readFileSync(join(path, '.kafka_cleanshutdown'), 'utf8'))).toMatchObject({
    version: 0,
    brokerEpoch: directory.previousBrokerEpoch,
  })
  return found
}

function extend(log: PartitionLog, topic: string): void {
  const leaderEpoch = log.latestEpoch
  // Kafka forgets producers that were last heard of a day ago.
  const more = { now: Date.now(), leaderEpoch }
  for (let i = 0; i < 50; i++) {
    const records = [`added${i}=to ${topic}`]
    expect(append(log, batch(records, { timestamp: more.now, compression: i % 5 }), more).error).toBe(KafkaError.NONE)
  }
  if (topic === 'transactional') {
    for (const commit of [true, false]) {
      const first = log.producerState.get(77_000)?.lastSequence ?? -1
      const bytes = produced(77_000, 3, first + 1, [`ours=${commit}`], { isTransactional: true })
      expect(append(log, bytes, { ...more, transactionVerified: true }).error).toBe(KafkaError.NONE)
      expect(marker(log, 77_000, 3, commit, more).error).toBe(KafkaError.NONE)
    }
  }
  log.setHighWatermark(log.logEndOffset)
}

/** Our log the way a consumer of each isolation level sees it. */
function see(log: PartitionLog): Seen {
  const aborted = [...log.abortedTransactions(0, log.logEndOffset)].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  const committed: string[] = []
  const uncommitted: string[] = []
  for (const each of readBatches(log)) {
    while (aborted.length > 0 && aborted[0].firstOffset <= each.lastOffset) open.add(aborted.shift()!.producerId)
    if (each.isControl) {
      open.delete(each.producerId)
      continue
    }
    const lines = each.records.map((record) =>
      [
        record.offset,
        record.timestamp,
        each.partitionLeaderEpoch,
        record.key ? untext(record.key) : 'null',
        record.value ? untext(record.value) : 'null',
      ].join(' '),
    )
    uncommitted.push(...lines)
    if (!(each.isTransactional && open.has(each.producerId))) committed.push(...lines)
  }
  const producers = log
    .producers()
    .map((each) =>
      [
        each.producerId,
        each.producerEpoch,
        each.lastSequence,
        each.lastTimestamp,
        each.coordinatorEpoch,
        each.currentTransactionStartOffset,
      ].join(' '),
    )
  return { end: log.logEndOffset, producers: producers.sort(), committed, uncommitted }
}

function expectSame(topic: string, ours: Seen, kafka: Observed): void {
  expect(kafka.ends.get(topic)).toBe(ours.end)
  expect(kafka.records.get(`read_uncommitted ${topic}`)).toEqual(ours.uncommitted)
  expect(kafka.records.get(`read_committed ${topic}`)).toEqual(ours.committed)
  expect(kafka.producers.get(topic) ?? []).toEqual(ours.producers)
}
