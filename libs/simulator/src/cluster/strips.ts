/** Where each replica of a partition is at this moment, as traces show it. */
import type { ReplicaState } from '@troupe/replication/state'
import type { PartitionStrip, ReplicaStrip } from '../trace/format.ts'
import { newestImage } from './budget.ts'
import type { Cluster } from './cluster.ts'

/** Null when the partition is not known to the controllers. */
export function stripOf(cluster: Cluster, topicId: string, partition: number): PartitionStrip | null {
  const topic = newestImage(cluster)?.topicById(topicId)
  const view = topic?.partitions[partition]
  if (topic === undefined || view === undefined) return null
  return {
    partition: `${topic.name}-${partition}`,
    leader: view.leader,
    leaderEpoch: view.leaderEpoch,
    partitionEpoch: view.partitionEpoch,
    isr: view.isr,
    replicas: view.replicas.map((id) => replicaStrip(cluster, id, `replica:${topicId}:${partition}`)),
  }
}

function replicaStrip(cluster: Cluster, broker: number, actor: string): ReplicaStrip {
  const state = cluster.brokers.get(broker)?.host.cells.get(actor)?.state as ReplicaState | undefined
  const log = state?.log
  return {
    broker,
    up: cluster.broker(broker).host.up,
    role: state?.role ?? 'none',
    leaderEpoch: state?.leaderEpoch ?? -1,
    logEndOffset: log?.logEndOffset ?? -1,
    highWatermark: log?.highWatermark ?? -1,
    lastStableOffset: log?.lastStableOffset ?? -1,
  }
}
