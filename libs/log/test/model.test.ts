/**
 * The log against a list: random appends, transactions, truncations, flushes, rolls and stops of every kind, in a
 * memory that loses what was not synced and tears what was being written. After every start the log, its epochs, its
 * producers and all its indexes must be what the batches say (S1, S3, S4 of the invariants), and all that was flushed
 * must be there.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readBatch, type DecodedBatch } from '@troupe/wire/record-batch'
import { KafkaError } from '@troupe/wire/errors'
import { StorageError } from '../src/file-system.ts'
import { LeaderEpochCache } from '../src/leader-epoch-cache.ts'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { ProducerState } from '../src/producer-state.ts'
import { collectAborted } from '../src/transaction-search.ts'
import { append, batch, marker, openLog, produced, readBatches, untext, type Opened } from './support.ts'

const config = { 'segment.bytes': 900, 'index.interval.bytes': 120, 'segment.index.bytes': 96, 'retention.ms': -1 }

type Step =
  | { kind: 'append'; count: number; size: number }
  | { kind: 'produce'; producer: number; count: number; transactional: boolean }
  | { kind: 'end'; producer: number; commit: boolean }
  | { kind: 'elect' }
  | { kind: 'truncate'; back: number }
  | { kind: 'highWatermark'; share: number }
  | { kind: 'flush' }
  | { kind: 'flushLater' }
  | { kind: 'syncsComplete' }
  | { kind: 'checkpoint'; later: boolean }
  | { kind: 'stop' }
  | { kind: 'kill' }
  | { kind: 'crash'; seed: number; zeroTails: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 4 }),
      size: fc.integer({ min: 1, max: 120 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('produce' as const),
      producer: fc.integer({ min: 1, max: 3 }),
      count: fc.integer({ min: 1, max: 3 }),
      transactional: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.integer({ min: 1, max: 3 }),
      commit: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'elect' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.integer({ min: 0, max: 12 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('highWatermark' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step>(
      { kind: 'flush' },
      { kind: 'flushLater' },
      { kind: 'syncsComplete' },
      { kind: 'checkpoint', later: false },
      { kind: 'checkpoint', later: true },
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'stop' }, { kind: 'kill' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      seed: fc.integer({ min: 1 }),
      zeroTails: fc.boolean(),
    }),
  },
)

/** Deterministic numbers for a crash (xorshift). */
function seeded(seed: number): () => number {
  let x = seed | 0 || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}

function identityOf({ baseOffset, lastOffset, partitionLeaderEpoch, records }: DecodedBatch): string {
  const values = records.map((record) => untext(record.value)).join()
  return `${baseOffset}-${lastOffset} e${partitionLeaderEpoch} ${values}`
}

class Run {
  readonly fs = new MemoryFileSystem()
  opened: Opened = openLog(this.fs, config)
  epoch = 0
  counter = 0
  /** What the log must hold, oldest first. */
  expected: string[] = []
  /** Everything ever appended: what a crash may bring back after a truncation that was not synced. */
  readonly everAppended = new Set<string>()
  /** Offsets below this were synced and never cut off since. */
  durable = 0
  #reopened = false
  #cutSinceFlushLater = 0
  #pendingDurable: { upTo: number; cuts: number }[] = []

  get log(): PartitionLog {
    return this.opened.log
  }

