/** What a replica tells tools: answered in every role. */
import type { Outbox } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { DescribeProducers, DescribeReplica, ProducersDescribed, ReplicaDescribed } from './messages.ts'
import { refusal } from './refusals.ts'
import { answer, type ReplicaState } from './state.ts'

export function onDescribe(state: ReplicaState, message: DescribeReplica, out: Outbox): void {
  const log = state.role === 'offline' ? null : state.log
  answer(state, out, message.replyTo, {
    // One that has not heard from the metadata yet is a follower without a leader.
    role: state.role === 'none' ? 'follower' : state.role,
    leaderEpoch: state.leaderEpoch,
    isr: state.isr,
    logStartOffset: log?.logStartOffset ?? -1,
    logEndOffset: log?.logEndOffset ?? -1,
    highWatermark: log?.highWatermark ?? -1,
    lastStableOffset: log?.lastStableOffset ?? -1,
    sizeInBytes: log?.sizeInBytes ?? 0,
    offlineReason: state.offlineReason,
  } satisfies ReplicaDescribed)
}

/** Any replica answers (KIP-664 lets the administrator ask each). */
export function onDescribeProducers(state: ReplicaState, message: DescribeProducers, out: Outbox): void {
  const body =
    state.role === 'offline' || state.log === null
      ? refusal(state, message, KafkaError.KAFKA_STORAGE_ERROR)
      : ({ error: KafkaError.NONE, producers: state.log.producers() } satisfies ProducersDescribed)
  answer(state, out, message.replyTo, body)
}
