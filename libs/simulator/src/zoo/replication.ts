/**
 * Z01–Z04 and Z06–Z12: the cages of replication. Their bounds are counts of what may go wrong; see models/replication.ts.
 *
 * Z05 (a consumer crosses a truncation) needs consumers and unclean elections: it is in clients.ts.
 */
import { replicationBounds, replicationModel } from '../models/replication.ts'
import type { Cage } from './contract.ts'

const walk = { model: replicationModel, find: 'walk' } as const
const search = { model: replicationModel, find: 'search' } as const
const bounds = (changed: Cage['bounds']): Cage['bounds'] => ({ ...replicationBounds, ...changed })

/** Where a search with the safeguard off comes to its end within a minute. */
const pair = bounds({ brokers: 2, records: 2, elections: 2 })
/** KIP-966 with one disk that may fail. */
const eligible = { minIsr: 2, elr: 1, elections: 0, kills: 1 }

export const replicationCages: readonly Cage[] = [
  {
    ...walk,
    id: 'Z01',
    title: 'A follower truncates to a high watermark that it has not heard of yet, and drops a committed record',
    source: 'KIP-101, KAFKA-1211',
    safeguard: 'truncateByEpoch',
    invariants: ['R4', 'R1', 'R2', 'R12'],
    bounds: bounds({}),
  },
  {
    ...walk,
    id: 'Z02',
    title: 'After a fast fail-over the look-up names an end and no epoch; a diverged record stays',
    source: 'KIP-279, KAFKA-6361',
    safeguard: 'epochLookupReturnsLargestEpoch',
    invariants: ['R4', 'R2', 'R1'],
    bounds: bounds({ records: 3, elections: 3 }),
  },
  {
    ...walk,
    id: 'Z03-record-on-election',
    title: 'A leader that has written nothing knows no truncation point for a later epoch; its follower asks for ever',
    source: 'KAFKA-7415',
    safeguard: 'recordEpochOnElection',
    invariants: ['L3', 'R2'],
    bounds: bounds({ brokers: 2, elections: 3, liveness: 1 }),
  },
  {
    ...walk,
    id: 'Z03-truncate-on-noop',
    title: 'Truncation to the end leaves the epoch of an empty election in the cache; the follower truncates for ever',
    source: 'KAFKA-10706',
    safeguard: 'truncateEpochCacheOnNoop',
    invariants: ['L3', 'R11'],
    bounds: bounds({ brokers: 2, records: 1, elections: 3, liveness: 1 }),
  },
  {
    ...walk,
    id: 'Z04-fetch',
    title: 'A follower takes records from a leader of another epoch than its own',
    source: 'KIP-320',
    safeguard: 'fenceFetch',
    invariants: ['R11', 'R4', 'R2'],
    bounds: bounds({ records: 3, elections: 3 }),
  },
  {
    ...search,
    id: 'Z04-become-follower',
    title: 'A follower truncates as a leader of another epoch says',
    source: 'KIP-320',
    safeguard: 'fenceTruncation',
    invariants: ['R4', 'R1'],
    bounds: pair,
    impossible:
      'truncation is an answer to a fetch: the follower compares its epoch and position with those of the answer, and ' +
      'asks again before it counts',
  },
  {
    ...search,
    id: 'Z04-hw-advance',
    title: 'The high watermark counts a position of an older epoch',
    source: 'KIP-320',
    safeguard: 'fenceHighWatermarkAdvance',
    invariants: ['R4', 'R1'],
    bounds: pair,
    impossible: 'a fetch of another epoch is refused before its position is looked at (fenceFetch, fenceTruncation)',
  },
  {
    ...search,
    id: 'Z04-isr-expand',
    title: 'A fetch of an older epoch brings a follower into the ISR',
    source: 'KIP-320',
    safeguard: 'fenceIsrExpand',
    invariants: ['R12', 'R4'],
    bounds: bounds({ brokers: 2, records: 1, elections: 2, shrinks: 1 }),
    impossible: 'a fetch of another epoch is refused before its position is looked at (fenceFetch, fenceTruncation)',
  },
  {
    ...walk,
    id: 'Z04-epoch-start',
    title: 'A follower joins the ISR below the start of the leader epoch',
    source: 'KIP-320, KAFKA-7128',
    safeguard: 'isrRequiresEpochStart',
    invariants: ['R12', 'R4'],
    bounds: bounds({ elections: 1, shrinks: 1, outside: 1 }),
  },
  {
    ...walk,
    id: 'Z06',
    title: 'The high watermark advances over an ISR that the controller has enlarged already',
    source: 'KIP-497',
    safeguard: 'maximalIsr',
    invariants: ['R4', 'R12', 'R5', 'R1'],
    bounds: bounds({ records: 1, elections: 1, shrinks: 2, outside: 1 }),
  },
  {
    ...walk,
    id: 'Z07-pending',
    title: 'Metadata that says nothing new clears a proposal that the controller then applies',
    source: 'KAFKA-12686',
    safeguard: 'keepPendingOnMetadata',
    invariants: ['R5', 'R4', 'R1'],
    bounds: bounds({ records: 1, elections: 1, fences: 1, outside: 1 }),
  },
  {
    ...search,
    id: 'Z07-cas',
    title: 'A delayed AlterPartition overwrites what the controller has decided since',
    source: 'KAFKA-12686, KIP-497',
    safeguard: 'alterPartitionEpoch',
    invariants: ['K7', 'R5'],
    bounds: bounds({ records: 1, elections: 0, fences: 1, shrinks: 1 }),
  },
  {
    ...search,
    id: 'Z07-idempotent-retry',
    title: 'The answer is lost, and metadata of the partition epoch that the leader has is ignored: the ISR is frozen',
    source: 'KAFKA-13790, KAFKA-14144',
    safeguard: 'acceptEqualPartitionEpoch',
    invariants: ['L4', 'L3'],
    bounds: bounds({ brokers: 2, records: 1, elections: 1, shrinks: 1, drops: 1, liveness: 1 }),
    impossible:
      'every refusal says that the controller has a newer partition epoch, so newer metadata is on its way and settles ' +
      'the proposal',
  },
  {
    ...search,
    id: 'Z08-leader',
    title: 'The leader proposes a fenced broker',
    source: 'KIP-841, KAFKA-13916',
    safeguard: 'rejectFencedFromIsr',
    invariants: ['R6', 'L3'],
    bounds: bounds({ brokers: 2, records: 1, elections: 1, fences: 1, outside: 1 }),
    impossible: 'the controller refuses it; until then the high watermark waits for it',
  },
  {
    ...search,
    id: 'Z08-controller',
    title: 'The controller takes a broker into the ISR that it has fenced',
    source: 'KIP-841, KAFKA-13916',
    safeguard: 'controllerRejectsFenced',
    invariants: ['R6'],
    bounds: bounds({ records: 1, elections: 0, fences: 1, outside: 1 }),
  },
  {
    ...search,
    id: 'Z09-broker-epoch',
    title: 'A broker dies, comes back with an empty disk, and a delayed AlterPartition takes it into the ISR',
    source: 'KIP-903, KAFKA-14139',
    safeguard: 'alterPartitionBrokerEpoch',
    invariants: ['R7', 'R12', 'R1'],
    bounds: bounds({ ...eligible, records: 1, replaced: 1, outside: 1, victims: 1 }),
  },
  {
    ...search,
    id: 'Z09-single-snapshot',
    title: 'An AlterPartition that is sent again names the incarnation that came back, not the one that was in sync',
    source: 'KAFKA-15221',
    safeguard: 'eligibilitySingleSnapshot',
    invariants: ['R12', 'R7', 'R1'],
    bounds: bounds({ ...eligible, records: 1, replaced: 1, drops: 1, outside: 1, victims: 1 }),
  },
  {
    ...walk,
    id: 'Z10-elr',
    title: 'The last replica in the ISR loses its tail, leads again, and the others truncate to match',
    source: 'KIP-966',
    safeguard: 'eligibleLeaderReplicas',
    invariants: ['R3', 'R1', 'R4', 'R9'],
    bounds: bounds({ ...eligible, losses: 1, fences: 2 }),
  },
  {
    ...walk,
    id: 'Z10-unclean-shutdown',
    title: 'A broker that lost its tail comes back and stays eligible',
    source: 'KIP-966',
    safeguard: 'uncleanShutdownDetection',
    invariants: ['R7', 'R1', 'R4'],
    bounds: bounds({ ...eligible, elections: 1, losses: 1, fences: 2 }),
  },
  {
    ...walk,
    id: 'Z11',
    title: 'The high watermark advances below min ISR; what a consumer has read vanishes in a clean election',
    source: 'KIP-966',
    safeguard: 'highWatermarkRequiresMinIsr',
    invariants: ['R3', 'R9', 'R1', 'R4'],
    bounds: bounds({ minIsr: 2, elr: 1, acks: 1, elections: 1, fences: 3 }),
  },
  {
    ...walk,
    id: 'Z12-reset-followers',
    title: 'A replica that was taken away and brought back empty counts for what it had',
    source: 'TLA-V replication specification',
    safeguard: 'resetFollowersOnEpoch',
    invariants: ['R4', 'R12', 'R1'],
    bounds: bounds({ records: 1, elections: 0, reassigns: 1, skips: 1 }),
  },
  {
    ...walk,
    id: 'Z12-match-response',
    title: 'The answer to an earlier fetch is appended',
    source: 'TLA-V replication specification',
    safeguard: 'matchFetchResponse',
    invariants: ['R11', 'R2', 'R4'],
    bounds: bounds({ records: 3, elections: 3 }),
  },
]
