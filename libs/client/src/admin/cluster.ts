/** The cluster: its brokers, its metadata quorum, its features; any single request of the protocol. */
import { KafkaError } from '@troupe/wire/errors'
import type { ApiVersionsResponse } from '@troupe/wire/generated/18-api-versions'
import type { DescribeClusterResponse } from '@troupe/wire/generated/60-describe-cluster'
import type {
  DescribeQuorumResponse,
  DescribeQuorumResponse_ReplicaState,
} from '@troupe/wire/generated/55-describe-quorum'
import type { UnregisterBrokerResponse } from '@troupe/wire/generated/64-unregister-broker'
import type { UpdateFeaturesResponse } from '@troupe/wire/generated/57-update-features'
import { answer, authorizedOperations, everyKey, never, passesAtController } from './answers.ts'
import { defineOperation, type Answer } from './operation.ts'

const ONE = 'cluster'

export interface ClusterDescription {
  readonly clusterId: string
  /** With KRaft some broker that forwards to the active controller. */
  readonly controllerId: number
  readonly brokers: readonly BrokerDescription[]
  /** Names of AclOperation; null: not asked for. */
  readonly authorizedOperations: readonly string[] | null
}

export interface BrokerDescription {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly fenced: boolean
}

export interface DescribeClusterArgs {
  readonly includeAuthorizedOperations?: boolean
  /** KIP-1073. */
  readonly includeFencedBrokers?: boolean
}
const WITH_FENCED = 2

export const describeCluster = defineOperation({
  api: 60,
  items: (_args: DescribeClusterArgs) => [ONE],
  keyOf: (key) => key,
  route: () => 'any',
  request: (_items, { includeAuthorizedOperations = false, includeFencedBrokers = false }) => ({
    body: { includeClusterAuthorizedOperations: includeAuthorizedOperations, includeFencedBrokers },
    ...(includeFencedBrokers ? { minVersion: WITH_FENCED } : {}),
  }),
  read(response: DescribeClusterResponse) {
    const value: ClusterDescription = {
      clusterId: response.clusterId,
      controllerId: response.controllerId,
      brokers: response.brokers
        .map(({ brokerId, host, port, rack, isFenced }) => ({ id: brokerId, host, port, rack, fenced: isFenced }))
        .sort((a, b) => a.id - b.id),
      authorizedOperations: authorizedOperations(response.clusterAuthorizedOperations),
    }
    return [answer(ONE, value, response.errorCode, response.errorMessage)]
  },
  repeat: never,
})

export interface FeatureMetadata {
  readonly finalized: ReadonlyMap<string, FeatureRange>
  /** −1: none is finalised yet. */
  readonly finalizedEpoch: number
  readonly supported: ReadonlyMap<string, FeatureRange>
}

export interface FeatureRange {
  readonly minVersion: number
  readonly maxVersion: number
}

export const describeFeatures = defineOperation({
  api: 18,
  items: ({ broker }: { readonly broker?: number }) => [broker],
  keyOf: () => ONE,
  route: (broker) => broker ?? 'any',
  request: () => ({ body: { clientSoftwareName: 'troupe', clientSoftwareVersion: '0.1.0' }, minVersion: 3 }),
  read(response: ApiVersionsResponse) {
    const finalized = response.finalizedFeatures.map(
      ({ name, minVersionLevel, maxVersionLevel }) =>
        [name, { minVersion: minVersionLevel, maxVersion: maxVersionLevel }] as const,
    )
    const supported = response.supportedFeatures.map(
      ({ name, minVersion, maxVersion }) => [name, { minVersion, maxVersion }] as const,
    )
    const value: FeatureMetadata = {
      finalized: new Map(finalized),
      finalizedEpoch: response.finalizedFeaturesEpoch,
      supported: new Map(supported),
    }
    return [answer(ONE, value, response.errorCode)]
  },
  repeat: never,
})

const upgradeTypes = { upgrade: 1, 'safe-downgrade': 2, 'unsafe-downgrade': 3 } as const

export interface FeatureUpdate {
  readonly feature: string
  /** 0 removes it. */
  readonly maxVersionLevel: number
  /** Default: upgrade. */
  readonly upgradeType?: keyof typeof upgradeTypes
}

