/**
 * All APIs of the front, by key. A file in `api/` that is not listed here does not exist for clients.
 */
import { apiByKey } from '@troupe/wire/apis'
import type { AnyApiHandler } from './api.ts'
import { produce } from './api/00-produce.ts'
import { fetch } from './api/01-fetch.ts'
import { listOffsets } from './api/02-list-offsets.ts'
import { metadata } from './api/03-metadata.ts'
import { offsetCommit } from './api/08-offset-commit.ts'
import { offsetFetch } from './api/09-offset-fetch.ts'
import { findCoordinator } from './api/10-find-coordinator.ts'
import { joinGroup } from './api/11-join-group.ts'
import { heartbeat } from './api/12-heartbeat.ts'
import { leaveGroup } from './api/13-leave-group.ts'
import { syncGroup } from './api/14-sync-group.ts'
import { describeGroups } from './api/15-describe-groups.ts'
import { listGroups } from './api/16-list-groups.ts'
import { apiVersions } from './api/18-api-versions.ts'
import { createTopics } from './api/19-create-topics.ts'
import { initProducerId } from './api/22-init-producer-id.ts'
import { addPartitionsToTxn } from './api/24-add-partitions-to-txn.ts'
import { addOffsetsToTxn } from './api/25-add-offsets-to-txn.ts'
import { endTxn } from './api/26-end-txn.ts'
import { txnOffsetCommit } from './api/28-txn-offset-commit.ts'
import { deleteGroups } from './api/42-delete-groups.ts'
import { offsetDelete } from './api/47-offset-delete.ts'
import type { AdvertisedApi } from './state.ts'

const PRODUCE = 0

const all: readonly AnyApiHandler[] = [
  produce, fetch, listOffsets, metadata, offsetCommit, offsetFetch, findCoordinator, joinGroup, heartbeat, leaveGroup,
  syncGroup, describeGroups, listGroups, apiVersions, createTopics, initProducerId, addPartitionsToTxn,
  addOffsetsToTxn, endTxn, txnOffsetCommit, deleteGroups, offsetDelete,
]

export const handlers: ReadonlyMap<number, AnyApiHandler> = new Map(all.map((handler) => [handler.key, handler]))

/** What may be asked; Kafka's unstable versions only where they are enabled. */
export function highestVersion({ key, maxVersion }: AnyApiHandler, unstable: boolean): number {
  const spec = apiByKey(key)
  return spec?.latestVersionUnstable && !unstable ? Math.min(maxVersion, spec.maxVersion - 1) : maxVersion
}

export function advertised(unstable: boolean): AdvertisedApi[] {
  return all.map((handler) => ({
    apiKey: handler.key,
    // Old librdkafka reads features from this minimum although 0 to 2 are refused (KAFKA-18659).
    minVersion: handler.key === PRODUCE ? 0 : handler.minVersion,
    maxVersion: highestVersion(handler, unstable),
  }))
}
