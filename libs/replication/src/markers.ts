/**
 * Transaction markers: the end of a transaction on this partition. Answered when committed.
 *
 * Which marker is too old is the log's knowledge (Z24); here the marker ends verifications (Z21), moves the last stable
 * offset, and wakes producers that wait for the end of their previous transaction (Z23).
 *
 * Source: Kafka's KafkaApis.handleWriteTxnMarkersRequest, UnifiedLog.append, Partition.appendRecordsToLeader.
 */
import type { Outbox } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import { awaitHighWatermark } from './awaiting.ts'
import { scheduleFlush } from './flush.ts'
import { advance } from './high-watermark.ts'
import { markCaughtUp } from './leader.ts'
import type { WriteTxnMarker } from './messages.ts'
import { checkMinIsr } from './produce.ts'
import { checkLeader } from './refusals.ts'
import { answer, logOf, type ReplicaEnv, type ReplicaState } from './state.ts'
import { wakeVerification } from './verification.ts'

export function onWriteTxnMarker(state: ReplicaState, message: WriteTxnMarker, env: ReplicaEnv, out: Outbox): void {
  const { replyTo, producerId, producerEpoch, coordinatorEpoch, commit, transactionVersion } = message
  const refused = checkLeader(state, -1, false) || checkMinIsr(state, -1)
  if (refused !== KafkaError.NONE) return answer(state, out, replyTo, { error: refused })

  const log = logOf(state)
  markCaughtUp(state, env.now)
  const result = log.appendEndTxnMarker({
    producerId,
    producerEpoch,
    coordinatorEpoch,
    commit,
    transactionVersion,
    leaderEpoch: state.leaderEpoch,
    now: env.now,
  })
  if (result.error !== KafkaError.NONE) return answer(state, out, replyTo, { error: result.error })
  state.guards.delete(producerId)
  scheduleFlush(state, env, out)
  // A marker that was there already is not written twice, but may be uncommitted still.
  const offset = result.nextOffset >= 0 ? result.nextOffset : log.logEndOffset
  advance(state, env, out)
  awaitHighWatermark(
    state,
    {
      kind: 'marker',
      token: replyTo,
      offset,
      deadline: env.now + env.config['request.timeout.ms'],
    },
    out,
  )
  wakeVerification(state, producerId, env, out)
}
