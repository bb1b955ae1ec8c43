/** What `GET /v1/cluster` shows: the brokers' workers, and the partitions as the best informed broker knows them. */
import type { Cluster, Slot } from './cluster.ts'
import type { BrokerDescription, BrokerMetrics, PartitionDescription, ReplicaDescription } from './control.ts'

export interface ClusterStatus {
  readonly clusterId: string
  readonly controllerId: number
  readonly metadataOffset: number
  readonly brokers: readonly {
    readonly id: number
    /** Of the worker: starting, running, stopping, stopped, crashed, failed. */
    readonly state: string
    /** Of the broker in the cluster's metadata. */
    readonly fenced: boolean
    readonly epoch: number
    readonly starts: number
    readonly listeners: readonly string[]
    readonly lastEnd: string | null
  }[]
  readonly partitions: readonly (PartitionDescription & {
    /** The log of each replica whose broker runs. */
    readonly logs: readonly ({ readonly broker: number } & Omit<ReplicaDescription, 'topicId' | 'partition'>)[]
  })[]
}

/** A worker that is busy or on its way out is left out rather than waited for. */
const answerLimitMs = 2000

export async function clusterStatus(
  cluster: Cluster,
  clusterId: string,
  isAsked: (slot: Slot) => boolean = () => true,
): Promise<ClusterStatus> {
  const descriptions = await askAll(cluster, (slot) => slot.process!.remote.describe(), isAsked)
  const best = descriptions.reduce<BrokerDescription | null>(
    (best, next) => (best === null || next.metadataOffset > best.metadataOffset ? next : best),
    null,
  )
  const known = new Map(best?.brokers.map((broker) => [broker.id, broker]))
  return {
    clusterId,
    controllerId: best?.controllerId ?? -1,
    metadataOffset: best?.metadataOffset ?? -1,
    brokers: [...cluster.slots.values()].map((slot) => ({
      id: slot.plan.broker,
      state: slot.state,
      fenced: known.get(slot.plan.broker)?.fenced ?? true,
      epoch: known.get(slot.plan.broker)?.epoch ?? -1,
      starts: slot.starts,
      listeners: slot.listeners.map(({ name, host, port }) => `${name}://${host}:${port}`),
      lastEnd: slot.lastEnd,
    })),
    partitions: best === null ? [] : withLogs(best.partitions, descriptions),
  }
}

export function clusterMetrics(cluster: Cluster): Promise<BrokerMetrics[]> {
  return askAll(cluster, (slot) => slot.process!.remote.metrics())
}

function withLogs(
  partitions: readonly PartitionDescription[],
  descriptions: readonly BrokerDescription[],
): ClusterStatus['partitions'] {
  const logs = new Map<string, { broker: number; log: ReplicaDescription }[]>()
  for (const { id, replicas } of descriptions) {
    for (const log of replicas) {
      const key = `${log.topicId}:${log.partition}`
      const others = logs.get(key)
      if (others === undefined) logs.set(key, [{ broker: id, log }])
      else others.push({ broker: id, log })
    }
  }
  return partitions.map((partition) => ({
    ...partition,
    logs: (logs.get(`${partition.topicId}:${partition.partition}`) ?? []).map(({ broker, log }) => {
      const { logStartOffset, highWatermark, lastStableOffset, logEndOffset, sizeInBytes, offline } = log
      return { broker, logStartOffset, highWatermark, lastStableOffset, logEndOffset, sizeInBytes, offline }
    }),
  }))
}

async function askAll<Answer>(
  cluster: Cluster,
  question: (slot: Slot) => Promise<Answer>,
  isAsked: (slot: Slot) => boolean = () => true,
): Promise<Answer[]> {
  const asked = [...cluster.slots.values()].filter(
    (slot) => slot.process !== null && slot.state === 'running' && isAsked(slot),
  )
  const answers = await Promise.all(asked.map((slot) => withLimit(question(slot), slot)))
  return answers.filter((answer) => answer !== null)
}

function withLimit<Answer>(answer: Promise<Answer>, slot: Slot): Promise<Answer | null> {
  const { promise: limit, resolve } = Promise.withResolvers<null>()
  const timer = setTimeout(() => resolve(null), answerLimitMs)
  const ended = slot.process!.ended.then(() => null)
  return Promise.race([answer.catch(() => null), ended, limit]).finally(() => clearTimeout(timer))
}
