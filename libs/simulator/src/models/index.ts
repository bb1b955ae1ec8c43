/** All models that `check` knows, by name. */
import type { Model } from '../model/contract.ts'
import { consumerTruncationModel } from './consumer-truncation.ts'
import { coordinatorModel } from './coordinator.ts'
import { expiredIdModel } from './expired-id.ts'
import { idempotentClientModel } from './idempotent-client.ts'
import { producersModel } from './idempotence.ts'
import { offsetsModel } from './offsets.ts'
import { raftModel } from './raft.ts'
import { raftTimedModel } from './raft-timed.ts'
import { replicationModel } from './replication.ts'
import { stickyClaimsModel } from './sticky-claims.ts'
import { cleanerModel, storageModel } from './storage.ts'
import { transactionsModel } from './transactions.ts'

// Each has worlds of its own; nothing here looks into one.
// oxlint-disable-next-line no-explicit-any
export type AnyModel = Model<any>

const list: readonly AnyModel[] = [
  replicationModel,
  storageModel,
  cleanerModel,
  producersModel,
  transactionsModel,
  offsetsModel,
  coordinatorModel,
  raftModel,
  raftTimedModel,
  idempotentClientModel,
  consumerTruncationModel,
  expiredIdModel,
  stickyClaimsModel,
]

export const models: ReadonlyMap<string, AnyModel> = new Map(list.map((model) => [model.name, model]))
