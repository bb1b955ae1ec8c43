/** Z05, Z20, Z31: what a client must not take on trust, with the production consumer, producer and assignors. */
import { consumerTruncationBounds, consumerTruncationModel } from '../models/consumer-truncation.ts'
import { expiredIdModel } from '../models/expired-id.ts'
import { stickyClaimsModel } from '../models/sticky-claims.ts'
import type { Cage } from './contract.ts'

const truncation = { model: consumerTruncationModel, find: 'search' } as const
const bounds = (changed: Cage['bounds']): Cage['bounds'] => ({ ...consumerTruncationBounds, ...changed })

export const clientCages: readonly Cage[] = [
  {
    ...truncation,
    id: 'Z05-validate-position',
    title: 'A consumer goes on at its offset in a log that has other records before it',
    source: 'KIP-320, KAFKA-7747',
    safeguard: 'validatePosition',
    invariants: ['C3'],
    bounds: bounds({}),
  },
  {
    ...truncation,
    id: 'Z05-current-leader-epoch',
    title: 'A leader that has truncated and leads again answers a fetch of its earlier epoch',
    source: 'KIP-320',
    safeguard: 'checkCurrentLeaderEpoch',
    invariants: ['C3'],
    bounds: bounds({ elections: 2, catchUps: 1, fetchVersion: 11 }),
  },
  {
    ...truncation,
    id: 'Z05-recheck',
    title: 'A validation by the leader before is taken for one by the leader now',
    source: 'KAFKA-8429',
    safeguard: 'recheckAfterValidation',
    invariants: ['C3'],
    bounds: bounds({ elections: 2, reelections: 1, fetchVersion: 11 }),
  },
  {
    id: 'Z20',
    title: 'A fenced producer whose transactional.id has expired begins anew, and does again what another has done',
    source: 'KAFKA-18019',
    safeguard: 'invalidPidMappingIsFatal',
    invariants: ['T7'],
    model: expiredIdModel,
    bounds: { inputs: 1, weeks: 1 },
    find: 'search',
  },
  {
    id: 'Z31-classic',
    title: 'A member that missed a generation names what another one has been given since, and both keep it',
    source: 'KAFKA-12984, KAFKA-13419, KAFKA-14639',
    safeguard: 'stickyUsesGeneration',
    invariants: ['G1'],
    model: stickyClaimsModel,
    bounds: { members: 3, partitions: 3, generations: 3, leaves: 1, cooperative: 0 },
    find: 'search',
  },
]
