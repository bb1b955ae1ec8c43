/**
 * Z16, Z17, Z18, Z19: what a log must remember of its producers, for how long, and what it must not take on trust. Once at
 * the log, and (`-client`) once with the production producer, to show what becomes of an application's records.
 */
import { idempotentClientModel } from '../models/idempotent-client.ts'
import { producersModel } from '../models/idempotence.ts'
import type { Cage } from './contract.ts'

/** One client, no transactions, no restarts. */
const client = { clients: 1, transactions: 0, markers: 0, deletions: 0, advances: 0, stops: 0, stateUnseen: 1 }

export const idempotenceCages: readonly Cage[] = [
  {
    id: 'Z16',
    title: 'A log that remembers one batch per producer does not know a retry of an earlier one again',
    source: 'KAFKA-5494',
    safeguard: 'rememberFiveBatches',
    invariants: ['I3', 'I1'],
    model: producersModel,
    bounds: { ...client, batches: 3, sends: 5 },
    find: 'search',
  },
  {
    id: 'Z17',
    title: 'A first batch of any sequence is taken, and the one before it never again',
    source: 'KAFKA-14359, KAFKA-15591, PR #23234',
    safeguard: 'requireZeroFirstSequence',
    invariants: ['I2', 'A1'],
    model: producersModel,
    bounds: { ...client, batches: 3, sends: 4 },
    find: 'search',
  },
  {
    id: 'Z18',
    title: 'A producer is forgotten with its deleted batches, and its retry is written again',
    source: 'KIP-360, KAFKA-7190, KAFKA-8710',
    safeguard: 'keepProducerStateOnLogStart',
    invariants: ['I1', 'I3'],
    model: producersModel,
    bounds: { ...client, batches: 1, sends: 3, deletions: 1 },
    find: 'search',
  },
  {
    id: 'Z19',
    title: 'A producer expires in spite of a marker, and a marker of the coordinator before is taken',
    source: 'KAFKA-9144, PR #7687',
    safeguard: 'expireByMarkerTime',
    invariants: ['T6'],
    model: producersModel,
    bounds: { ...client, clients: 0, batches: 0, sends: 0, transactions: 1, markers: 3, advances: 2 },
    find: 'search',
  },
  {
    id: 'Z16-client',
    title: 'Two requests in flight and a broken connection: the producer writes its records again in a new epoch',
    source: 'KAFKA-5494',
    safeguard: 'rememberFiveBatches',
    invariants: ['I1', 'A3'],
    model: idempotentClientModel,
    bounds: { records: 3, disconnects: 1, deletions: 0, late: 0 },
    find: 'search',
  },
  {
    id: 'Z17-client',
    title: 'The second request arrives just when its broker has learned that it leads',
    source: 'KAFKA-14359, KAFKA-15591, PR #23234',
    safeguard: 'firstBatchAlone',
    invariants: ['I2', 'A3'],
    model: idempotentClientModel,
    bounds: { records: 2, disconnects: 0, deletions: 0, late: 1, anyFirst: 1 },
    find: 'search',
  },
  {
    id: 'Z18-client',
    title: 'Records are deleted while their acknowledgement is lost: the retry writes them again',
    source: 'KIP-360, KAFKA-7190',
    safeguard: 'keepProducerStateOnLogStart',
    invariants: ['I1'],
    model: idempotentClientModel,
    bounds: { records: 1, disconnects: 1, deletions: 1, late: 0 },
    find: 'search',
  },
  {
    id: 'Z18-reset',
    title: 'A producer that the broker has forgotten begins at sequence 0 again in the same epoch',
    source: 'KIP-360, KAFKA-8710',
    safeguard: 'resetSequencesOnlyWithNewEpoch',
    invariants: ['I1'],
    model: idempotentClientModel,
    bounds: { records: 2, disconnects: 1, deletions: 1, late: 0 },
    find: 'search',
    impossible:
      'Only UNKNOWN_PRODUCER_ID makes the client begin anew, and our leader never answers it: it remembers a producer whose ' +
      'records were deleted, and refuses one that it has never seen with OUT_OF_ORDER_SEQUENCE_NUMBER.',
  },
]
