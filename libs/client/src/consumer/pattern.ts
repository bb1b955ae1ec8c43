/**
 * Subscription by pattern: the topics of the cluster that match, now and whenever there are others. Source:
 * `ConsumerCoordinator.updatePatternSubscription`, `ConsumerMetadata.retainTopic`.
 */
import { KafkaError } from '@troupe/wire/errors'
import type { SubscribedPattern } from './messages.ts'
import type { Step } from './state.ts'
import { compareText } from './topic-partition.ts'

export function matches(pattern: SubscribedPattern, topic: string): boolean {
  if (typeof pattern === 'function') return pattern(topic)
  // g and y would make it remember where it was.
  return new RegExp(pattern.source, (pattern.flags ?? '').replaceAll(/[gy]/g, '')).test(topic)
}

/** Whenever metadata has changed. Until all topics are known the consumer does not join. */
export function followPattern({ state }: Step): void {
  const { pattern, metadata, config } = state
  if (pattern === null || metadata?.all !== true) return
  const topics = [...metadata.topics.values()]
    .filter(({ error, internal }) => error === KafkaError.NONE && !(internal && config['exclude.internal.topics']))
    .map(({ name }) => name)
    .filter((name) => matches(pattern, name))
  state.subscription = topics.sort(compareText)
  state.patternKnown = true
}
