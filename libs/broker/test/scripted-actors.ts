/** Actors that answer anything with something legal: enough to see that every answer can be written at every version. */
import fc from 'fast-check'
import type { Slice } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { arbitraryMessage, messages, type Fields } from '../../wire/test/support/arbitrary.ts'
import type { World } from './world.ts'

export function randomMessage(name: string, version: number, seed: number): Fields {
  const message = messages.find((one) => one.name === name)!
  return fc.sample(arbitraryMessage(message, version), { seed, numRuns: 1 })[0]
}

export function latest(name: string): number {
  return messages.find((one) => one.name === name)!.versions.high
}

/** `fill` bytes of a file. */
export function slice(length: number, fill = 7): Slice {
  return {
    sizeInBytes: length,
    readInto(target, at) {
      target.fill(fill, at, at + length)
      return length
    },
  }
}

export const fetched = {
  error: KafkaError.NONE,
  slice: null as Slice | null,
  highWatermark: 10,
  lastStableOffset: 9,
  logStartOffset: 1,
  abortedTransactions: null as { producerId: number; firstOffset: number }[] | null,
  divergingEpoch: null,
  leader: 1,
  leaderEpoch: 5,
}

const replica: Record<string, object> = {
  produce: {
    error: 0,
    errorMessage: null,
    recordErrors: [{ batchIndex: 1, message: 'no' }],
    baseOffset: 7,
    logAppendTimeMs: -1,
    logStartOffset: 1,
    leader: 1,
    leaderEpoch: 5,
  },
  fetch: { ...fetched, slice: slice(100), abortedTransactions: [{ producerId: 1, firstOffset: 2 }] },
  listOffset: { error: 0, offset: 3, timestamp: 4, leaderEpoch: 5 },
  offsetForLeaderEpoch: { error: 0, leaderEpoch: 5, endOffset: 9 },
  deleteRecords: { error: 0, lowWatermark: 4 },
  writeTxnMarker: { error: 0 },
  verifyTransaction: { error: 0, guard: 3 },
  describeProducers: {
    error: 0,
    producers: [
      {
        producerId: 1,
        producerEpoch: 2,
        lastSequence: 3,
        lastTimestamp: 4,
        coordinatorEpoch: 5,
        currentTransactionStartOffset: -1,
      },
    ],
  },
}

const shardResponses: Record<string, string> = {
  joinGroup: 'JoinGroupResponse',
  syncGroup: 'SyncGroupResponse',
  heartbeat: 'HeartbeatResponse',
  leaveGroup: 'LeaveGroupResponse',
  offsetCommit: 'OffsetCommitResponse',
  offsetDelete: 'OffsetDeleteResponse',
  describeGroups: 'DescribeGroupsResponse',
  listGroups: 'ListGroupsResponse',
  deleteGroups: 'DeleteGroupsResponse',
  txnOffsetCommit: 'TxnOffsetCommitResponse',
  initProducerId: 'InitProducerIdResponse',
  addOffsets: 'AddOffsetsToTxnResponse',
  endTxn: 'EndTxnResponse',
  describeTransactions: 'DescribeTransactionsResponse',
  listTransactions: 'ListTransactionsResponse',
}

/** Random answers; `seed` makes them the same again. */
export function scriptActors(world: World, seed: number): void {
  world.on('replica', ({ kind }) => replica[kind])
  world.on('producer-ids', () => ({ error: KafkaError.NONE, producerId: 4000 }))
  world.on('controller', (message) => {
    const { api } = message as unknown as { api: string }
    return randomMessage(`${api}Response`, latest(`${api}Response`), seed)
  })
  const shard = (message: unknown): unknown => {
    const { kind, version } = message as { kind: string; version?: number }
    if (kind === 'writeTxnMarker') return { error: KafkaError.NONE }
    if (kind === 'addPartitions') return { error: KafkaError.NONE, partitionErrors: [] }
    if (kind === 'offsetFetch') {
      const { groups } = randomMessage('OffsetFetchResponse', 9, seed) as { groups: Fields[] }
      return groups[0] ?? { groupId: 'g', topics: [], errorCode: 0 }
    }
    const name = shardResponses[kind]
    const body = randomMessage(name, version ?? latest(name), seed)
    return kind.startsWith('list') ? { ...body, errorCode: 0 } : body
  }
  world.on('groups', shard)
  world.on('transactions', shard)
}
