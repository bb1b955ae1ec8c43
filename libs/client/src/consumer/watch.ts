/** Which topics' metadata a consumer needs; the network actor is told when that changes. */
import { clientActorNames, type WatchMetadata } from '../messages.ts'
import type { Step } from './state.ts'
import { compareText } from './topic-partition.ts'

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((topic, index) => topic === b[index])
}

export function watchTopics({ state, env, out }: Step): void {
  const topics = new Set([...(state.subscription ?? []), ...state.member.groupTopics])
  for (const { topic } of state.partitions.values()) topics.add(topic)
  for (const { partitions } of state.questions.values()) for (const { topic } of partitions) topics.add(topic)
  const wanted = state.pattern === null ? [...topics].sort(compareText) : null
  const { watched } = state
  if (wanted === null || watched === null ? wanted === watched : isSame(wanted, watched)) return
  state.watched = wanted
  const message: WatchMetadata = {
    kind: 'watchMetadata',
    from: env.self,
    topics: wanted,
    allowAutoTopicCreation: state.config['allow.auto.create.topics'],
  }
  out.send({ broker: env.self.broker, actor: clientActorNames.network }, message)
}
