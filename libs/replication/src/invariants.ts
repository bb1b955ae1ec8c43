/**
 * What holds of every replica after every step. The numbers are those of the catalogue of invariants.
 */
import { maximalIsr } from './isr-state.ts'
import type { ReplicaState } from './state.ts'

export class InvariantViolation extends Error {}

function check(holds: boolean, state: ReplicaState, what: string): void {
  if (!holds) {
    throw new InvariantViolation(`${state.topic}-${state.partition} on broker ${state.id} (${state.role}): ${what}`)
  }
}

export function invariants(state: ReplicaState): void {
  check(state.request === null, state, 'a request was neither answered nor parked')
  if (state.role !== 'leader') {
    check(state.followers.size === 0 && state.isr.length === 0, state, 'only a leader knows followers and an ISR')
    check(
      state.awaiting.length === 0 &&
        state.watches.length === 0 &&
        state.deleteWaiters.length === 0 &&
        state.verifications.size === 0,
      state,
      'only a leader keeps anyone waiting',
    )
  }
  if (state.role === 'leader' || state.role === 'none') {
    check(state.fetcher.inFlight === null, state, 'only a follower fetches')
  }
  const log = state.log
  if (state.role === 'offline' || log === null) return
  // R3, P5.
  check(log.highWatermark <= log.logEndOffset, state, `high watermark ${log.highWatermark} > end ${log.logEndOffset}`)
  check(log.logStartOffset <= log.highWatermark, state, `log start ${log.logStartOffset} > ${log.highWatermark}`)
  check(log.lastStableOffset <= log.highWatermark, state, 'last stable offset beyond the high watermark')
  if (state.role !== 'leader') return

  check(state.leader === state.id, state, 'leads, and names another leader')
  check(
    state.isr.every((id) => id === state.id || state.followers.has(id)),
    state,
    'an ISR member is not assigned',
  )
  // R5: an expansion is a superset of what is committed, a shrink a subset.
  const isSuperset = state.pendingIsr?.kind !== 'expand' || state.isr.every((id) => maximalIsr(state).includes(id))
  check(isSuperset, state, 'the maximal ISR lacks a member of the ISR')
  let last = -1
  for (const { offset } of state.awaiting) {
    check(offset >= last, state, 'the queue of waiters is out of order')
    check(offset > log.highWatermark, state, `offset ${offset} is committed, and its waiter is not answered`)
    last = offset
  }
  for (const { parked } of state.followers.values()) {
    check(parked === null || parked.offset >= log.logEndOffset, state, 'a follower waits although there is data')
  }
}
