/** Z32: a coordinator that moves from broker to broker. */
import { coordinatorModel } from '../models/coordinator.ts'
import type { Cage } from './contract.ts'

export const coordinatorCages: readonly Cage[] = [
  {
    id: 'Z32',
    title: 'A resignation that comes late empties the coordinator of a later epoch',
    source: 'KAFKA-10614, PR #9441',
    safeguard: 'coordinatorEpochGate',
    invariants: ['G7'],
    model: coordinatorModel,
    bounds: { elections: 2, commits: 1 },
    find: 'search',
  },
  {
    id: 'Z32-append',
    title: 'A coordinator loads from, and appends to, a log of another epoch than its own',
    source: 'KAFKA-10614, on the side of the replica',
    safeguard: 'coordinatorAppendEpoch',
    invariants: ['G5', 'G6'],
    model: coordinatorModel,
    bounds: { elections: 2, commits: 1 },
    find: 'search',
  },
  {
    id: 'Z32-listener',
    title: 'A follower that has truncated a commit completes it with the high watermark of another record',
    source: 'KAFKA-20634, PR #22444',
    safeguard: 'highWatermarkListenerChecksEpoch',
    invariants: ['A1', 'G5'],
    model: coordinatorModel,
    bounds: { elections: 1, commits: 2 },
    find: 'search',
  },
]
