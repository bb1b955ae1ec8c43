/** Producers of a partition: sequences, epochs, transactions, expiry, snapshots. */
import { describe, expect, it } from 'vitest'
import { KafkaError, errorName, type ErrorCode } from '@troupe/wire/errors'
import { allSafeguards } from '@troupe/actor'
import type { MemoryFileSystem } from '../src/memory-file-system.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { append, batch, marker, openLog, produced, type AppendOptions, type Opened } from './support.ts'

/** Error name, or the offsets. */
function send(
  log: PartitionLog,
  id: number,
  epoch: number,
  sequence: number,
  count = 1,
  options: AppendOptions & { isTransactional?: boolean } = {},
): string {
  const { isTransactional = false, ...rest } = options
  const records = Array.from({ length: count }, (_, i) => `${sequence + i}`)
  const result = append(log, produced(id, epoch, sequence, records, { isTransactional }), rest)
  if (result.error !== KafkaError.NONE) return errorName(result.error)
  return `${result.duplicate ? 'duplicate ' : ''}${result.baseOffset}-${result.nextOffset - 1}`
}

const inTransaction = { isTransactional: true, transactionVerified: true }
const nameOf = (result: { error: ErrorCode }): string => errorName(result.error)

describe('idempotent producers', () => {
  it('answers each of the last five batches with its original offsets, an older one not', () => {
    const { log } = openLog()
    for (let i = 0; i < 7; i++) expect(send(log, 1, 0, 2 * i, 2)).toBe(`${2 * i}-${2 * i + 1}`)
    for (let i = 2; i < 7; i++) expect(send(log, 1, 0, 2 * i, 2)).toBe(`duplicate ${2 * i}-${2 * i + 1}`)
    expect(send(log, 1, 0, 2, 2)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    // The same first sequence, but another batch.
    expect(send(log, 1, 0, 12, 1)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(log.logEndOffset).toBe(14)
  })

  it('refuses gaps and old epochs, and starts a new epoch at sequence 0', () => {
    const { log } = openLog()
    expect(send(log, 1, 3, 0)).toBe('0-0')
    expect(send(log, 1, 3, 2)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(send(log, 1, 2, 1)).toBe('INVALID_PRODUCER_EPOCH')
    expect(send(log, 1, 4, 1)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(send(log, 1, 4, 0)).toBe('1-1')
    expect(send(log, 1, 3, 1)).toBe('INVALID_PRODUCER_EPOCH')
  })

  it('goes round at 2^31', () => {
    const { log } = openLog(undefined, {}, 1000, { safeguards: { ...allSafeguards, requireZeroFirstSequence: false } })
    expect(send(log, 1, 0, 0x7ffffffd, 2)).toBe('0-1')
    expect(send(log, 1, 0, 0x7fffffff, 3)).toBe('2-4')
    expect(send(log, 1, 0, 0x7fffffff, 3)).toBe('duplicate 2-4')
    expect(send(log, 1, 0, 2, 1)).toBe('5-5')
  })

  it('Z17: wants sequence 0 from a producer it never saw, unless its state may have been lost', () => {
    const { log } = openLog()
    expect(send(log, 1, 0, 17, 5)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(send(log, 1, 0, 0, 17)).toBe('0-16')
    expect(send(log, 1, 0, 17, 5)).toBe('17-21')
    log.expireProducers(1000 + 86_400_000)
    expect(log.producers()).toEqual([])
    expect(send(log, 1, 0, 22)).toBe('22-22')
    expect(send(log, 2, 0, 22)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    log.truncateFullyAndStartAt(500)
    expect(send(log, 2, 0, 22)).toBe('500-500')
  })

  it('Z17 off: a first batch with any sequence is taken, as by Kafka 4.3', () => {
    const { log } = openLog(undefined, {}, 1000, { safeguards: { ...allSafeguards, requireZeroFirstSequence: false } })
    expect(send(log, 1, 0, 17, 5)).toBe('0-4')
    expect(send(log, 1, 0, 0, 17)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  })

  it.each([
    ['a stop in order', (opened: Opened) => opened.directory.closeCleanly()],
    [
      'a crash behind the recovery point',
      ({ log, directory }: Opened) => {
        log.roll(1000)
        log.flush()
        directory.writeCheckpoints()
      },
    ],
  ])('knows the last five batches after %s, of which a snapshot names one', (_name, end) => {
    const opened = openLog()
    for (let i = 0; i < 7; i++) {
      send(opened.log, 1, 0, 2 * i, 2)
      send(opened.log, 2, 0, i)
    }
    end(opened)
    const { log } = openLog(opened.fs)
    for (let i = 2; i < 7; i++) {
      expect(send(log, 1, 0, 2 * i, 2)).toBe(`duplicate ${3 * i}-${3 * i + 1}`)
      expect(send(log, 2, 0, i)).toBe(`duplicate ${3 * i + 2}-${3 * i + 2}`)
    }
    expect(send(log, 1, 0, 2, 2)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(send(log, 1, 0, 14)).toBe('21-21')
  })

  it('knows batches before a snapshot again when the log is cut behind it', () => {
    const { log } = openLog()
    for (let i = 0; i < 4; i++) send(log, 1, 0, i)
    log.roll(1000)
    send(log, 1, 0, 4)
    log.truncateTo(4)
    for (let i = 0; i < 4; i++) expect(send(log, 1, 0, i)).toBe(`duplicate ${i}-${i}`)
    expect(send(log, 1, 0, 4)).toBe('4-4')
  })

  it('remembers over retention, truncation and restarts of every kind', () => {
    const config = { 'segment.bytes': 200, 'retention.bytes': 300 }
    const { fs, directory, log } = openLog(undefined, config)
    for (let i = 0; i < 10; i++) send(log, 1, 0, i)
    log.setHighWatermark(10)
    expect(log.applyRetention(1000)).toBeGreaterThan(1)
    expect(send(log, 1, 0, 10)).toBe('10-10')
    log.truncateTo(9)
    expect(send(log, 1, 0, 10)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    directory.closeCleanly()
    const stopped = openLog(fs, config).log
    expect(stopped.producers()).toMatchObject([{ producerId: 1, lastSequence: 8 }])
    expect(send(stopped, 1, 0, 9)).toBe('9-9')
    ;(fs as MemoryFileSystem).kill()
    const killed = openLog(fs, config).log
    expect(send(killed, 1, 0, 9)).toBe('duplicate 9-9')
    expect(send(killed, 1, 0, 10)).toBe('10-10')
  })
})

describe('transactions', () => {
  it('needs a verified first batch, then stays open until the marker', () => {
    const { log } = openLog()
    expect(send(log, 1, 0, 0, 1, { isTransactional: true })).toBe('INVALID_TXN_STATE')
    expect(send(log, 1, 0, 0, 1, inTransaction)).toBe('0-0')
    expect(send(log, 1, 0, 1, 1, { isTransactional: true })).toBe('1-1')
    expect(log.hasOngoingTransaction(1, 0)).toBe(true)
    expect(log.hasOngoingTransaction(1, 1)).toBe(false)
    expect(send(log, 1, 0, 2)).toBe('INVALID_TXN_STATE')
    expect(nameOf(marker(log, 1, 0, true))).toBe('NONE')
    expect(log.hasOngoingTransaction(1, 0)).toBe(false)
    expect(send(log, 1, 0, 2, 1, { isTransactional: true })).toBe('INVALID_TXN_STATE')
  })

  it('holds the last stable offset until the marker is below the high watermark', () => {
    const { log } = openLog()
    send(log, 1, 0, 0, 2)
    send(log, 2, 0, 0, 2, inTransaction)
    send(log, 3, 0, 0, 2, inTransaction)
    log.setHighWatermark(6)
    expect(log.lastStableOffset).toBe(2)
    marker(log, 2, 0, false)
    log.setHighWatermark(6)
    expect(log.lastStableOffset).toBe(2)
    log.setHighWatermark(7)
    expect(log.lastStableOffset).toBe(4)
    marker(log, 3, 0, true)
    expect(log.lastStableOffset).toBe(4)
    log.setHighWatermark(8)
    expect(log.lastStableOffset).toBe(8)
    expect(log.abortedTransactions(0, 8)).toMatchObject([
      { producerId: 2, firstOffset: 2, lastOffset: 6, lastStableOffset: 4 },
    ])
    expect(log.abortedTransactions(7, 8)).toEqual([])
    expect(log.abortedTransactions(0, 2)).toEqual([])
  })

  it('fences markers of old producer epochs and of old coordinators', () => {
    const { log } = openLog()
    send(log, 1, 5, 0, 1, inTransaction)
    expect(nameOf(marker(log, 1, 4, true))).toBe('INVALID_PRODUCER_EPOCH')
    expect(nameOf(marker(log, 1, 5, true, { coordinatorEpoch: 7 }))).toBe('NONE')
    send(log, 1, 5, 1, 1, inTransaction)
    expect(nameOf(marker(log, 1, 5, true, { coordinatorEpoch: 6 }))).toBe('TRANSACTION_COORDINATOR_FENCED')
    expect(log.hasOngoingTransaction(1, 5)).toBe(true)
  })

  it('Z24: under transaction version 2 a marker must raise the epoch while a transaction is open', () => {
    const { log } = openLog()
    send(log, 1, 5, 0, 1, inTransaction)
    const late = { transactionVersion: 2 }
    expect(nameOf(marker(log, 1, 5, true, late))).toBe('INVALID_PRODUCER_EPOCH')
    expect(nameOf(marker(log, 1, 6, true, late))).toBe('NONE')
    // The same marker again, with nothing open: its answer was lost.
    expect(nameOf(marker(log, 1, 6, true, late))).toBe('NONE')
    expect(send(log, 1, 6, 0, 1, inTransaction)).not.toMatch(/[A-Z]/)
    expect(nameOf(marker(log, 1, 6, true, late))).toBe('INVALID_PRODUCER_EPOCH')
    expect(log.hasOngoingTransaction(1, 6)).toBe(true)
  })

  it('Z24 off: a late marker of the transaction before ends the one that is open', () => {
    const { log } = openLog(undefined, {}, 1000, { safeguards: { ...allSafeguards, strictMarkerEpoch: false } })
    send(log, 1, 6, 0, 1, inTransaction)
    expect(nameOf(marker(log, 1, 6, true, { transactionVersion: 2 }))).toBe('NONE')
    expect(log.hasOngoingTransaction(1, 6)).toBe(false)
  })

  it('keeps producers with an open transaction, and counts idleness from the marker (Z19)', () => {
    const { log } = openLog()
    send(log, 1, 0, 0, 1, inTransaction)
    log.expireProducers(1000 + 2 * 86_400_000)
    expect(log.producers()).toHaveLength(1)
    marker(log, 1, 0, false, { now: 5_000_000 })
    log.expireProducers(1000 + 86_400_000)
    expect(log.producers()).toMatchObject([{ producerId: 1, lastTimestamp: 5_000_000 }])
    log.expireProducers(5_000_000 + 86_400_000)
    expect(log.producers()).toEqual([])
  })

  it('restores open transactions and the coordinator epoch from a snapshot', () => {
    const { fs, directory, log } = openLog()
    send(log, 1, 0, 0, 1, inTransaction)
    marker(log, 1, 0, true, { coordinatorEpoch: 9 })
    send(log, 1, 0, 1, 1, inTransaction)
    const before = log.producers()
    directory.closeCleanly()
    const again = openLog(fs).log
    expect(again.producers()).toEqual(before)
    again.setHighWatermark(3)
    expect(again.lastStableOffset).toBe(2)
    expect(nameOf(marker(again, 1, 0, true, { coordinatorEpoch: 8 }))).toBe('TRANSACTION_COORDINATOR_FENCED')
  })

  it('lets a coordinator write several batches without sequences', () => {
    const { log } = openLog()
    const two = [batch(['a=1']), batch(['b=2', 'c=3'])]
    const bytes = new Uint8Array(two[0].length + two[1].length)
    bytes.set(two[0])
    bytes.set(two[1], two[0].length)
    expect(append(log, bytes, { origin: 'coordinator' })).toMatchObject({
      error: KafkaError.NONE,
      baseOffset: 0,
      nextOffset: 3,
    })
    const offsets = produced(8, 2, -1, ['d=4'], { isTransactional: true })
    expect(append(log, offsets.slice(), { origin: 'coordinator' }).error).toBe(KafkaError.INVALID_TXN_STATE)
    expect(append(log, offsets, { origin: 'coordinator', transactionVerified: true })).toMatchObject({ baseOffset: 3 })
    expect(
      append(log, produced(8, 1, -1, ['e=5'], { isTransactional: true }), {
        origin: 'coordinator',
        transactionVerified: true,
      }).error,
    ).toBe(KafkaError.INVALID_PRODUCER_EPOCH)
  })
})
