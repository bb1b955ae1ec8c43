/** Z28 and Z30: the cages of committed offsets. See models/offsets.ts for the bounds. */
import { offsetBounds, offsetsModel } from '../models/offsets.ts'
import type { Cage } from './contract.ts'

const common = { model: offsetsModel, find: 'search' } as const
const bounds = (changed: Cage['bounds']): Cage['bounds'] => ({ ...offsetBounds, ...changed })

export const offsetCages: readonly Cage[] = [
  {
    ...common,
    id: 'Z28',
    title: 'A marker is answered before its offsets are in place, and takes those of the next transaction with it',
    source: 'KAFKA-17507',
    safeguard: 'replyAfterApply',
    invariants: ['G6', 'T1'],
    bounds: bounds({ transactional: 1, members: 1, records: 2 }),
  },
  {
    ...common,
    id: 'Z30-offset-commit',
    title: 'A zombie of an earlier generation commits',
    source: 'KAFKA-9365',
    safeguard: 'fenceOffsetCommit',
    invariants: ['G4'],
    bounds: bounds({}),
  },
  {
    ...common,
    id: 'Z30-txn-offset-commit',
    title: 'A zombie of an earlier generation commits in its transaction',
    source: 'KIP-447',
    safeguard: 'fenceTxnOffsetCommit',
    invariants: ['G4', 'T7'],
    bounds: bounds({ transactional: 1 }),
  },
  {
    ...common,
    id: 'Z30-require-stable',
    title: 'The next owner reads an offset that an undecided transaction is about to change',
    source: 'KIP-447',
    safeguard: 'requireStableOffsets',
    invariants: ['T7'],
    bounds: bounds({ transactional: 1 }),
  },
]
