/**
 * The log of the model checker against the log on disk: the same calls, the same answers, through truncations,
 * transactions, clean stops, kills and power failures.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AppendResult, Log, LogConfig } from '@troupe/log/contract'
import { LogDirectory } from '@troupe/log/log-directory'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { buildBatch } from '@troupe/wire/record-batch'
import { IdealStore } from '../../src/model-ports/ideal-store.ts'

const TOPIC_ID = 'dHJvdXBlLXRvcGljLWlkMA'
const identity = { clusterId: 'dHJvdXBlLWNsdXN0ZXItMQ', nodeId: 1, directoryId: 'ZGlyZWN0b3J5LWlkLTAwMQ' }

function logConfig(): LogConfig {
  const { config } = resolveBrokerConfig(new Map())
  const topic = resolveTopicConfig(config, new Map([['retention.ms', '100000']]))
  return { ...topic, 'producer.id.expiration.ms': 5_000 } as unknown as LogConfig
}

type Step =
  | { kind: 'append'; count: number; timestamp: number }
  | { kind: 'produce'; producer: number; epoch: number; sequence: number; count: number; transactional: boolean }
  | { kind: 'follow'; base: number; count: number; epoch: number }
  | { kind: 'marker'; producer: number; epoch: number; coordinatorEpoch: number; commit: boolean }
  | { kind: 'elect' }
  | { kind: 'truncate'; offset: number }
  | { kind: 'startAt'; offset: number }
  | { kind: 'highWatermark'; offset: number }
  | { kind: 'logStart'; offset: number }
  | { kind: 'read'; offset: number; upTo: number; maxBytes: number; minOneBatch: boolean }
  | { kind: 'flush' }
  | { kind: 'flushLater' }
  | { kind: 'checkpoint' }
  | { kind: 'expire' }
  | { kind: 'retention'; now: number }
  | { kind: 'stop' }
  | { kind: 'kill' }
  | { kind: 'powerFailure' }

const small = fc.integer({ min: 0, max: 3 })
const offset = fc.integer({ min: 0, max: 14 })
const arbitrary = <Kind extends Step['kind']>(
  kind: Kind,
  weight: number,
  fields: Record<string, fc.Arbitrary<unknown>> = {},
): { weight: number; arbitrary: fc.Arbitrary<Step> } => ({
  weight,
  arbitrary: fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Step>,
})

const step: fc.Arbitrary<Step> = fc.oneof(
  arbitrary('append', 8, { count: fc.integer({ min: 1, max: 3 }), timestamp: fc.integer({ min: 900, max: 1100 }) }),
  arbitrary('produce', 12, {
    producer: fc.integer({ min: 1, max: 2 }),
    epoch: fc.integer({ min: 0, max: 1 }),
    sequence: fc.integer({ min: 0, max: 4 }),
    count: fc.integer({ min: 1, max: 2 }),
    transactional: fc.boolean(),
  }),
  arbitrary('follow', 3, { base: small, count: fc.integer({ min: 1, max: 2 }), epoch: small }),
  arbitrary('marker', 5, {
    producer: fc.integer({ min: 1, max: 2 }),
    epoch: fc.integer({ min: 0, max: 1 }),
    coordinatorEpoch: small,
    commit: fc.boolean(),
  }),
  arbitrary('elect', 3),
  arbitrary('truncate', 3, { offset }),
  arbitrary('startAt', 1, { offset }),
  arbitrary('highWatermark', 4, { offset }),
  arbitrary('logStart', 2, { offset }),
  arbitrary('read', 6, {
    offset,
    upTo: offset,
    maxBytes: fc.constantFrom(0, 70, 150, 100_000),
    minOneBatch: fc.boolean(),
  }),
  arbitrary('flush', 1),
  arbitrary('flushLater', 1),
  arbitrary('checkpoint', 2),
  arbitrary('expire', 1),
  arbitrary('retention', 1, { now: fc.constantFrom(1_000, 200_000) }),
  arbitrary('stop', 1),
  arbitrary('kill', 1),
  arbitrary('powerFailure', 1),
)

const NOW = 1000
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** Both logs, given the same calls. */
class Pair {
  readonly config = logConfig()
  readonly fs = new MemoryFileSystem({ syncAtOnce: true })
  directory = LogDirectory.open(this.fs, '/data', identity)
  readonly store = new IdealStore(identity.directoryId)
  real: Log = this.directory.open('topic', TOPIC_ID, 0, this.config, NOW)
  ideal: Log = this.store.open('topic', TOPIC_ID, 0, this.config, NOW)
  epoch = 0
  counter = 0
  #hasMoods = false

