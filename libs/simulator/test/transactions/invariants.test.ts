import { describe, expect, it } from 'vitest'
import {
  checkAcceptedCommit,
  checkAckedCommits,
  checkExactlyOnce,
  checkGroup,
  checkInstances,
  checkReplayed,
  type GroupView,
} from '../../src/invariants/groups.ts'
import {
  checkAbortedIndex,
  checkCommittedRead,
  checkLastStableOffset,
  checkTransactions,
  type CommittedRead,
} from '../../src/invariants/transactions.ts'
import type {
  TransactionsView,
  TxnAttempt,
  TxnBatch,
  TxnPartition,
  TxnRecord,
} from '../../src/invariants/transactions-view.ts'

const data = (offset: number, value: string, producerEpoch = 0, producerId = 7): TxnBatch => ({
  offset,
  producerId,
  producerEpoch,
  kind: 'data',
  coordinatorEpoch: -1,
  values: [value],
})

const marker = (offset: number, kind: 'commit' | 'abort', producerEpoch = 1, coordinatorEpoch = 1): TxnBatch => ({
  offset,
  producerId: 7,
  producerEpoch,
  kind,
  coordinatorEpoch,
  values: [],
})

function partition(name: string, ...batches: TxnBatch[]): TxnPartition {
  const end = (batches.at(-1)?.offset ?? -1) + 1
  return { name, batches, highWatermark: end, lastStableOffset: end }
}

const record = (state: string, producerEpoch = 0, fields: Partial<TxnRecord> = {}): TxnRecord => ({
  transactionalId: 'T',
  state,
  producerId: 7,
  producerEpoch,
  partitions: ['t:0', 't:1'],
  clientVersion: 2,
  ...fields,
})

const attempt = (fields: Partial<TxnAttempt> = {}): TxnAttempt => ({
  id: 'c1.1',
  asked: 'commit',
  told: 'commit',
  acked: ['c1.1.p0'],
  ...fields,
})

const view = (fields: Partial<TransactionsView>): TransactionsView => ({
  partitions: [],
  records: [],
  attempts: [],
  owners: [],
  told: [],
  ...fields,
})

const committed = [record('EMPTY'), record('ONGOING'), record('PREPARE_COMMIT', 1), record('COMPLETE_COMMIT', 1)]
const idOf = (fields: Partial<TransactionsView>): string | undefined => checkTransactions(view(fields))?.invariant

