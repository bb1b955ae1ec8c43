/** The local replica of a coordinator's partition, as far as a shard talks to it: a log in memory, for transcripts. */
import type { ReplyToken } from '@troupe/actor'
import type { Appended, LogRead, ReplicaRequest } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import {
  baseOffset,
  buildEndTxnMarker,
  isControl,
  isTransactional,
  iterateRecords,
  nextOffset,
  producerEpoch,
  producerId,
  setBaseOffset,
} from '@troupe/wire/record-batch'
import type { CoordinatorRecord } from './contract.ts'
import { decodeRecord, type RecordFamily } from './record-codec.ts'
import { show, showFields } from './transcript.ts'

export type MemoryReplica = ReturnType<typeof memoryReplica>

/** `answer` delivers to the shard, `say` is told of each record that is appended. */
export function memoryReplica(
  family: RecordFamily,
  answer: (token: ReplyToken, body: unknown) => void,
  say: (line: string) => void,
) {
  let batches: Uint8Array[] = []
  let endOffset = 0
  let waiting: { token: ReplyToken; body: unknown }[] = []
  const append = (token: ReplyToken, records: Uint8Array): void => {
    const first = endOffset
    setBaseOffset(records, 0, first)
    batches.push(records)
    endOffset = nextOffset(records, 0)
    const body: Appended = { error: KafkaError.NONE, baseOffset: first, nextOffset: endOffset }
    if (replica.held) waiting.push({ token, body })
    else answer(token, body)
  }
  const refused = (token: ReplyToken): boolean => {
    const error = replica.nextError
    if (error === KafkaError.NONE) return false
    replica.nextError = KafkaError.NONE
    answer(token, { error, baseOffset: -1, nextOffset: -1 } satisfies Appended)
    return true
  }
  const replica = {
    held: false,
    nextError: KafkaError.NONE as ErrorCode,
    bytes(): Uint8Array {
      const all = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0))
      let at = 0
      for (const batch of batches) {
        all.set(batch, at)
        at += batch.length
      }
      return all
    },
    count: () => batches.length,
    /** What was not committed is cut off, as when another broker led meanwhile. */
    lose(): void {
      endOffset = waiting.reduce((end, { body }) => Math.min(end, (body as Appended).baseOffset ?? end), endOffset)
      batches = batches.filter((batch) => baseOffset(batch, 0) < endOffset)
      waiting = []
      replica.held = false
    },
    commit(): void {
      replica.held = false
      for (const { token, body } of waiting.splice(0)) answer(token, body)
    },
    receive(message: ReplicaRequest, now: number): void {
      switch (message.kind) {
        case 'append':
          if (refused(message.replyTo)) return
          for (const line of showBatch(message.records, family)) say(line)
          return append(message.replyTo, message.records)
        case 'writeTxnMarker':
          if (refused(message.replyTo)) return
          say(`append ${message.commit ? 'commit' : 'abort'} producer=${message.producerId}/${message.producerEpoch}`)
          return append(message.replyTo, buildEndTxnMarker({ ...message, timestamp: now }))
        case 'readLog': {
          const body: LogRead = {
            error: KafkaError.NONE,
            records: endOffset === 0 ? null : replica.bytes(),
            nextOffset: endOffset,
            logEndOffset: endOffset,
            highWatermark: waiting.length > 0 ? (waiting[0].body as Appended).baseOffset : endOffset,
          }
          return answer(message.replyTo, body)
        }
        case 'awaitCommitted':
          waiting.push({ token: message.replyTo, body: { error: KafkaError.NONE } })
      }
    },
  }
  return replica
}

function* showBatch(batch: Uint8Array, family: RecordFamily): Generator<string> {
  const producer = isTransactional(batch, 0) ? ` producer=${producerId(batch, 0)}/${producerEpoch(batch, 0)}` : ''
  if (isControl(batch, 0)) return
  for (const { key, value } of iterateRecords(batch))
    yield `append${producer} ${showRecord(decodeRecord(family, key!, value)!)}`
}

export function showRecord({ key, value }: CoordinatorRecord): string {
  const name = key.type.replace(/Key$/, '')
  return `${name} ${showFields(key.value as object)} ${value === null ? 'tombstone' : `= ${show(value.value)}`}`
}