  /** What both answer, real first. */
  run(each: Step): [unknown, unknown] {
    switch (each.kind) {
      case 'retention':
        this.#hasMoods = true
        return this.#both((log) => call(log, each, this.epoch))
      case 'stop':
        this.#hasMoods = true
        this.directory.closeCleanly(7)
        this.store.closeCleanly(7)
        return this.#reopen()
      case 'kill':
        this.fs.kill()
        return this.#reopen()
      case 'powerFailure':
        // On a disk it may undo a cut that is not synced, and keep a producer snapshot that is not; not so here.
        if (this.#hasMoods) return this.run({ kind: 'kill' })
        this.#flushBoth()
        this.fs.crash()
        return this.#reopen(0)
      case 'truncate':
      case 'startAt':
        this.#hasMoods = true
        return this.#both((log) => call(log, each, this.epoch))
      case 'checkpoint':
        this.directory.writeCheckpoints()
        this.store.writeCheckpoints()
        return [null, null]
      case 'append':
      case 'produce':
      case 'follow': {
        const records = this.#batchOf(each)
        return this.#both((log) => this.#append(log, each, records.slice()))
      }
      case 'elect':
        this.epoch += 1
        return this.#both((log) => log.assignLeaderEpoch(this.epoch, log.logEndOffset))
      default:
        return this.#both((log) => call(log, each, this.epoch))
    }
  }

  #both(work: (log: Log) => unknown): [unknown, unknown] {
    return [work(this.real), work(this.ideal)]
  }

  #flushBoth(): void {
    this.real.flush()
    this.ideal.flush()
  }

  #reopen(keep = Infinity): [unknown, unknown] {
    this.directory = LogDirectory.open(this.fs, '/data', identity)
    this.store.restart(NOW, keep)
    this.real = this.directory.open('topic', TOPIC_ID, 0, this.config, NOW)
    this.ideal = this.store.open('topic', TOPIC_ID, 0, this.config, NOW)
    const of = (store: LogDirectory | IdealStore): unknown => [store.cleanShutdown, store.previousBrokerEpoch]
    return [of(this.directory), of(this.store)]
  }

  #batchOf(each: Step & { kind: 'append' | 'produce' | 'follow' }): Uint8Array {
    const timestamp = each.kind === 'append' ? each.timestamp : NOW
    const records = Array.from({ length: each.count }, () => ({
      key: null,
      value: text(`v${this.counter++}`),
      timestamp,
    }))
    if (each.kind === 'append') return buildBatch({ records })
    if (each.kind === 'follow') {
      const baseOffset = Math.max(0, this.real.logEndOffset - 1 + each.base)
      // Leader epochs never fall: recovery would take a batch of an earlier one for what was cut off before.
      this.epoch += each.epoch
      return buildBatch({ records, baseOffset, partitionLeaderEpoch: this.epoch })
    }
    return buildBatch({
      records,
      producerId: each.producer,
      producerEpoch: each.epoch,
      baseSequence: each.sequence,
      isTransactional: each.transactional,
    })
  }

  #append(log: Log, each: Step, records: Uint8Array): AppendResult {
    if (each.kind === 'follow') return log.appendAsFollower(records, NOW)
    return log.append({ records, now: NOW, leaderEpoch: this.epoch, origin: 'client', transactionVerified: true })
  }
}

function call(log: Log, each: Step, leaderEpoch: number): unknown {
  switch (each.kind) {
    case 'marker':
      return log.appendEndTxnMarker({
        producerId: each.producer,
        producerEpoch: each.epoch,
        coordinatorEpoch: each.coordinatorEpoch,
        commit: each.commit,
        transactionVersion: 1,
        leaderEpoch,
        now: NOW,
      })
    case 'truncate':
      return log.truncateTo(each.offset)
    case 'startAt':
      return log.truncateFullyAndStartAt(each.offset)
    case 'highWatermark':
      return log.setHighWatermark(each.offset)
    case 'logStart':
      return log.advanceLogStart(each.offset)
    case 'read':
      return bytesOf(log, each.offset, each.upTo, each.maxBytes, each.minOneBatch)
    case 'flush':
      return log.flush()
    case 'flushLater':
      return log.flushLater(NOW, () => {})
    case 'expire':
      return log.expireProducers(NOW + 10_000)
    case 'retention':
      return log.applyRetention(each.now)
    default:
      throw new RangeError(each.kind)
  }
}

