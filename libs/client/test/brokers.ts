/** Brokers for a stage: they answer as healthy ones would, from tables that a test may change, and say what they got. */
import { readBatch, type DecodedBatch } from '@troupe/wire/record-batch'
import { errorName } from '@troupe/wire/errors'
import { apis } from '@troupe/wire/apis'
import { zeroUuid } from '@troupe/wire/io'
import type { Body, Received } from './stage.ts'

export interface FakeTopic {
  id: string
  /** Leader and leader epoch of each partition. */
  partitions: { leader: number; epoch: number }[]
}

export function topicId(n: number): string {
  return `${String(n).padStart(21, 'T')}A`
}

const text = (bytes: Uint8Array | null): string => (bytes ? new TextDecoder().decode(bytes) : 'null')

export class FakeBrokers {
  readonly ids = [1, 2, 3]
  readonly down = new Set<number>()
  readonly topics = new Map<string, FakeTopic>()
  readonly logs = new Map<string, number>()
  features = { epoch: 5, transactionVersion: 2 }
  producer = { id: 7000, epoch: 0 }
  /** Whether EndTxn brings the next epoch. */
  coordinator = 2
  /** Highest versions that these brokers have, where not ours. */
  readonly maxVersions = new Map<string, number>()

  add(name: string, leaders: readonly number[], id = topicId(this.topics.size + 1)): void {
    this.topics.set(name, { id, partitions: leaders.map((leader) => ({ leader, epoch: 0 })) })
  }

  byPort(port: number): number {
    return port - 9090
  }

  answer(request: Received): Body {
    switch (request.name) {
      case 'ApiVersions':
        return this.apiVersions()
      case 'Metadata':
        return this.metadata(request.body)
      case 'FindCoordinator': {
        const [key] = request.body.coordinatorKeys
        const id = this.coordinator
        return { coordinators: [{ key, nodeId: id, host: `b${id}`, port: 9090 + id, errorCode: 0 }] }
      }
      case 'InitProducerId': {
        if (request.body.producerId >= 0) this.producer.epoch++
        const { id, epoch } = this.producer
        return { errorCode: 0, producerId: id, producerEpoch: epoch }
      }
      case 'Produce':
        return this.produce(request, () => ({}))
      case 'AddPartitionsToTxn':
        return { resultsByTopicV3AndBelow: partitionsOf(request.body.v3AndBelowTopics, 0) }
      case 'AddOffsetsToTxn':
        return { errorCode: 0 }
      case 'TxnOffsetCommit':
        return { topics: committed(request.body.topics, () => 0) }
      case 'EndTxn': {
        if (request.version < 5) return { errorCode: 0 }
        this.producer.epoch++
        return { errorCode: 0, producerId: this.producer.id, producerEpoch: this.producer.epoch }
      }
      default:
        throw new RangeError(`nobody wrote an answer to ${request.name}`)
    }
  }

  /** `change` may put an error in the place of the append. */
  produce(request: Received, change: (topic: string, partition: number) => object): Body {
    const responses = request.body.topicData.map(({ name, topicId: id, partitionData }: Body) => {
      const topic = request.version >= 13 ? this.nameOf(id) : name
      const partitionResponses = partitionData.map(({ index, records }: Body) => {
        const changed = change(topic, index) as { errorCode?: number }
        const key = `${topic}-${index}`
        const end = this.logs.get(key) ?? 0
        if (!changed.errorCode) this.logs.set(key, end + readBatch(records).recordCount)
        const baseOffset = changed.errorCode ? -1 : end
        return { index, errorCode: 0, baseOffset, logAppendTimeMs: -1, logStartOffset: 0, ...changed }
      })
      return { name: request.version >= 13 ? '' : topic, topicId: id, partitionResponses }
    })
    return { responses }
  }

  nameOf(id: string): string {
    return [...this.topics].find(([, topic]) => topic.id === id)?.[0] ?? '?'
  }

