/**
 * Requests that are answered when the high watermark reaches an offset: acks=all produces, coordinators' appends,
 * transaction markers, read barriers. One queue in order of offset, so that an advance looks at the head only.
 *
 * Source: Kafka's DelayedProduce; CoordinatorRuntime's deferred events.
 */
import type { Outbox, ReplyToken } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { effectiveMinIsr, maximalIsr } from './isr-state.ts'
import type { Produced } from './messages.ts'
import { answer, expireAt, logOf, park, type Awaiting, type ReplicaEnv, type ReplicaState } from './state.ts'

/** Parks the request of this step, or answers it at once when its offset is committed already. */
export function awaitHighWatermark(state: ReplicaState, waiter: Awaiting, out: Outbox): void {
  if (logOf(state).highWatermark >= waiter.offset) return complete(state, waiter, out)
  const queue = state.awaiting
  // Nearly always at the end; a duplicate or a read barrier may wait for less than the last append.
  let at = queue.length
  while (at > 0 && queue[at - 1].offset > waiter.offset) at--
  if (at === queue.length) queue.push(waiter)
  else queue.splice(at, 0, waiter)
  if (waiter.deadline < Infinity) expireAt(state, out, waiter.deadline)
  if (state.request === waiter.token) park(state)
}

/** Answers everyone whose offset is committed. */
export function releaseCommitted(state: ReplicaState, out: Outbox): void {
  const { highWatermark } = logOf(state)
  const queue = state.awaiting
  let count = 0
  while (count < queue.length && queue[count].offset <= highWatermark) count++
  if (count === 0) return
  const committed = count === queue.length ? queue : queue.slice(0, count)
  state.awaiting = count === queue.length ? [] : queue.slice(count)
  for (const waiter of committed) complete(state, waiter, out)
}

function complete(state: ReplicaState, waiter: Awaiting, out: Outbox): void {
  switch (waiter.kind) {
    case 'produce': {
      const error = enoughReplicas(state)
      answer(state, out, waiter.token, error === KafkaError.NONE ? waiter.answer : { ...waiter.answer, error })
      return
    }
    case 'append':
      return answer(state, out, waiter.token, {
        error: KafkaError.NONE,
        baseOffset: waiter.baseOffset,
        nextOffset: waiter.offset,
      })
    case 'marker':
      return answer(state, out, waiter.token, { error: enoughReplicas(state) })
    case 'committed':
      return answer(state, out, waiter.token, { error: KafkaError.NONE })
  }
}

/** The ISR may have shrunk between the append and its commit: the client must know that it asked for more. */
function enoughReplicas(state: ReplicaState): ErrorCode {
  const isEnough = maximalIsr(state).length >= effectiveMinIsr(state)
  return isEnough ? KafkaError.NONE : KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND
}

/**
 * Z32, KAFKA-20634: a coordinator waits in the leader epoch under which it has loaded. A high watermark of a later epoch
 * says nothing of its records: they may have been truncated, and others have come to their offsets.
 */
function endsWithEpoch(waiter: Awaiting, env: ReplicaEnv): boolean {
  return env.safeguards.highWatermarkListenerChecksEpoch || !isCoordinators(waiter)
}

const isCoordinators = ({ kind }: Awaiting): boolean => kind === 'append' || kind === 'committed'

/** Re-elected: clients' records are still ours, but coordinators load anew. */
export function failCoordinators(state: ReplicaState, error: ErrorCode, env: ReplicaEnv, out: Outbox): void {
  failWhere(state, (waiter) => isCoordinators(waiter) && endsWithEpoch(waiter, env), error, out)
}

/** Everyone who waits is told that it will not be known here. The records may be committed nevertheless. */
export function failAwaiting(state: ReplicaState, error: ErrorCode, env: ReplicaEnv, out: Outbox): void {
  failWhere(state, (waiter) => endsWithEpoch(waiter, env), error, out)
  const unflushed = state.awaitingFlush
  state.awaitingFlush = []
  for (const waiter of unflushed) failProduce(state, waiter, error, out)
}

function failWhere(state: ReplicaState, ends: (waiter: Awaiting) => boolean, error: ErrorCode, out: Outbox): void {
  const waiters = state.awaiting
  state.awaiting = waiters.filter((waiter) => !ends(waiter))
  for (const waiter of waiters) if (ends(waiter)) fail(state, waiter, error, out)
}

function fail(state: ReplicaState, waiter: Awaiting, error: ErrorCode, out: Outbox): void {
  switch (waiter.kind) {
    case 'produce':
      return failProduce(state, waiter, error, out)
    case 'append':
      return answer(state, out, waiter.token, { error, baseOffset: -1, nextOffset: -1 })
    default:
      return answer(state, out, waiter.token, { error })
  }
}

/** Says who leads now; the offsets stay in the answer, as in Kafka's. */
function failProduce(
  state: ReplicaState,
  { token, answer: body }: { token: ReplyToken; answer: Produced },
  error: ErrorCode,
  out: Outbox,
): void {
  answer(state, out, token, { ...body, error, leader: state.leader, leaderEpoch: state.leaderEpoch })
}

/** Answers REQUEST_TIMED_OUT to all whose time is over; returns the next deadline. */
export function expireAwaiting(state: ReplicaState, now: number, out: Outbox): number {
  let next = Infinity
  const late: Awaiting[] = []
  for (const waiter of state.awaiting) {
    if (waiter.deadline <= now) late.push(waiter)
    else if (waiter.deadline < next) next = waiter.deadline
  }
  if (late.length > 0) state.awaiting = state.awaiting.filter((waiter) => waiter.deadline > now)
  for (const waiter of late) fail(state, waiter, KafkaError.REQUEST_TIMED_OUT, out)
  return next
}