function bytesOf(log: Log, from: number, upTo: number, maxBytes: number, minOneBatch: boolean): number[] | null {
  const { slice } = log.read({ offset: from, upTo, maxBytes, minOneBatch })
  if (slice === null) return null
  const bytes = new Uint8Array(slice.sizeInBytes)
  slice.readInto(bytes, 0)
  return [...bytes]
}

function observe(log: Log): unknown {
  const epochs = [-1, 0, 1, 2, 3, 4, 5, 6]
  const offsets = Array.from({ length: 16 }, (_, at) => at)
  return {
    start: log.logStartOffset,
    end: log.logEndOffset,
    highWatermark: log.highWatermark,
    lastStable: log.lastStableOffset,
    size: log.sizeInBytes,
    latestEpoch: log.latestEpoch,
    recoveryPoint: log.recoveryPoint,
    unflushed: log.unflushedMessages,
    all: bytesOf(log, log.logStartOffset, log.logEndOffset, 1 << 20, true),
    producers: log.producers(),
    aborted: log.abortedTransactions(0, 100).map((each) => [each.producerId, each.firstOffset]),
    ends: epochs.map((epoch) => log.endOffsetForEpoch(epoch)),
    starts: epochs.map((epoch) => log.epochStartOffset(epoch)),
    epochOf: offsets.map((at) => log.epochForOffset(at)),
    byTime: [900, 1000, 1050, 1101].map((time) => log.offsetForTimestamp(time, log.logEndOffset)),
    youngest: log.offsetOfMaxTimestamp(),
    ongoing: [1, 2].map((id) => [log.hasOngoingTransaction(id, 0), log.hasOngoingTransaction(id, 1)]),
    segments: log.segments().length,
  }
}

describe('IdealLog', () => {
  it('answers as the log on disk does', () => {
    const runs = fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const pair = new Pair()
      for (const each of steps) {
        const [real, ideal] = pair.run(each)
        expect(ideal, each.kind).toEqual(real)
        expect(observe(pair.ideal), each.kind).toEqual(observe(pair.real))
      }
    })
    fc.assert(runs, { numRuns: 400, seed: 20261121 })
  })

  it('leaves a copy alone when it is changed', () => {
    const runs = fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), fc.array(step), (before, after) => {
      const pair = new Pair()
      for (const each of before) pair.run(each)
      const copy = pair.store.clone()
      const seen = observe(copy.open('topic', TOPIC_ID, 0, pair.config, NOW))
      for (const each of after) pair.run(each)
      expect(observe(copy.open('topic', TOPIC_ID, 0, pair.config, NOW))).toEqual(seen)
    })
    fc.assert(runs, { numRuns: 100, seed: 20261121 })
  })

  it('loses in a power failure what was not flushed, and nothing else', () => {
    const pair = new Pair()
    const store = pair.store
    const log = store.open('topic', TOPIC_ID, 0, pair.config, NOW)
    const write = (value: string): void =>
      void log.append({
        records: buildBatch({ records: [{ key: null, value: text(value), timestamp: NOW }] }),
        now: NOW,
        leaderEpoch: 0,
        origin: 'client',
      })
    write('a')
    log.flush()
    write('b')
    write('c')
    const machine = store.clone()
    store.restart(NOW, 2)
    expect(store.open('topic', TOPIC_ID, 0, pair.config, NOW).logEndOffset).toBe(2)
    machine.restart(NOW, 0)
    expect(machine.open('topic', TOPIC_ID, 0, pair.config, NOW).logEndOffset).toBe(1)
    machine.replaceDisk('another')
    expect(machine.open('topic', TOPIC_ID, 0, pair.config, NOW).logEndOffset).toBe(0)
  })
})