  private apiVersions(): Body {
    const apiKeys = [...apis.values()]
      .filter(({ listeners }) => listeners.includes('broker'))
      .map((spec) => ({
        apiKey: spec.key,
        minVersion: spec.minVersion,
        maxVersion: this.maxVersions.get(spec.name) ?? spec.maxVersion,
      }))
    const level = this.features.transactionVersion
    return {
      errorCode: 0,
      apiKeys,
      finalizedFeaturesEpoch: this.features.epoch,
      finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: level, minVersionLevel: level }],
    }
  }

  private metadata({ topics }: Body): Body {
    const names: string[] = topics === null ? [...this.topics.keys()] : topics.map((topic: Body) => topic.name)
    return {
      clusterId: 'stage',
      controllerId: 1,
      brokers: this.ids.map((id) => ({ nodeId: id, host: `b${id}`, port: 9090 + id, rack: null })),
      topics: names.map((name) => {
        const topic = this.topics.get(name)
        if (!topic) return { errorCode: 3, name, topicId: zeroUuid, isInternal: false, partitions: [] }
        const partitions = topic.partitions.map(({ leader, epoch }, index) => ({
          errorCode: leader < 0 ? 5 : 0,
          partitionIndex: index,
          leaderId: leader,
          leaderEpoch: epoch,
          replicaNodes: this.ids,
          isrNodes: this.ids,
          offlineReplicas: [],
        }))
        return { errorCode: 0, name, topicId: topic.id, isInternal: false, partitions }
      }),
    }
  }

  // --- for the transcript

  /** null: not worth a line. */
  describe({ name, version, body }: Received): string | null {
    switch (name) {
      case 'ApiVersions':
      case 'Metadata':
        return null
      case 'Produce':
        return `Produce v${version} ${this.describeProduce(version, body)}`
      case 'InitProducerId':
        return `InitProducerId ${body.producerId}/${body.producerEpoch}`
      case 'AddPartitionsToTxn': {
        const added = body.v3AndBelowTopics.map((t: Body) => `${t.name}-${t.partitions.join(',')}`)
        return `AddPartitionsToTxn v${version} ${added.join(' ')}`
      }
      case 'EndTxn': {
        const { committed: commit, producerId, producerEpoch } = body
        return `EndTxn v${version} ${commit ? 'commit' : 'abort'} ${producerId}/${producerEpoch}`
      }
      case 'TxnOffsetCommit': {
        const offsets = body.topics.flatMap((topic: Body) =>
          topic.partitions.map((p: Body) => `${topic.name}-${p.partitionIndex}@${p.committedOffset}`),
        )
        return `TxnOffsetCommit v${version} ${body.groupId}/${body.memberId}/${body.generationId} ${offsets.join(' ')}`
      }
      default:
        return `${name} v${version}`
    }
  }

  private describeProduce(version: number, body: Body): string {
    return body.topicData
      .flatMap(({ name, topicId: id, partitionData }: Body) =>
        partitionData.map(({ index, records }: Body) => {
          const batch: DecodedBatch = readBatch(records)
          const who =
            batch.producerId < 0 ? '' : ` ${batch.producerId}/${batch.producerEpoch} seq=${batch.baseSequence}`
          const values = batch.records.map(({ value }) => text(value)).join(',')
          const kind = batch.isTransactional ? ' txn' : ''
          return `${version >= 13 ? this.nameOf(id) : name}-${index}${who}${kind} [${values}]`
        }),
      )
      .join(' ')
  }

  describeAnswer(body: Body): string {
    if (body.kind === 'response') return `response v${body.version} of b${body.broker}`
    if (body.kind === 'unanswered') return `unanswered ${body.reason}`
    if ('firstError' in body) return describeMany(body)
    if ('topic' in body && !('offset' in body)) {
      return body.topic ? `${body.topic.name} has ${body.topic.partitions.length}` : errorName(body.error)
    }
    if ('offset' in body) {
      if (body.error === 0) return `sent ${body.topic}-${body.partition}@${body.offset}`
      return `${errorName(body.error)}${body.indefinite ? ' (indefinite)' : ''}: ${body.detail}`
    }
    return body.error === 0 ? 'ok' : `${body.severity} ${errorName(body.error)}: ${body.detail}`
  }
}

function describeMany({ firstError, results }: Body): string {
  const failed = firstError ? `#${firstError.index} ${errorName(firstError.error)}` : 'all sent'
  const places = results.map((each: Body) => (each.error ? '!' : `${each.topic}-${each.partition}@${each.offset}`))
  return [failed, ...places].join(' ')
}

export function partitionsOf(topics: Body, errorCode: number): Body {
  return topics.map(({ name, partitions }: Body) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex: number) => ({
      partitionIndex,
      partitionErrorCode: errorCode,
    })),
  }))
}

export function committed(topics: Body, error: (topic: string, partition: number) => number): Body {
  return topics.map(({ name, partitions }: Body) => ({
    name,
    partitions: partitions.map(({ partitionIndex }: Body) => ({
      partitionIndex,
      errorCode: error(name, partitionIndex),
    })),
  }))
}
