/** Each rule of storage and compaction holds of a log that is right, and is broken by the violation it is there for. */
import { describe, expect, it } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { LeaderEpochCache } from '@troupe/log/leader-epoch-cache'
import type { PartitionLog } from '@troupe/log/partition-log'
import { allSafeguards } from '@troupe/actor'
import {
  checkLogStart,
  checkMarkers,
  checkSurvivors,
  checkUnchanged,
  traceRecords,
} from '../../src/invariants/compaction.ts'
import { noteRecovered, readSegments } from '../../src/invariants/log-ghost.ts'
import {
  checkAcknowledged,
  checkEpochs,
  checkIndexes,
  checkOffsets,
  checkRecovered,
  checkRecoveredTail,
  checkRefusal,
  checkSameRecovery,
  checkTransactionIndex,
} from '../../src/invariants/storage.ts'
import { cleanerModel, storageModel } from '../../src/models/storage.ts'
import type { LogWorld } from '../../src/models/log-model.ts'
import type { Model, Violation } from '../../src/model/contract.ts'
import { endMarker, ghostOf, segment, stored } from './support.ts'

const idOf = (violation: Violation | null): string => violation?.invariant ?? 'holds'
const three = [stored(0, ['a']), stored(1, ['b', 'c']), stored(3, ['d'])]
const [first, second, third] = three

/** A real log after these actions. */
function logAfter(model: Model<LogWorld>, labels: readonly string[]): PartitionLog {
  const world = model.initial(allSafeguards, {})
  for (const label of ['start', 'open a-0', ...labels]) model.apply(world, { label, type: 'message' })
  expect(model.check(world)).toBeNull()
  return world.live?.partitions[0].log as PartitionLog
}

describe('S1', () => {
  it('holds of all that was written, and after a loss of power of a prefix with all that was synced', () => {
    expect(idOf(checkRecovered([segment(0, three)], ghostOf(three), 4))).toBe('holds')
    const ghost = ghostOf(three, { stop: 'power', durableTo: 3 })
    expect(idOf(checkRecovered([segment(0, [first, second])], ghost, 3))).toBe('holds')
  })

  it('is broken by a lost batch, a torn tail, a batch that nobody wrote, an end before the last batch', () => {
    const all = ghostOf(three)
    expect(idOf(checkRecovered([segment(0, [first, second])], all, 3))).toBe('S1')
    expect(idOf(checkRecovered([segment(0, [first])], ghostOf(three, { stop: 'power', durableTo: 3 }), 1))).toBe('S1')
    expect(idOf(checkRecovered([segment(0, three, 7)], all, 4))).toBe('S1')
    expect(idOf(checkRecovered([segment(0, [...three, stored(4, ['x'])])], all, 5))).toBe('S1')
    expect(idOf(checkRecovered([segment(0, three)], all, 3))).toBe('S1')
  })

  it('of a compacted log asks for whole batches and the end', () => {
    expect(idOf(checkRecoveredTail([segment(0, [third])], ghostOf(three), 4))).toBe('holds')
    expect(idOf(checkRecoveredTail([segment(0, [third], 1)], ghostOf(three), 4))).toBe('S1')
    expect(idOf(checkRecoveredTail([segment(0, [first])], ghostOf(three), 1))).toBe('S1')
  })
})

describe('S2', () => {
  it('is broken by a gap, by an offset twice, by a wrong end', () => {
    const end = { logEndOffset: 4 }
    expect(idOf(checkOffsets([segment(0, [first, second]), segment(3, [third])], end, false))).toBe('holds')
    expect(idOf(checkOffsets([segment(0, [first, third])], end, false))).toBe('S2')
    expect(idOf(checkOffsets([segment(0, [first, third])], end, true))).toBe('holds')
    expect(idOf(checkOffsets([segment(0, [first, first, second])], end, true))).toBe('S2')
    expect(idOf(checkOffsets([segment(0, three), segment(3, [third])], end, true))).toBe('S2')
    expect(idOf(checkOffsets([segment(0, three)], { logEndOffset: 5 }, false))).toBe('S2')
  })
})