describe('transactions', () => {
  const p0 = partition('t:0', data(0, 'c1.1.p0'), marker(1, 'commit'))

  it('has nothing to say about a transaction that is committed everywhere', () => {
    const p1 = partition('t:1', data(0, 'c1.1.p1'), marker(1, 'commit'))
    expect(checkTransactions(view({ partitions: [p0, p1], records: committed, attempts: [attempt()] }))).toBeNull()
  })

  it('T1: a transaction is committed here and aborted there', () => {
    const p1 = partition('t:1', data(0, 'c1.1.p1'), marker(1, 'abort'))
    const attempts = [attempt({ told: null })]
    expect(idOf({ partitions: [p0, p1], records: committed, attempts })).toBe('T1')
  })

  it('T1: a record that was acknowledged is missing from its committed transaction', () => {
    const attempts = [attempt({ acked: ['c1.1.p0', 'c1.1.p1'] })]
    expect(idOf({ partitions: [p0], records: committed, attempts })).toBe('T1')
  })

  it('T2: what is committed was to be aborted, or was not ended at all', () => {
    const attempts = [attempt({ asked: 'abort', told: null })]
    expect(idOf({ partitions: [p0], records: committed, attempts })).toBe('T2')
    expect(idOf({ partitions: [p0], records: committed, attempts: [attempt({ asked: null, told: null })] })).toBe('T2')
  })

  it('T2: what the producer knows to be committed is aborted', () => {
    const partitions = [partition('t:0', data(0, 'c1.1.p0'), marker(1, 'abort'))]
    expect(idOf({ partitions, records: committed, attempts: [attempt()] })).toBe('T2')
  })

  it('T4: an open transaction that its coordinator has completed, does not know there, or knows in another epoch', () => {
    const partitions = [partition('t:0', data(0, 'c1.1.p0'))]
    const ongoing = committed.slice(0, 2)
    expect(idOf({ partitions, records: ongoing })).toBeUndefined()
    expect(idOf({ partitions, records: committed.slice(0, 3) })).toBeUndefined()
    expect(idOf({ partitions, records: committed })).toBe('T4')
    expect(idOf({ partitions, records: [] })).toBe('T4')
    expect(idOf({ partitions, records: [record('EMPTY'), record('ONGOING', 0, { partitions: ['t:1'] })] })).toBe('T4')
    // The marker on its way is of epoch 1: a batch of that epoch is of the next transaction.
    const next = [partition('t:0', data(0, 'c1.2.p0', 1))]
    expect(idOf({ partitions: next, records: committed.slice(0, 3) })).toBe('T4')
  })

  it('T5: COMPLETE without PREPARE, and twice', () => {
    expect(idOf({ records: [record('EMPTY'), record('ONGOING'), record('COMPLETE_COMMIT')] })).toBe('T5')
    expect(idOf({ records: [...committed, record('COMPLETE_COMMIT', 1)] })).toBe('T5')
    expect(idOf({ records: [...committed.slice(0, 3), record('COMPLETE_ABORT', 1)] })).toBe('T5')
  })

  it('T6: epochs that fall, jump, pass the limit, or come back', () => {
    expect(idOf({ records: [record('EMPTY', 3), record('EMPTY', 2)] })).toBe('T6')
    expect(idOf({ records: [record('EMPTY', 3), record('EMPTY', 5)] })).toBe('T6')
    expect(idOf({ records: [record('EMPTY', 32767), record('EMPTY', 32768)] })).toBe('T6')
    expect(idOf({ records: [record('EMPTY'), record('EMPTY', 0, { producerId: 8 }), record('EMPTY')] })).toBe('T6')
    expect(idOf({ records: [record('EMPTY'), record('EMPTY', 1, { producerId: 8 })] })).toBe('T6')
    expect(idOf({ told: [{ producerId: 7, producerEpoch: 32767 }] })).toBe('T6')
    expect(idOf({ records: [record('EMPTY', 32766), record('EMPTY', 0, { producerId: 8 })] })).toBeUndefined()
  })

  it('T6: a marker of an older coordinator comes after one of a newer', () => {
    const partitions = [partition('t:0', marker(0, 'abort', 1, 5), marker(1, 'abort', 2, 4))]
    expect(idOf({ partitions })).toBe('T6')
  })

  it('T9: the owner before appends after the new one was told its epoch', () => {
    const partitions = [partition('t:0', data(0, 'c1.1.p0'))]
    const owner = { transactionalId: 'T', producerId: 7, producerEpoch: 2 }
    expect(
      idOf({ partitions, records: committed.slice(0, 2), owners: [{ ...owner, ends: { 't:0': 1 } }] }),
    ).toBeUndefined()
    expect(idOf({ partitions, records: committed.slice(0, 2), owners: [{ ...owner, ends: { 't:0': 0 } }] })).toBe('T9')
  })
})

describe('read_committed', () => {
  const open = {
    ...partition('t:0', data(0, 'c1.1.p0'), marker(1, 'commit'), data(2, 'c1.2.p0', 1)),
    lastStableOffset: 2,
  }
  const aborted = partition(
    't:0',
    data(0, 'c1.1.p0'),
    marker(1, 'abort'),
    data(2, 'c1.2.p0', 1),
    marker(3, 'commit', 2),
  )

  it('T3: the last stable offset is the first offset of the oldest open transaction', () => {
    expect(checkLastStableOffset(open)).toBeNull()
    expect(checkLastStableOffset({ ...open, lastStableOffset: 3 })?.invariant).toBe('T3')
    // The marker is there and not replicated yet.
    const unreplicated = { ...aborted, highWatermark: 3, lastStableOffset: 3 }
    expect(checkLastStableOffset(unreplicated)?.invariant).toBe('T3')
    expect(checkLastStableOffset({ ...unreplicated, lastStableOffset: 2 })).toBeNull()
  })

  const batchOf = (offset: number, value: string) => ({ offset, producerId: 7, values: [value] })
  const read = (fields: Partial<CommittedRead>): CommittedRead => ({
    lastStableOffset: 4,
    batches: [batchOf(0, 'c1.1.p0'), { offset: 1, producerId: 7, values: [] }, batchOf(2, 'c1.2.p0')],
    aborted: [{ producerId: 7, firstOffset: 0 }],
    from: 0,
    to: 4,
    ...fields,
  })

  it('T3: nothing past the last stable offset, nothing aborted, nothing undecided', () => {
    expect(checkCommittedRead(aborted, read({}))).toBeNull()
    expect(checkCommittedRead(aborted, read({ lastStableOffset: 2 }))?.invariant).toBe('T3')
    expect(checkCommittedRead(aborted, read({ aborted: [] }))?.detail).toContain('aborted')
    expect(checkCommittedRead(open, read({ aborted: [] }))?.detail).toContain('open')
  })

  it('T10: the aborted transactions of the range, no fewer and no more', () => {
    expect(checkAbortedIndex(aborted, read({}))).toBeNull()
    expect(checkAbortedIndex(aborted, read({ aborted: [] }))?.invariant).toBe('T10')
    const tooMany = [...read({}).aborted, { producerId: 7, firstOffset: 2 }]
    expect(checkAbortedIndex(aborted, read({ aborted: tooMany }))?.invariant).toBe('T10')
    // It ended before the range begins.
    expect(checkAbortedIndex(aborted, read({ from: 2, batches: [batchOf(2, 'c1.2.p0')], aborted: [] }))).toBeNull()
  })

  it('T7: an input offset is in committed output twice', () => {
    const twice = partition(
      'o:0',
      data(0, 'c1.1.p5'),
      marker(1, 'commit'),
      data(2, 'c2.1.p5', 1),
      marker(3, 'commit', 2),
    )
    expect(checkExactlyOnce([twice])?.invariant).toBe('T7')
    const retried = partition(
      'o:0',
      data(0, 'c1.1.p5'),
      marker(1, 'abort'),
      data(2, 'c2.1.p5', 1),
      marker(3, 'commit', 2),
    )
    expect(checkExactlyOnce([retried])).toBeNull()
  })
})

