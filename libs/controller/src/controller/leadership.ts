/**
 * What brokers that come and go mean for the partitions: shrink the ISR, move leaders.
 *
 * Source: Kafka's ReplicationControlManager (handleBrokerFenced, …Unfenced, …InControlledShutdown, …UncleanShutdown).
 */
import { NO_LEADER } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { isActive, mayElectUnclean } from './cluster.ts'
import type { ControllerState, DecideEnv } from './decision.ts'
import { changePartition, type PartitionTarget } from './partition-change.ts'
import type { PartitionImage, TopicImage } from '../image/types.ts'

export function* everyPartition(state: ControllerState): Generator<[TopicImage, PartitionImage]> {
  for (const topic of state.image.topicsById.values())
    for (const partition of topic.partitions) yield [topic, partition]
}

export function hasLeaderships(state: ControllerState, brokerId: number): boolean {
  for (const [, { leader }] of everyPartition(state)) if (leader === brokerId) return true
  return false
}

/** A change that also allows an unclean election where the topic does. */
function change(
  state: ControllerState,
  env: DecideEnv,
  records: KnownRecord[],
  [topic, partition]: [TopicImage, PartitionImage],
  target: PartitionTarget,
): void {
  const election = mayElectUnclean(state, env, topic.name) ? 'unclean' : 'online'
  const record = changePartition(state, env, topic, partition, { election, ...target })
  if (record) records.push(record)
}

/** The broker leaves every ISR and leads nothing any more. `unclean`: it may have lost records, so it leaves the ELR too. */
export function removeFromIsrs(
  state: ControllerState,
  env: DecideEnv,
  brokerId: number,
  unclean = false,
): KnownRecord[] {
  const records: KnownRecord[] = []
  for (const entry of everyPartition(state)) {
    const [, { isr, elr, leader }] = entry
    if (!isr.includes(brokerId) && leader !== brokerId && !(unclean && elr.includes(brokerId))) continue
    change(state, env, records, entry, {
      isr: isr.filter((id) => id !== brokerId),
      isAcceptable: (id) => id !== brokerId && isActive(state, id),
      uncleanShutdown: unclean ? [brokerId] : [],
    })
  }
  return records
}

export function fenceBroker(state: ControllerState, env: DecideEnv, brokerId: number, unclean = false): KnownRecord[] {
  const broker = state.image.brokers.get(brokerId)!
  return [
    ...removeFromIsrs(state, env, brokerId, unclean),
    { type: 'BrokerRegistrationChangeRecord', value: { brokerId, brokerEpoch: broker.epoch, fenced: 1 } },
  ]
}

/** Partitions without a leader may have been waiting for this one. */
export function unfenceBroker(state: ControllerState, env: DecideEnv, brokerId: number): KnownRecord[] {
  const broker = state.image.brokers.get(brokerId)!
  const records: KnownRecord[] = [
    { type: 'BrokerRegistrationChangeRecord', value: { brokerId, brokerEpoch: broker.epoch, fenced: -1 } },
  ]
  for (const entry of everyPartition(state)) {
    if (entry[1].leader !== NO_LEADER) continue
    change(state, env, records, entry, { isAcceptable: (id) => id === brokerId || isActive(state, id) })
  }
  return records
}

export function beginControlledShutdown(state: ControllerState, env: DecideEnv, brokerId: number): KnownRecord[] {
  const { epoch, inControlledShutdown } = state.image.brokers.get(brokerId)!
  const records = removeFromIsrs(state, env, brokerId)
  if (inControlledShutdown) return records
  return [
    { type: 'BrokerRegistrationChangeRecord', value: { brokerId, brokerEpoch: epoch, inControlledShutdown: 1 } },
    ...records,
  ]
}

/** Kafka's bound on one round of automatic elections (ReplicationControlManager.MAX_ELECTIONS_PER_IMBALANCE). */
const MAX_ELECTIONS = 1000

/** `auto.leader.rebalance.enable`: leadership goes back to the first replica when it is in the ISR. */
export function electPreferredLeaders(state: ControllerState, env: DecideEnv): KnownRecord[] {
  const records: KnownRecord[] = []
  for (const [topic, partition] of everyPartition(state)) {
    if (records.length >= MAX_ELECTIONS) break
    if (partition.leader === partition.replicas[0]) continue
    const record = changePartition(state, env, topic, partition, { election: 'preferred' })
    if (record) records.push(record)
  }
  return records
}

/** Leaderless partitions of topics that allow it. */
export function electUncleanLeaders(state: ControllerState, env: DecideEnv): KnownRecord[] {
  const records: KnownRecord[] = []
  for (const [topic, partition] of everyPartition(state)) {
    if (records.length >= MAX_ELECTIONS) break
    if (partition.leader !== NO_LEADER || !mayElectUnclean(state, env, topic.name)) continue
    const record = changePartition(state, env, topic, partition, { election: 'unclean' })
    if (record) records.push(record)
  }
  return records
}