describe('S3', () => {
  it('is broken by a transaction index without an abort', () => {
    const log = logAfter(storageModel, ['transaction a-0', 'abort a-0'])
    const segments = readSegments(log)
    expect(idOf(checkTransactionIndex(segments, log))).toBe('holds')
    log.local.active.transactionIndex.reset()
    expect(idOf(checkTransactionIndex(segments, log))).toBe('S3')
  })

  it('is broken by an offset index that points elsewhere, and a time index that lost its largest timestamp', () => {
    const log = logAfter(storageModel, ['append a-0', 'append a-0', 'append a-0'])
    const segments = readSegments(log)
    expect(idOf(checkIndexes(segments, log))).toBe('holds')
    log.local.active.offsetIndex.reset()
    log.local.active.offsetIndex.append(0, 75)
    expect(idOf(checkIndexes(segments, log))).toBe('S3')
    const [{ baseOffset, batches, validBytes, bytes }] = segments
    const younger = [...batches.slice(0, -1), stored(2, ['z'], { at: 9000 })]
    expect(idOf(checkIndexes([{ baseOffset, batches: younger, validBytes, bytes }], log))).toBe('S3')
  })
})

describe('S4', () => {
  it('is broken by a second recovery that finds something else, but for what the cache had kept', () => {
    const ghost = ghostOf(three, { recovered: three, recoveredAfter: 'power', stop: 'power' })
    expect(idOf(checkSameRecovery(ghost, three))).toBe('holds')
    expect(idOf(checkSameRecovery(ghost, [first, second]))).toBe('S4')
    expect(idOf(checkSameRecovery({ ...ghost, recoveredAfter: 'kill' }, [first]))).toBe('holds')
    expect(idOf(checkSameRecovery({ ...ghost, recovered: null }, [first]))).toBe('holds')
  })
})

describe('S5', () => {
  it('is broken by an acknowledgement of what the disk refused', () => {
    expect(idOf(checkRefusal({ error: KafkaError.KAFKA_STORAGE_ERROR }, true))).toBe('holds')
    expect(idOf(checkRefusal({ error: KafkaError.NONE }, false))).toBe('holds')
    expect(idOf(checkRefusal({ error: KafkaError.NONE }, true))).toBe('S5')
  })
})

describe('A1 and R11', () => {
  it('are broken by a batch that was replaced, and by epochs that are not those of the batches', () => {
    expect(idOf(checkAcknowledged([segment(0, three)], ghostOf(three)))).toBe('holds')
    expect(idOf(checkAcknowledged([segment(0, [first, stored(1, ['x', 'c']), third])], ghostOf(three)))).toBe('A1')
    const batches = [stored(0, ['a']), stored(1, ['b'], { epoch: 2 })]
    const log = (entries: [number, number][]): Pick<PartitionLog, 'epochs' | 'logStartOffset' | 'logEndOffset'> => ({
      epochs: new LeaderEpochCache(entries.map(([epoch, startOffset]) => ({ epoch, startOffset }))),
      logStartOffset: 0,
      logEndOffset: 2,
    })
    const right: [number, number][] = [
      [0, 0],
      [2, 1],
      [3, 2],
    ]
    expect(idOf(checkEpochs([segment(0, batches)], log(right), false))).toBe('holds')
    expect(idOf(checkEpochs([segment(0, batches)], log([[0, 0]]), false))).toBe('R11')
    expect(idOf(checkEpochs([segment(0, batches)], log([[2, 0]]), true))).toBe('R11')
    expect(
      idOf(
        checkEpochs(
          [segment(0, [batches[0]])],
          log([
            [0, 0],
            [1, 1],
          ]),
          false,
        ),
      ),
    ).toBe('R11')
  })
})

