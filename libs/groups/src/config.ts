/** The broker properties a group coordinator acts on, by Kafka's names. */
import type { CoordinatorEnv } from '@troupe/coordinator'

/** Defaults are Kafka's; the broker's configuration has all of them. */
const defaults = {
  'group.min.session.timeout.ms': 6000,
  'group.max.session.timeout.ms': 1800000,
  'group.initial.rebalance.delay.ms': 3000,
  'group.max.size': 2147483647,
  'offset.metadata.max.bytes': 4096,
  'offsets.retention.minutes': 10080,
  'offsets.retention.check.interval.ms': 600000,
}

export function setting({ config }: CoordinatorEnv, property: keyof typeof defaults): number {
  return (config[property] as number | undefined) ?? defaults[property]
}
