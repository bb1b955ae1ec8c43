/** All models that `check` knows, by name. */
import type { Model } from '../model/contract.ts'
import { coordinatorModel } from './coordinator.ts'
import { raftModel } from './raft.ts'
import { raftTimedModel } from './raft-timed.ts'

// Each has worlds of its own; nothing here looks into one.
// oxlint-disable-next-line no-explicit-any
export type AnyModel = Model<any>

const list: readonly AnyModel[] = [coordinatorModel, raftModel, raftTimedModel]

export const models: ReadonlyMap<string, AnyModel> = new Map(list.map((model) => [model.name, model]))
