/** A partition by name, and the order in which Kafka's assignors and our state keep partitions. */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Unambiguous: the part behind the last dash is the number. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function comparePartitions(a: TopicPartition, b: TopicPartition): number {
  return compareText(a.topic, b.topic) || a.partition - b.partition
}

/** In the order in which the topics first appear: how requests and Kafka's embedded schemas group partitions. */
export function groupByTopic<P extends TopicPartition>(partitions: Iterable<P>): Map<string, P[]> {
  const groups = new Map<string, P[]>()
  for (const each of partitions) {
    const group = groups.get(each.topic)
    if (group === undefined) groups.set(each.topic, [each])
    else group.push(each)
  }
  return groups
}
