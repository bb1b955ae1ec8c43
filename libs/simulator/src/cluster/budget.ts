/**
 * The fault budget: never more than the protocol promises to survive.
 *
 * A broker may lose what it has not synced only while somebody else keeps every acknowledged record: the others run, with
 * disks that work, and for each of its partitions one of them is in the ISR or an eligible leader. Until it is back in
 * every ISR, the last such keeper may not end either: to the controller every unclean end may have lost something
 * (KIP-966), and when a keeper registers anew it leaves the ISR while those who died unnoticed may still fill it. With no
 * replica left that certainly has everything the controller elects the last known leader.
 * The metadata log is synced within its steps, so no vote and no committed metadata can be lost.
 * (Rule: at most min.insync.replicas − 1 lossy crashes.)
 */
import type { PartitionView } from '@troupe/actor'
import type { ControllerActor } from '@troupe/controller/actor-state'
import type { MetadataImage } from '@troupe/controller/image'
import type { BrokerProcess } from './broker-process.ts'
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
  for (const other of cluster.brokers.values()) {
    if (other.id === broker) continue
    if (!other.serving || !hasWorkingDisk(cluster, other) || other.hasLost) return false
  }
  return isKeptWithout(cluster, broker)
}

/** Whether this broker may end without an ordered stop. */
export function mayEnd(cluster: Cluster, broker: number): boolean {
  settleLosses(cluster)
  const isWhole = [...cluster.brokers.values()].every(({ id, hasLost }) => id === broker || !hasLost)
  return isWhole || isKeptWithout(cluster, broker)
}

/** For each of its partitions there is somebody else who certainly has all that was acknowledged. */
function isKeptWithout(cluster: Cluster, broker: number): boolean {
  const image = committedImage(cluster)
  if (image === null) return false
  for (const { view } of partitionsOf(image)) {
    if (!view.replicas.includes(broker)) continue
    if (!view.isr.concat(view.elr).some((id) => id !== broker && isKeeper(cluster, image, id))) return false
  }
  return true
}

function isKeeper(cluster: Cluster, image: MetadataImage, id: number): boolean {
  const broker = cluster.broker(id)
  if (!broker.host.up || broker.stopping || broker.hasLost) return false
  return hasWorkingDisk(cluster, broker) && isThisLife(cluster, image, id)
}

/** A broker whose disk is spoiled ends without an ordered stop as soon as it writes, or hears that a write has failed. */
function hasWorkingDisk({ now }: Cluster, { disk, ailingUntil }: BrokerProcess): boolean {
  return disk.fault === null && disk.capacity === Infinity && ailingUntil <= now
}

/** An ISR may still name an earlier life of a broker. */
function isThisLife(cluster: Cluster, image: MetadataImage, id: number): boolean {
  const registered = image.brokers.get(id)
  return registered?.fenced === false && registered.incarnationId === cluster.broker(id).life?.incarnationId
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
    if (isBack && isThisLife(cluster, image, broker.id)) broker.hasLost = false
  }
}
