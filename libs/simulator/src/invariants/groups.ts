/**
 * The G rules of the catalogue that one coordinator of classic groups can break, and T7, which takes a group and a
 * transaction; each a pure function over what can be seen from outside.
 *
 *   G3  generations that were written never fall, and in one of them no partition has two owners
 *   G4  a commit is accepted only from a current member of the current generation
 *   G5  what was acknowledged is in the log of `__consumer_offsets`
 *   G6  the coordinator's offsets are those that its log tells of
 *   G9  one live member for each group.instance.id
 *   T7  each input offset contributes once to committed output
 *
 * Source: KIP-345, KIP-447; Kafka's ClassicGroup, OffsetMetadataManager.
 */
import type { Violation } from '../model/contract.ts'
import { attemptOf, foldPartition, type TxnPartition } from './transactions-view.ts'

export interface GroupView {
  readonly groupId: string
  readonly phase: string
  readonly generation: number
  readonly members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly owns: readonly string[]
  }[]
  /** group.instance.id → member id, as the coordinator has it. */
  readonly instances: ReadonlyMap<string, string>
}

const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/**
 * `before`: its last generation that was Stable. One that has no assignment yet is not written; a fail-over takes it
 * back, in Kafka too, and its members are not known then.
 */
export function checkGroup({ groupId, phase, generation, members }: GroupView, before: number): Violation | null {
  if (phase !== 'Stable') return null
  if (generation < before) return broken('G3', `${groupId}: generation ${before} is followed by ${generation}`)
  const owners = new Map<string, string>()
  for (const { memberId, owns } of members) {
    for (const partition of owns) {
      const other = owners.get(partition)
      if (other !== undefined) return broken('G3', `${groupId}: ${partition} belongs to ${other} and to ${memberId}`)
      owners.set(partition, memberId)
    }
  }
  return null
}

export function checkInstances({ groupId, members, instances }: GroupView): Violation | null {
  const live = new Map<string, string>()
  for (const { memberId, instanceId } of members) {
    if (instanceId === null) continue
    const other = live.get(instanceId)
    if (other !== undefined) return broken('G9', `${groupId}: ${other} and ${memberId} live as ${instanceId}`)
    live.set(instanceId, memberId)
  }
  for (const [instanceId, memberId] of instances) {
    if (live.get(instanceId) === memberId) continue
    return broken('G9', `${groupId}: ${instanceId} is ${memberId}, and lives as ${live.get(instanceId) ?? 'nobody'}`)
  }
  return null
}

/** Who asked for a commit that was just accepted; `generation` −1: nobody's. */
export interface CommitFrom {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

/** `group` as it was when the commit was accepted. */
export function checkAcceptedCommit(
  group: GroupView,
  { memberId, instanceId, generation }: CommitFrom,
): Violation | null {
  const who = `${group.groupId}: a commit of ${memberId || 'nobody'} in generation ${generation} is accepted`
  if (generation < 0 && (group.phase === 'Empty' || memberId === '')) return null
  if (generation !== group.generation) return broken('G4', `${who}, in generation ${group.generation}`)
  if (!group.members.some((member) => member.memberId === memberId)) return broken('G4', `${who}, who is no member`)
  const current = instanceId === null ? memberId : group.instances.get(instanceId)
  return current === memberId ? null : broken('G4', `${who}, while ${instanceId} is ${current}`)
}

/** Offsets of a coordinator or of a log: `group/topic:partition` → offset, `…?producer` of undecided transactions. */
export type OffsetsView = ReadonlyMap<string, number>

export function checkReplayed(live: OffsetsView, replayed: OffsetsView): Violation | null {
  for (const key of new Set([...live.keys(), ...replayed.keys()])) {
    if (live.get(key) === replayed.get(key)) continue
    return broken(
      'G6',
      `${key} is ${live.get(key) ?? 'nothing'} at the coordinator and ${replayed.get(key) ?? 'nothing'} in its log`,
    )
  }
  return null
}

/** `logged`: what the commits in the log are named. */
export function checkAckedCommits(acked: readonly string[], logged: ReadonlySet<string>): Violation | null {
  const lost = acked.find((commit) => !logged.has(commit))
  return lost === undefined ? null : broken('G5', `the acknowledged commit ${lost} is not in the log`)
}

/** Values end in the input offset that they were made of: `c1.2.p7`. */
export function checkExactlyOnce(partitions: readonly TxnPartition[]): Violation | null {
  for (const partition of partitions) {
    const makers = new Map<string, string>()
    for (const [value, fate] of foldPartition(partition).fates) {
      if (fate !== 'committed') continue
      const input = value.slice(value.lastIndexOf('.') + 2)
      const other = makers.get(input)
      if (other !== undefined && other !== attemptOf(value)) {
        return broken('T7', `input ${input} is in ${partition.name} twice: by ${other} and by ${attemptOf(value)}`)
      }
      makers.set(input, attemptOf(value))
    }
  }
  return null
}
