/** A cluster view that tests write by hand: broker 1 is the one under test. */
import type { BrokerView, ClusterView, PartitionView, TopicView } from '@troupe/actor'

export function topicId(n: number): string {
  return `${String(n).padStart(21, 'T')}A`
}

export function partitionView(partition: number, change: Partial<PartitionView> = {}): PartitionView {
  return {
    partition,
    replicas: [1, 2, 3],
    isr: [1, 2, 3],
    elr: [],
    lastKnownElr: [],
    addingReplicas: [],
    removingReplicas: [],
    leader: 1,
    leaderEpoch: 5,
    partitionEpoch: 7,
    leaderRecoveryState: 0,
    ...change,
  }
}

export class FakeCluster implements ClusterView {
  clusterId = 'troupe-test-cluster-id'
  offset = 100
  epoch = 3
  controllerId = 2
  readonly brokers = new Map<number, BrokerView>()
  readonly lostAt = new Map<number, number>()
  readonly features = new Map([
    ['metadata.version', 30],
    ['transaction.version', 2],
    ['group.version', 1],
  ])
  readonly topicList: TopicView[] = []
  readonly configMap = new Map<string, Map<string, string>>()

  constructor() {
    for (const id of [1, 2, 3]) this.broker(id)
  }

  broker(id: number, change: Partial<BrokerView> = {}): void {
    this.brokers.set(id, {
      id,
      epoch: 10 + id,
      incarnationId: topicId(900 + id),
      fenced: false,
      inControlledShutdown: false,
      rack: null,
      listeners: [
        { name: 'PLAINTEXT', host: 'localhost', port: 9091 + id, securityProtocol: 0 },
        { name: 'INTERNAL', host: `broker-${id}`, port: 19091 + id, securityProtocol: 0 },
      ],
      ...change,
    })
  }

  /** Led by broker 1, unless `change` says otherwise. */
  add(name: string, partitions = 1, change: (partition: number) => Partial<PartitionView> = () => ({})): TopicView {
    const topic: TopicView = {
      name,
      id: topicId(this.topicList.length + 1),
      internal: name.startsWith('__'),
      partitions: Array.from({ length: partitions }, (_, p) => partitionView(p, change(p))),
    }
    this.topicList.push(topic)
    return topic
  }

  remove(name: string): void {
    this.topicList.splice(
      this.topicList.findIndex((topic) => topic.name === name),
      1,
    )
  }

  topic(name: string): TopicView | undefined {
    return this.topicList.find((topic) => topic.name === name)
  }

  topicById(id: string): TopicView | undefined {
    return this.topicList.find((topic) => topic.id === id)
  }

  topics(): Iterable<TopicView> {
    return this.topicList
  }

  configs(type: string, name: string): ReadonlyMap<string, string> {
    return this.configMap.get(`${type}/${name}`) ?? new Map()
  }
}
