/** A broker as the admin endpoint shows it: its copy of the metadata, and the logs that it holds. */
import { actorNames, type ClusterView } from '@troupe/actor'
import { timeSlots, type Traffic } from '@troupe/broker/traffic'
import type { LogStore } from '@troupe/log/contract'
import type { BrokerDescription, PartitionDescription, ReplicaDescription, TrafficDescription } from './control.ts'

export function describeBroker(id: number, cluster: ClusterView, logs: LogStore): BrokerDescription {
  return {
    id,
    metadataOffset: cluster.offset,
    controllerId: cluster.controllerId,
    brokers: [...cluster.brokers.values()].map(({ id, epoch, fenced, inControlledShutdown }) => ({
      id,
      epoch,
      fenced,
      inControlledShutdown,
    })),
    partitions: [...cluster.topics()].flatMap((topic) =>
      topic.partitions.map((view): PartitionDescription => ({
        topic: topic.name,
        topicId: topic.id,
        internal: topic.internal,
        partition: view.partition,
        leader: view.leader,
        leaderEpoch: view.leaderEpoch,
        partitionEpoch: view.partitionEpoch,
        replicas: view.replicas,
        isr: view.isr,
        elr: view.elr,
      })),
    ),
    replicas: [...describeLogs(cluster, logs)],
  }
}

function* describeLogs(cluster: ClusterView, logs: LogStore): Iterable<ReplicaDescription> {
  for (const topic of cluster.topics()) {
    for (const { partition } of topic.partitions) {
      const log = logs.get(topic.id, partition)
      if (log === undefined) continue
      const offline = log.offlineReason !== null
      yield {
        topicId: topic.id,
        partition,
        logStartOffset: offline ? -1 : log.logStartOffset,
        highWatermark: offline ? -1 : log.highWatermark,
        lastStableOffset: offline ? -1 : log.lastStableOffset,
        logEndOffset: offline ? -1 : log.logEndOffset,
        sizeInBytes: offline ? -1 : log.sizeInBytes,
        offline,
      }
    }
  }
}

export function describeTraffic({ topics, times, totalTimeMs }: Traffic): TrafficDescription {
  const requestTimes: { apiKey: number; totalMs: number; counts: number[] }[] = []
  for (let apiKey = 0; apiKey < totalTimeMs.length; apiKey++) {
    const counts = [...times.subarray(apiKey * timeSlots, (apiKey + 1) * timeSlots)]
    if (counts.some((count) => count > 0)) requestTimes.push({ apiKey, totalMs: totalTimeMs[apiKey]!, counts })
  }
  return { topics: Array.from(topics, ([topic, counts]) => ({ topic, ...counts })), requestTimes }
}

interface GroupShard {
  readonly phase: string
  readonly state: { readonly groups: ReadonlyMap<string, { readonly phase: string }> } | null
}

/** Of the coordinators that are loaded here, by the state that DescribeGroups would show. */
export function countGroups(cluster: ClusterView, inspect: (actor: string) => unknown): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { partition } of cluster.topic('__consumer_offsets')?.partitions ?? []) {
    const shard = inspect(actorNames.groups(partition)) as GroupShard | undefined
    if (shard?.phase !== 'active') continue
    for (const group of shard.state!.groups.values()) counts[group.phase] = (counts[group.phase] ?? 0) + 1
  }
  return counts
}