  execute(each: Step): void {
    const { log } = this
    switch (each.kind) {
      case 'append':
        return this.#appended(
          append(
            log,
            batch(
              Array.from({ length: each.count }, () => this.#value(each.size)),
              { timestamp: 1000 + (this.counter % 7) },
            ),
            { leaderEpoch: this.epoch },
          ),
        )
      case 'produce': {
        const entry = log.producerState.get(each.producer)
        const open = entry !== undefined && entry.currentTxnFirstOffset >= 0
        const sequence = entry === undefined ? 0 : (entry.lastSequence + 1) % 0x80000000
        const records = Array.from({ length: each.count }, () => this.#value(3))
        const bytes = produced(each.producer, Math.max(0, entry?.epoch ?? 0), sequence, records, {
          isTransactional: open || each.transactional,
        })
        return this.#appended(append(log, bytes, { leaderEpoch: this.epoch, transactionVerified: true }))
      }
      case 'end': {
        const entry = log.producerState.get(each.producer)
        if (!entry || entry.currentTxnFirstOffset < 0) return
        return this.#appended(marker(log, each.producer, entry.epoch, each.commit, { leaderEpoch: this.epoch }))
      }
      case 'elect':
        this.epoch += 1
        return log.assignLeaderEpoch(this.epoch, log.logEndOffset)
      case 'truncate':
        return this.#truncate(log.logEndOffset - each.back)
      case 'highWatermark':
        return void log.setHighWatermark(Math.floor(each.share * log.logEndOffset))
      case 'flush':
        log.flush()
        this.durable = log.logEndOffset
        return
      case 'flushLater':
        this.#pendingDurable.push({ upTo: log.logEndOffset, cuts: this.#cutSinceFlushLater })
        return log.flushLater(1000, (error) => expect(error).toBeNull())
      case 'syncsComplete':
        this.fs.completeSyncs()
        for (const { upTo, cuts } of this.#pendingDurable.splice(0)) {
          if (cuts !== this.#cutSinceFlushLater) continue
          expect(log.recoveryPoint).toBeGreaterThanOrEqual(upTo)
          this.durable = Math.max(this.durable, upTo)
        }
        return
      case 'checkpoint':
        if (each.later) return void this.opened.directory.writeCheckpointsLater()
        return this.opened.directory.writeCheckpoints()
      case 'stop':
        this.opened.directory.closeCleanly()
        this.durable = log.logEndOffset
        return this.#reopen(() => {})
      case 'kill':
        return this.#reopen(() => this.fs.kill())
      case 'crash':
        return this.#crash(seeded(each.seed), each.zeroTails)
    }
  }

  #value(size: number): string {
    this.counter += 1
    return `${this.counter}.`.padEnd(size, 'x')
  }

  #appended(result: { error: number; baseOffset: number }): void {
    expect(result.error).toBe(KafkaError.NONE)
    const [last] = readBatches(this.log, result.baseOffset)
    this.expected.push(identityOf(last))
    this.everAppended.add(identityOf(last))
  }

  #truncate(offset: number): void {
    const { log } = this
    if (offset < log.logStartOffset) return
    log.truncateTo(offset)
    expect(log.logEndOffset).toBeLessThanOrEqual(Math.max(offset, 0))
    this.expected = this.expected.filter((each) => Number(/-(\d+) /.exec(each)?.[1]) < offset)
    if (offset < this.durable) this.durable = log.logEndOffset
    this.#cutSinceFlushLater += 1
    this.#pendingDurable = []
  }

  #reopen(stop: () => void): void {
    stop()
    this.#reopened = true
    this.#pendingDurable = []
    const epoch = this.log.latestEpoch
    this.opened = openLog(this.fs, config)
    expect(readBatches(this.log).map(identityOf)).toEqual(this.expected)
    this.epoch = Math.max(this.epoch, epoch)
  }

  /** The power goes, and perhaps goes again while the log is being recovered. */
  #crash(random: () => number, zeroTails: boolean): void {
    this.fs.crash({ random, zeroTails })
    this.#reopened = true
    this.#pendingDurable = []
    if (random() % 2 === 0) {
      let left = random() % 40
      this.fs.fault = () => (left-- > 0 ? undefined : 'EIO')
      try {
        openLog(this.fs, config)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
      }
      this.fs.fault = null
      this.fs.crash({ random, zeroTails })
    }
    this.opened = openLog(this.fs, config)
    const found = readBatches(this.log).map(identityOf)
    const durable = this.expected.filter((each) => Number(/-(\d+) /.exec(each)?.[1]) < this.durable)
    expect(found.slice(0, durable.length)).toEqual(durable)
    for (const each of found) expect(this.everAppended).toContain(each)
    this.expected = found
    this.durable = Math.min(this.durable, this.log.logEndOffset)
    // A leader of a later epoch writes from here on.
    this.epoch += 1
  }

  check(): void {
    const { log } = this
    const batches = readBatches(log)
    const end = batches.at(-1)?.lastOffset ?? -1
    expect(log.logEndOffset).toBe(end + 1)
    checkOffsets(batches)
    checkEpochs(log, batches)
    checkProducers(log, this.#reopened)
    checkIndexes(log)
  }
}

