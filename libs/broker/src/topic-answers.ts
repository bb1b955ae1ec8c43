/** Per-partition errors gathered from several places, grouped by topic in the order they first came up. */
import { zeroUuid } from '@troupe/wire/io'

export interface TopicAnswer {
  readonly name: string
  readonly topicId: string
  readonly partitions: { partitionIndex: number; errorCode: number }[]
}

export class TopicAnswers {
  private readonly topics = new Map<string, TopicAnswer>()

  /** Topics are told apart by id where there is one, else by name. */
  add(name: string, topicId: string, partitionIndex: number, errorCode: number): void {
    const key = topicId === zeroUuid ? name : topicId
    let topic = this.topics.get(key)
    if (!topic) {
      topic = { name, topicId, partitions: [] }
      this.topics.set(key, topic)
    }
    topic.partitions.push({ partitionIndex, errorCode })
  }

  list(): TopicAnswer[] {
    return [...this.topics.values()]
  }
}
