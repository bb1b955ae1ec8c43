/** The ideal store against the one that brokers use, on a disk that forgets: the same calls, the same answers. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { QuorumStore } from '@troupe/controller/quorum-store'
import { encodeEntries } from '@troupe/controller/records'
import { FileQuorumStore } from '@troupe/controller/store/file-quorum-store'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { zeroUuid } from '@troupe/wire/uuid'
import { IdealQuorumStore } from '../../src/model-ports/ideal-quorum-store.ts'

type Call =
  | { kind: 'append'; epoch: number; records: number }
  | { kind: 'sync' }
  | { kind: 'truncate'; by: number }
  | { kind: 'elect'; epoch: number; durable: boolean }
  | { kind: 'snapshot'; before: number; install: boolean }
  | { kind: 'powerLoss' }
  | { kind: 'restart' }

const count = fc.integer({ min: 1, max: 3 })
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), epoch: fc.nat(2), records: count }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sync' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('truncate' as const), by: fc.nat(4) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('elect' as const), epoch: fc.nat(5), durable: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('snapshot' as const), before: fc.nat(2), install: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('powerLoss' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

function carryOut(store: QuorumStore, each: Call): void {
  switch (each.kind) {
    case 'append': {
      const records = Array.from({ length: each.records }, () => ({ type: 'NoOpRecord', value: {} }))
      return store.append(encodeEntries(records, store.endOffset, store.lastEpoch + each.epoch, 7))
    }
    case 'sync':
      return store.sync()
    case 'truncate':
      return store.truncateTo(Math.max(store.startOffset, store.endOffset - each.by))
    case 'elect': {
      const { epoch, durable } = each
      return store.writeElection({ epoch, leaderId: 1, votedId: -1, votedDirectoryId: zeroUuid }, durable)
    }
    case 'snapshot': {
      // Of committed state, which is on disk; one that is installed lies behind the end of the log.
      if (!each.install) store.sync()
      const offset = each.install ? store.endOffset + each.before : store.endOffset - each.before
      if (offset <= (store.latestSnapshot()?.offset ?? 0)) return
      const id = { offset, epoch: store.lastEpoch }
      const bytes = new Uint8Array([1, 2, offset])
      if (each.install) store.installSnapshot(id, bytes)
      else store.writeSnapshot(id, bytes)
      return store.trim(0)
    }
  }
}

function shown(store: QuorumStore): object {
  const id = store.latestSnapshot()
  const offsets = Array.from({ length: store.endOffset - store.startOffset + 1 }, (_, i) => store.startOffset + i)
  return {
    election: store.readElection(),
    start: store.startOffset,
    end: store.endOffset,
    synced: store.syncedOffset,
    lastEpoch: store.lastEpoch,
    size: store.sizeInBytes,
    whole: store.read(store.startOffset, 1 << 20),
    reads: offsets.map((offset) => store.read(offset, 150).length),
    epochs: [0, 1, 2, 3, 5, 8, 13].map((epoch) => store.endOffsetForEpoch(epoch)),
    snapshot: id && [id, store.snapshotSize(id), store.readSnapshot(id, 1, 1)],
  }
}

class Both {
  readonly files = new MemoryFileSystem({ syncAtOnce: true })
  ideal = new IdealQuorumStore('cluster', 'directory')
  real = this.open()

  open(): FileQuorumStore {
    return new FileQuorumStore(this.files, { path: '/d', clusterId: 'cluster', directoryId: 'directory' })
  }

  run(each: Call): void {
    if (each.kind === 'powerLoss' || each.kind === 'restart') {
      if (each.kind === 'powerLoss') this.files.crash()
      else this.real.close()
      this.real = this.open()
      if (each.kind === 'powerLoss') this.ideal.powerLoss()
      else this.ideal.restart()
      // Removals are not synced: on files, an old snapshot may come back.
      this.real.trim(0)
      this.ideal.trim(0)
    } else {
      carryOut(this.real, each)
      carryOut(this.ideal, each)
    }
    expect(shown(this.ideal)).toEqual(shown(this.real))
  }
}

test('it answers as the store on files does, power losses included', () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 30 }), (calls) => {
      const both = new Both()
      for (const each of calls) both.run(each)
    }),
    { numRuns: 500 },
  )
})

test('a copy goes its own way', () => {
  const one = new IdealQuorumStore('cluster', 'directory')
  carryOut(one, { kind: 'append', epoch: 1, records: 2 })
  const other = one.clone()
  expect(shown(other)).toEqual(shown(one))
  carryOut(other, { kind: 'append', epoch: 1, records: 1 })
  carryOut(other, { kind: 'elect', epoch: 4, durable: false })
  expect([one.endOffset, other.endOffset]).toEqual([2, 3])
  expect(one.readElection()).toBeNull()
})

test('of what is not synced, as much stays as is asked for', () => {
  const store = new IdealQuorumStore('cluster', 'directory')
  const one = { kind: 'append', epoch: 0, records: 1 } as const
  carryOut(store, one)
  store.sync()
  for (let i = 0; i < 3; i++) carryOut(store, one)
  carryOut(store, { kind: 'elect', epoch: 1, durable: false })
  store.powerLoss({ batches: 2, election: true })
  expect([store.endOffset, store.syncedOffset, store.readElection()?.epoch]).toEqual([3, 3, 1])
})

test('a batch that leaves a gap, goes back in epoch or is torn is refused', () => {
  const store = new IdealQuorumStore('cluster', 'directory')
  const batch = (offset: number, epoch: number): Uint8Array =>
    encodeEntries([{ type: 'NoOpRecord', value: {} }], offset, epoch, 7)
  store.append(batch(0, 2))
  const torn = batch(1, 2)
  torn[torn.length - 1] ^= 1
  for (const wrong of [batch(2, 2), batch(1, 1), torn]) expect(() => store.append(wrong)).toThrow('does not continue')
  expect(store.endOffset).toBe(1)
})
