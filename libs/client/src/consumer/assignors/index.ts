/** The assignors by the names of `partition.assignment.strategy`, short or as Java's classes. */
import type { ConsumerState } from '../state.ts'
import type { Assignor, PlainAssignor } from './assignor.ts'
import { rangeAssignor } from './range.ts'
import { roundRobinAssignor } from './round-robin.ts'
import { cooperativeStickyAssignor, stickyAssignor } from './sticky.ts'

const classes = 'org.apache.kafka.clients.consumer.'

export const assignors: ReadonlyMap<string, PlainAssignor> = new Map([
  ['range', rangeAssignor],
  ['roundrobin', roundRobinAssignor],
  ['sticky', stickyAssignor],
  ['cooperative-sticky', cooperativeStickyAssignor],
  [`${classes}RangeAssignor`, rangeAssignor],
  [`${classes}RoundRobinAssignor`, roundRobinAssignor],
  [`${classes}StickyAssignor`, stickyAssignor],
  [`${classes}CooperativeStickyAssignor`, cooperativeStickyAssignor],
])

/** The application's own ones come first. */
export function assignorOf({ customAssignors }: ConsumerState, name: string | null): Assignor | undefined {
  return customAssignors.get(name ?? '') ?? assignors.get(name ?? '')
}

/** KIP-429: the highest protocol that all of a member's assignors support. */
export function isCooperative(state: ConsumerState): boolean {
  return state.config['partition.assignment.strategy'].every((name) => assignorOf(state, name)?.cooperative === true)
}
