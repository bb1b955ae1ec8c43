/**
 * The fault budget: never more than the protocol promises to survive.
 *
 * A broker may lose what it has not synced only while somebody else keeps every acknowledged record: for each of its
 * partitions another member of the ISR or of the eligible leaders is up and has lost nothing itself. One broker at a
 * time: who has lost something counts again once it is back in every ISR. The metadata log is synced within its steps,
 * so no vote and no committed metadata can be lost. (Rule: at most min.insync.replicas − 1 lossy crashes.)
 */
import type { PartitionView } from '@troupe/actor'
import type { ControllerActor } from '@troupe/controller/actor-state'
import type { MetadataImage } from '@troupe/controller/image'
import type { Cluster } from './cluster.ts'

/** The newest metadata that anybody knows: for traces, and for what must be reached in the end. */
export function newestImage(cluster: Cluster): MetadataImage | null {
  let newest: MetadataImage | null = null
  for (const state of controllersOf(cluster)) {
    const { image } = state.controller
    if (newest === null || image.offset > newest.offset) newest = image
  }
  return newest
}

/** What holds now and will still hold after the next election; null while that is not certain. */
function committedImage(cluster: Cluster): MetadataImage | null {
  let leader: ControllerActor | null = null
  let latest = -1
  for (const state of controllersOf(cluster)) {
    if (state.raft.epoch > latest) {
      latest = state.raft.epoch
      leader = null
    }
    if (state.active && state.raft.epoch === latest) leader = state
  }
  if (leader === null || leader.raft.highWatermark !== leader.raft.store.endOffset) return null
  return leader.controller.image
}

function* controllersOf(cluster: Cluster): Iterable<ControllerActor> {
  for (const { host } of cluster.brokers.values()) {
    const state = host.cells.get('controller')?.state as ControllerActor | undefined
    if (state !== undefined) yield state
  }
}

export function* partitionsOf(image: MetadataImage): Iterable<{ topic: string; view: PartitionView }> {
  for (const topic of image.topics()) for (const view of topic.partitions) yield { topic: topic.name, view }
}

/** Whether this broker's disk may forget now. */
export function mayLose(cluster: Cluster, broker: number): boolean {
  settleLosses(cluster)
  const image = committedImage(cluster)
  if (image === null) return false
  for (const other of cluster.brokers.values()) if (other.id !== broker && other.hasLost) return false
  for (const { view } of partitionsOf(image)) {
    if (!view.replicas.includes(broker)) continue
    const keepers = [...view.isr, ...view.elr].filter((id) => id !== broker && cluster.broker(id).host.up)
    if (keepers.length === 0) return false
  }
  return true
}

/** Brokers that have lost something and are in every ISR again have lost nothing. */
export function settleLosses(cluster: Cluster): void {
  const image = committedImage(cluster)
  if (image === null) return
  for (const broker of cluster.brokers.values()) {
    if (!broker.hasLost || !broker.host.up) continue
    const isBack = [...partitionsOf(image)].every(
      ({ view }) => !view.replicas.includes(broker.id) || view.isr.includes(broker.id),
    )
    // An ISR may still name an earlier life of it.
    const registered = image.brokers.get(broker.id)
    const isThisLife = registered?.incarnationId === broker.life?.incarnationId
    if (isBack && isThisLife && registered?.fenced === false) broker.hasLost = false
  }
}
