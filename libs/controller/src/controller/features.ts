/**
 * Feature levels: what a new cluster starts with, and UpdateFeatures (KIP-584, KIP-1022).
 *
 * Source: Kafka's FeatureControlManager, ActivationRecordsGenerator; levels are those of 4.3.
 */
import { KafkaError } from '@troupe/wire/errors'
import type {
  UpdateFeaturesRequest,
  UpdateFeaturesRequest_FeatureUpdateKey,
  UpdateFeaturesResponseInput,
} from '@troupe/wire/messages'
import { resourceTypes } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { clusterConfig, ELR_FEATURE } from './cluster.ts'
import {
  failure,
  isFailure,
  ok,
  type ApiError,
  type ControllerState,
  type DecideEnv,
  type Decision,
} from './decision.ts'

export interface FeatureSupport {
  readonly min: number
  readonly max: number
}

/**
 * What this version understands, and sets on a new cluster: the latest production levels of 4.3. Deliberate difference: Kafka
 * also runs with older metadata versions; the records here are always written as those of level 30.
 */
export const supportedFeatures: ReadonlyMap<string, FeatureSupport> = new Map([
  ['metadata.version', { min: 30, max: 30 }],
  ['eligible.leader.replicas.version', { min: 0, max: 1 }],
  ['group.version', { min: 0, max: 1 }],
  ['share.version', { min: 0, max: 1 }],
  ['streams.version', { min: 0, max: 1 }],
  ['transaction.version', { min: 0, max: 2 }],
])

/** The first records of a new cluster, as `kafka-storage format` and the first active controller write them. */
export function bootstrapRecords(state: ControllerState, env: DecideEnv): KnownRecord[] {
  const records: KnownRecord[] = []
  for (const [name, { max }] of supportedFeatures)
    records.push({ type: 'FeatureLevelRecord', value: { name, featureLevel: max } })
  return [...records, ...elrSafetyRecords(state, env)]
}

/** With ELR, min.insync.replicas must not differ between brokers: the cluster-wide value is written down (KIP-966). */
function elrSafetyRecords(state: ControllerState, env: DecideEnv): KnownRecord[] {
  const name = 'min.insync.replicas'
  const records: KnownRecord[] = []
  const resourceType = resourceTypes.broker
  if (!state.image.configs('broker', '').has(name)) {
    const value = String(clusterConfig(state, env)[name])
    records.push({ type: 'ConfigRecord', value: { resourceType, resourceName: '', name, value } })
  }
  for (const id of state.image.brokers.keys()) {
    if (!state.image.configs('broker', String(id)).has(name)) continue
    records.push({ type: 'ConfigRecord', value: { resourceType, resourceName: String(id), name, value: null } })
  }
  return records
}

const SAFE_DOWNGRADE = 2

export function updateFeatures(state: ControllerState, request: UpdateFeaturesRequest, env: DecideEnv): Decision {
  const errors = request.featureUpdates.map((update) => updateError(state, update))
  const failed = errors.find(isFailure)
  const records: KnownRecord[] = []
  for (const { feature, maxVersionLevel } of failed || request.validateOnly ? [] : request.featureUpdates) {
    const before = state.image.features.get(feature) ?? 0
    if (before === maxVersionLevel) continue
    records.push({ type: 'FeatureLevelRecord', value: { name: feature, featureLevel: maxVersionLevel } })
    if (feature !== ELR_FEATURE) continue
    if (maxVersionLevel > 0) records.push(...elrSafetyRecords(state, env))
    else records.push({ type: 'ClearElrRecord', value: { topicName: '' } })
  }
  const response: UpdateFeaturesResponseInput = {
    errorCode: failed?.code ?? KafkaError.NONE,
    errorMessage: failed?.message ?? null,
    results: request.featureUpdates.map(({ feature }, index) => ({
      feature,
      errorCode: errors[index]!.code,
      errorMessage: errors[index]!.message,
    })),
  }
  return { records, response }
}

function updateError(state: ControllerState, update: UpdateFeaturesRequest_FeatureUpdateKey): ApiError {
  const { feature, maxVersionLevel } = update
  const refuse = (why: string): ApiError =>
    failure(
      KafkaError.INVALID_UPDATE_VERSION,
      `Invalid update version ${maxVersionLevel} for feature ${feature}. ${why}`,
    )
  const supported = supportedFeatures.get(feature)
  if (!supported) return refuse('The feature is not known here.')
  if (maxVersionLevel < supported.min || maxVersionLevel > supported.max) {
    return refuse(`Supported are the levels ${supported.min} to ${supported.max}.`)
  }
  for (const broker of state.image.brokers.values()) {
    const range = broker.features.find(({ name }) => name === feature)
    const lowest = range?.minSupportedVersion ?? 0
    const highest = range?.maxSupportedVersion ?? 0
    if (maxVersionLevel < lowest || maxVersionLevel > highest) {
      return refuse(`Broker ${broker.id} supports the levels ${lowest} to ${highest}.`)
    }
  }
  const before = state.image.features.get(feature) ?? 0
  const downgrades = update.upgradeType >= SAFE_DOWNGRADE || update.allowDowngrade
  if (maxVersionLevel < before && !downgrades) return refuse('A lower level needs a downgrade.')
  if (maxVersionLevel > before && downgrades) return refuse('A higher level is no downgrade.')
  return ok
}