function checkOffsets(batches: DecodedBatch[]): void {
  batches.forEach((each, i) => expect(each.baseOffset).toBe(i === 0 ? 0 : batches[i - 1].lastOffset + 1))
}

function checkEpochs(log: PartitionLog, batches: DecodedBatch[]): void {
  const derived = new LeaderEpochCache()
  for (const each of batches)
    if (each.partitionLeaderEpoch > derived.latestEpoch) derived.assign(each.partitionLeaderEpoch, each.baseOffset)
  // An epoch in which nothing was appended is known only until the next stop.
  expect(log.epochs.entries.filter((entry) => entry.startOffset < log.logEndOffset)).toEqual(derived.entries)
}

/** Producers, open transactions and the transaction index are a fold over the batches. */
function checkProducers(log: PartitionLog, reopened: boolean): void {
  const fold = new ProducerState()
  const aborted: unknown[] = []
  for (const segment of log.local.segments) {
    const reader = segment.bodyReader()
    while (reader.next()) {
      const completed = fold.apply(reader.bytes, reader.at)
      if (!completed) continue
      fold.complete(completed)
      const { producerId, firstOffset, lastOffset, lastStableOffset } = completed
      if (completed.aborted) aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset })
    }
  }
  const byId = (a: { producerId: number }, b: { producerId: number }): number => a.producerId - b.producerId
  expect(log.producers().sort(byId)).toEqual(fold.views().sort(byId))
  const index = collectAborted(log.local, 0, log.logEndOffset)
  expect(
    index.map(({ producerId, firstOffset, lastOffset, lastStableOffset }) => ({
      producerId,
      firstOffset,
      lastOffset,
      lastStableOffset,
    })),
  ).toEqual(aborted)
  fold.onHighWatermark(log.highWatermark)
  const exact = Math.min(log.highWatermark, fold.firstUnstableOffset)
  // A snapshot does not tell which of the decided transactions still waited for the high watermark, in Kafka neither.
  if (reopened) expect(log.lastStableOffset).toBeGreaterThanOrEqual(exact)
  else expect(log.lastStableOffset).toBe(exact)
}

/** Every look-up through an index finds what a walk over the segment finds. */
function checkIndexes(log: PartitionLog): void {
  for (const segment of log.local.segments) {
    const walked: { position: number; base: number; last: number; time: number }[] = []
    const reader = segment.bodyReader()
    while (reader.next()) {
      const each = readBatch(reader.bytes, reader.at)
      walked.push({ position: reader.position, base: each.baseOffset, last: each.lastOffset, time: each.maxTimestamp })
    }
    for (const each of walked) {
      expect(segment.find(each.base)?.position).toBe(each.position)
      expect(segment.find(each.last)?.position).toBe(each.position)
    }
    expect(segment.maxTimestamp).toBe(Math.max(-1, ...walked.map((each) => each.time)))
    const youngest = walked.find((each) => each.time === segment.maxTimestamp)
    if (youngest) expect(segment.offsetOfMaxTimestamp).toBe(youngest.last)
  }
  for (let time = 1000; time < 1008; time++) {
    const records = readBatches(log).flatMap((each) => each.records)
    const first = records.find((record) => record.timestamp >= time)
    expect(log.offsetForTimestamp(time, log.logEndOffset)?.offset).toBe(first?.offset)
  }
}

describe('model', () => {
  it('holds what was appended, and after a crash at least what was flushed', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const run = new Run()
        for (const each of steps) {
          run.execute(each)
          if (each.kind === 'crash' || each.kind === 'kill' || each.kind === 'stop' || each.kind === 'truncate')
            run.check()
        }
        run.check()
      }),
      { numRuns: Number(process.env.TROUPE_MODEL_RUNS ?? 300) },
    )
  }, 60_000)
})
