/** The requests themselves: which API, which versions, which fields. */
import type { NetworkRequest, OffsetToCommit } from '../messages.ts'
import { isTransactional, type ProducerState, type TransactionRequest } from './state.ts'

const FIND_COORDINATOR = 10
const INIT_PRODUCER_ID = 22
const ADD_PARTITIONS = 24
const ADD_OFFSETS = 25
const END_TXN = 26
const TXN_OFFSET_COMMIT = 28

/** What a client may send before transaction version 2 (KIP-890). */
const LAST_V1 = { addPartitions: 3, endTxn: 4, txnOffsetCommit: 4 }
/** From here on FindCoordinator takes a list of keys, and TxnOffsetCommit names the member (KIP-447). */
const FIRST = { findCoordinator: 4, txnOffsetCommit: 3 }

type Described = Pick<NetworkRequest, 'api' | 'body' | 'minVersion' | 'maxVersion'>

export function describeRequest(state: ProducerState, request: TransactionRequest): Described {
  const { producerId, producerEpoch, v2 } = state.transaction
  const transactionalId = state.config['transactional.id']
  const producer = { transactionalId: transactionalId ?? '', producerId, producerEpoch }
  switch (request.type) {
    case 'findCoordinator': {
      const body = { keyType: request.of === 'group' ? 0 : 1, coordinatorKeys: [request.key] }
      return { api: FIND_COORDINATOR, body, minVersion: FIRST.findCoordinator }
    }
    case 'initProducerId': {
      const transactionTimeoutMs = isTransactional(state) ? state.config['transaction.timeout.ms'] : 0x7fffffff
      const id = request.bump ? { producerId, producerEpoch } : { producerId: -1, producerEpoch: -1 }
      return { api: INIT_PRODUCER_ID, body: { transactionalId, transactionTimeoutMs, ...id } }
    }
    case 'addPartitions': {
      const body = {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: byTopic(request.partitions.map((key) => state.partitions.get(key)!)).map(([name, items]) => ({
          name,
          partitions: items.map(({ partition }) => partition),
        })),
      }
      return { api: ADD_PARTITIONS, body, maxVersion: LAST_V1.addPartitions }
    }
    case 'addOffsets':
      return { api: ADD_OFFSETS, body: { ...producer, groupId: request.group.groupId } }
    case 'commitOffsets': {
      const { groupId, generationId, memberId, groupInstanceId } = request.group
      const topics = offsetsByTopic(request.offsets)
      const body = { ...producer, groupId, generationId, memberId, groupInstanceId, topics }
      const maxVersion = v2 ? undefined : LAST_V1.txnOffsetCommit
      return versions({ api: TXN_OFFSET_COMMIT, body, minVersion: FIRST.txnOffsetCommit }, maxVersion)
    }
    case 'endTxn': {
      const body = { ...producer, committed: request.committed }
      return versions({ api: END_TXN, body }, request.v2 ? undefined : LAST_V1.endTxn)
    }
  }
}

function versions(described: Described, maxVersion: number | undefined): Described {
  return maxVersion === undefined ? described : { ...described, maxVersion }
}

/** In the order of first appearance. */
export function byTopic<Item extends { readonly topic: string }>(items: Iterable<Item>): [string, Item[]][] {
  const topics = new Map<string, Item[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list) list.push(item)
    else topics.set(item.topic, [item])
  }
  return [...topics]
}

function offsetsByTopic(offsets: readonly OffsetToCommit[]): object[] {
  return byTopic(offsets).map(([name, items]) => ({
    name,
    partitions: items.map((item) => ({
      partitionIndex: item.partition,
      committedOffset: item.offset,
      committedLeaderEpoch: item.leaderEpoch,
      committedMetadata: item.metadata,
    })),
  }))
}
