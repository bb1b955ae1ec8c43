/** A broker as the admin endpoint shows it: its copy of the metadata, and the logs that it holds. */
import type { ClusterView } from '@troupe/actor'
import type { LogStore } from '@troupe/log/contract'
import type { BrokerDescription, PartitionDescription, ReplicaDescription } from './control.ts'

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
