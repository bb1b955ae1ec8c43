/** A read_committed consumer that reads a partition from its start and keeps what it was shown. */
import { actorNames, type ActorDefinition, type Env, type Message, type Reply } from '@troupe/actor'
import { payloadBytes } from '@troupe/coordinator/load'
import type { Fetch, Fetched } from '@troupe/replication/messages'
import { KafkaError } from '@troupe/wire/errors'
import { iterateRecords, readBatchHeader } from '@troupe/wire/record-batch'
import type { CommittedRead } from '../invariants/transactions.ts'
import { topicIds } from './transactions-parts.ts'

export interface ReaderState {
  readonly asked: Map<number, number>
  /** Replaced, never changed. */
  reads: readonly { readonly partition: number; readonly read: CommittedRead }[]
}

interface Read extends Message {
  readonly kind: 'read'
  readonly leader: number
  readonly partition: number
}

const decoder = new TextDecoder()

export const readerActor: ActorDefinition<ReaderState, Read | Reply, Env> = {
  kind: 'reader',
  start: () => ({ asked: new Map(), reads: [] }),
  step(state, message, { self }, out) {
    if (message.kind === 'reply') return onFetched(state, message as Reply)
    const { leader, partition } = message as Read
    const id = state.asked.size + 1
    state.asked.set(id, partition)
    const fetch: Fetch = {
      kind: 'fetch',
      replyTo: { ...self, id },
      offset: 0,
      maxBytes: 1 << 20,
      minOneBatch: true,
      isolation: 'read_committed',
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    }
    out.send({ broker: leader, actor: actorNames.replica(topicIds.data, partition) }, fetch)
  },
}

function onFetched(state: ReaderState, { id, body }: Reply): void {
  const { error, slice, lastStableOffset, abortedTransactions } = body as Fetched
  if (error !== KafkaError.NONE) return
  const bytes = slice === null ? new Uint8Array(0) : payloadBytes(slice)
  const batches: { offset: number; producerId: number; values: string[] }[] = []
  let to = 0
  for (let at = 0; at < bytes.length;) {
    const { baseOffset: offset, producerId, isControl, sizeInBytes, lastOffset } = readBatchHeader(bytes, at)
    const records = isControl ? [] : [...iterateRecords(bytes, at)]
    batches.push({ offset, producerId, values: records.map(({ value }) => decoder.decode(value!)) })
    to = lastOffset + 1
    at += sizeInBytes
  }
  const read: CommittedRead = { lastStableOffset, batches, aborted: abortedTransactions ?? [], from: 0, to }
  state.reads = [...state.reads, { partition: state.asked.get(id)!, read }]
}