export const updateFeatures = defineOperation({
  api: 57,
  items: ({ updates }: { readonly updates: readonly FeatureUpdate[]; readonly validateOnly?: boolean }) => updates,
  keyOf: ({ feature }) => feature,
  route: () => 'controller',
  request: (items, { validateOnly = false }, timeoutMs) => ({
    body: {
      timeoutMs,
      featureUpdates: items.map(({ feature, maxVersionLevel, upgradeType = 'upgrade' }) => ({
        feature,
        maxVersionLevel,
        upgradeType: upgradeTypes[upgradeType],
      })),
      validateOnly,
    },
    minVersion: 1,
  }),
  read({ errorCode, errorMessage, results }: UpdateFeaturesResponse, items): Answer<undefined>[] {
    const keys = items.map(({ feature }) => feature)
    if (errorCode !== KafkaError.NONE) return everyKey(keys, errorCode, errorMessage)
    // From version 2 on there are no results: all or none.
    const byName = new Map(results.map((result) => [result.feature, result]))
    return keys.map((key) => answer(key, undefined, byName.get(key)?.errorCode, byName.get(key)?.errorMessage))
  },
  repeat: passesAtController,
})

export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly QuorumReplica[]
  readonly observers: readonly QuorumReplica[]
  readonly nodes: readonly QuorumNode[]
}

export interface QuorumReplica {
  readonly replicaId: number
  readonly replicaDirectoryId: string
  readonly logEndOffset: number
  /** null: not known. */
  readonly lastFetchTimestamp: number | null
  readonly lastCaughtUpTimestamp: number | null
}

export interface QuorumNode {
  readonly nodeId: number
  readonly listeners: readonly { readonly name: string; readonly host: string; readonly port: number }[]
}

const METADATA_LOG = '__cluster_metadata'

export const describeQuorum = defineOperation({
  api: 55,
  items: (_args: object) => [ONE],
  keyOf: (key) => key,
  route: () => 'any',
  request: () => ({ body: { topics: [{ topicName: METADATA_LOG, partitions: [{ partitionIndex: 0 }] }] } }),
  read({ errorCode, errorMessage, topics, nodes }: DescribeQuorumResponse): Answer<QuorumDescription>[] {
    const partition = topics[0]?.partitions[0]
    if (errorCode !== KafkaError.NONE || !partition)
      return everyKey([ONE], errorCode || KafkaError.UNKNOWN_SERVER_ERROR, errorMessage)
    const value: QuorumDescription = {
      leaderId: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      highWatermark: partition.highWatermark,
      voters: partition.currentVoters.map(replica),
      observers: partition.observers.map(replica),
      nodes: nodes.map(({ nodeId, listeners }) => ({
        nodeId,
        listeners: listeners.map(({ name, host, port }) => ({ name, host, port })),
      })),
    }
    return [answer(ONE, value, partition.errorCode, partition.errorMessage)]
  },
  repeat: passesAtController,
})

function replica(state: DescribeQuorumResponse_ReplicaState): QuorumReplica {
  const known = (timestamp: number): number | null => (timestamp < 0 ? null : timestamp)
  return {
    replicaId: state.replicaId,
    replicaDirectoryId: state.replicaDirectoryId,
    logEndOffset: state.logEndOffset,
    lastFetchTimestamp: known(state.lastFetchTimestamp),
    lastCaughtUpTimestamp: known(state.lastCaughtUpTimestamp),
  }
}

export const unregisterBroker = defineOperation({
  api: 64,
  items: ({ broker }: { readonly broker: number }) => [broker],
  keyOf: String,
  route: () => 'any',
  request: ([brokerId]) => ({ body: { brokerId: brokerId! } }),
  read: ({ errorCode, errorMessage }: UnregisterBrokerResponse, [broker]) => [
    answer(String(broker), undefined, errorCode, errorMessage),
  ],
  repeat: (error) => passesAtController(error) || error === KafkaError.REQUEST_TIMED_OUT,
})

export interface AnyRequest {
  readonly api: number
  /** As the codec's `Input` has it. */
  readonly body: object
  /** Default: `any`. */
  readonly to?: number | 'any' | 'controller'
  readonly minVersion?: number
  readonly maxVersion?: number
}

/** Its answer is the response as it is, whatever it says inside. */
export const anyRequest = defineOperation({
  api: ({ api }: AnyRequest) => api,
  items: (_args: AnyRequest) => [ONE],
  keyOf: (key) => key,
  route: (_key, { to = 'any' }) => to,
  request: (_items, { body, minVersion, maxVersion }) => ({
    body,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  }),
  read: (response: { readonly errorCode?: number; readonly errorMessage?: string | null }) => [
    answer(ONE, response as object, response.errorCode, response.errorMessage),
  ],
  repeat: passesAtController,
})
