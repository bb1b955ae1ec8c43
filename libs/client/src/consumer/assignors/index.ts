/** The assignors by the names of `partition.assignment.strategy`, short or as Java's classes. */
import type { Assignor } from './assignor.ts'
import { rangeAssignor } from './range.ts'
import { roundRobinAssignor } from './round-robin.ts'
import { cooperativeStickyAssignor, stickyAssignor } from './sticky.ts'

const classes = 'org.apache.kafka.clients.consumer.'

export const assignors: ReadonlyMap<string, Assignor> = new Map([
  ['range', rangeAssignor],
  ['roundrobin', roundRobinAssignor],
  ['sticky', stickyAssignor],
  ['cooperative-sticky', cooperativeStickyAssignor],
  [`${classes}RangeAssignor`, rangeAssignor],
  [`${classes}RoundRobinAssignor`, roundRobinAssignor],
  [`${classes}StickyAssignor`, stickyAssignor],
  [`${classes}CooperativeStickyAssignor`, cooperativeStickyAssignor],
])

/** KIP-429: the highest protocol that all of a member's assignors support. */
export function isCooperative(names: readonly string[]): boolean {
  return names.every((name) => assignors.get(name)?.cooperative === true)
}