describe('P1, P2, P4', () => {
  const time = { now: 1500, deleteRetentionMs: 1000 }
  const written = [stored(0, ['k=1']), stored(1, ['l=1']), stored(2, ['k=2']), stored(3, ['l='])]
  const survivors = (left: readonly number[], decidedTo = 4): string => {
    const ghost = ghostOf(written, { decidedTo })
    const segments = [
      segment(
        0,
        written.filter((batch) => left.includes(batch.baseOffset)),
      ),
    ]
    return idOf(checkSurvivors(traceRecords(segments, ghost), ghost, time))
  }

  it('P1 is broken by the loss of the newest value, and by one that was replaced by what is undecided', () => {
    expect(survivors([2, 3])).toBe('holds')
    expect(survivors([0, 3])).toBe('P1')
    expect(survivors([2, 3], 2)).toBe('P1')
    expect(survivors([1, 2], 3)).toBe('P1')
  })

  it('P4 is broken by a tombstone that goes early', () => {
    expect(survivors([2])).toBe('P4')
    const ghost = ghostOf(written)
    const traced = traceRecords([segment(0, [written[2]])], ghost)
    expect(idOf(checkSurvivors(traced, ghost, { now: 2000, deleteRetentionMs: 1000 }))).toBe('holds')
  })

  it('P2 is broken by a record that has moved or changed', () => {
    const ghost = ghostOf(written)
    expect(idOf(checkUnchanged([segment(0, written.slice(2))], ghost))).toBe('holds')
    expect(idOf(checkUnchanged([segment(0, [stored(2, ['k=3'])])], ghost))).toBe('P2')
    expect(idOf(checkUnchanged([segment(0, [stored(7, ['k=2'])])], ghost))).toBe('P2')
    expect(idOf(checkUnchanged([segment(0, [written[2], written[1]])], ghost))).toBe('P2')
  })
})

describe('P3', () => {
  const data = stored(0, ['t=1'], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  const time = { now: 3000, deleteRetentionMs: 1000 }

  it('is broken by a marker that goes before its data, or before its time', () => {
    const log = logAfter(cleanerModel, ['transaction a-0', 'commit a-0'])
    const written = [data, endMarker(1)]
    const check = (left: typeof written, at = time): string =>
      idOf(checkMarkers([segment(0, left)], ghostOf(written), log, at))
    expect(check(written)).toBe('holds')
    expect(check([data])).toBe('P3')
    expect(check([])).toBe('holds')
    expect(check([], { ...time, now: 1500 })).toBe('P3')
  })

  it('is broken by an abort that is not known any more while its data is there', () => {
    const log = logAfter(cleanerModel, ['transaction a-0', 'abort a-0'])
    const written = [data, endMarker(1, { commit: false })]
    expect(idOf(checkMarkers([segment(0, written)], ghostOf(written), log, time))).toBe('holds')
    log.local.active.transactionIndex.reset()
    expect(idOf(checkMarkers([segment(0, written)], ghostOf(written), log, time))).toBe('P3')
  })
})

describe('P5', () => {
  it('is broken by a log start that falls or passes the high watermark', () => {
    expect(idOf(checkLogStart({ logStartOffset: 3, highWatermark: 5 }, { logStart: 3 }))).toBe('holds')
    expect(idOf(checkLogStart({ logStartOffset: 2, highWatermark: 5 }, { logStart: 3 }))).toBe('P5')
    expect(idOf(checkLogStart({ logStartOffset: 6, highWatermark: 5 }, { logStart: 3 }))).toBe('P5')
  })
})

describe('the ghost of a log', () => {
  it('takes over what a recovery has found, also a tail that was cut off before', () => {
    const ghost = ghostOf(three)
    const other = stored(1, ['x'])
    ghost.ever.set(`1 ${other.digest}`, other)
    noteRecovered(ghost, [first, other], { logEndOffset: 2, highWatermark: 0, logStartOffset: 0 })
    expect(ghost.written.map((batch) => batch.digest)).toEqual([first.digest, other.digest])
    expect([ghost.durableTo, ghost.decidedTo, ghost.stop]).toEqual([2, 2, 'none'])
  })
})