describe('groups', () => {
  const member = (memberId: string, instanceId: string | null = null, owns: string[] = []) => ({
    memberId,
    instanceId,
    owns,
  })
  const group = (fields: Partial<GroupView> = {}): GroupView => ({
    groupId: 'g',
    phase: 'Stable',
    generation: 2,
    members: [member('a', null, ['in:0'])],
    instances: new Map(),
    ...fields,
  })

  it('G3: generations that were written never fall, and one partition has one owner', () => {
    expect(checkGroup(group(), 2)).toBeNull()
    expect(checkGroup(group(), 3)?.invariant).toBe('G3')
    expect(checkGroup(group({ phase: 'PreparingRebalance' }), 3)).toBeNull()
    const both = [member('a', null, ['in:0']), member('b', null, ['in:0'])]
    expect(checkGroup(group({ members: both }), 2)?.invariant).toBe('G3')
  })

  it('G4: an older generation, a stranger, a fenced instance', () => {
    const from = { memberId: 'a', instanceId: null, generation: 2 }
    expect(checkAcceptedCommit(group(), from)).toBeNull()
    expect(checkAcceptedCommit(group(), { ...from, generation: 1 })?.invariant).toBe('G4')
    expect(checkAcceptedCommit(group(), { ...from, memberId: 'b' })?.invariant).toBe('G4')
    const replaced = group({ members: [member('a', 'i'), member('b', 'i')], instances: new Map([['i', 'b']]) })
    expect(checkAcceptedCommit(replaced, { ...from, instanceId: 'i' })?.invariant).toBe('G4')
    const anybody = { memberId: '', instanceId: null, generation: -1 }
    expect(checkAcceptedCommit(group({ phase: 'Empty', members: [] }), anybody)).toBeNull()
  })

  it('G5: an acknowledged commit is not in the log', () => {
    expect(checkAckedCommits(['c1.1.o0'], new Set(['c1.1.o0']))).toBeNull()
    expect(checkAckedCommits(['c1.1.o0'], new Set(['c1.1.o1']))?.invariant).toBe('G5')
  })

  it('G6: the coordinator knows more or less than its log', () => {
    expect(checkReplayed(new Map([['g/in:0', 1]]), new Map([['g/in:0', 1]]))).toBeNull()
    expect(checkReplayed(new Map([['g/in:0', 2]]), new Map([['g/in:0', 1]]))?.invariant).toBe('G6')
    expect(checkReplayed(new Map([['g/in:0?7', 2]]), new Map())?.invariant).toBe('G6')
    expect(checkReplayed(new Map(), new Map([['g/in:0', 2]]))?.invariant).toBe('G6')
  })

  it('G9: two live as one instance, or the coordinator takes it for another', () => {
    const instances = new Map([['i', 'b']])
    expect(checkInstances(group({ members: [member('b', 'i')], instances }))).toBeNull()
    expect(checkInstances(group({ members: [member('a', 'i'), member('b', 'i')], instances }))?.invariant).toBe('G9')
    expect(checkInstances(group({ members: [member('a', 'i')], instances }))?.invariant).toBe('G9')
    expect(checkInstances(group({ members: [], instances }))?.invariant).toBe('G9')
  })
})
