/**
 * What the members of a sticky group say they own, and who is believed.
 *
 * A member that missed a generation still names partitions that the group has given to somebody else since. The claim
 * of the higher generation wins; two claims of one generation cancel each other out (KAFKA-12984, KAFKA-14639).
 * Source: `AbstractStickyAssignor.allSubscriptionsEqual`.
 */
import { partitionKey, type TopicPartition } from '../topic-partition.ts'
import type { AssignOptions, MemberSubscription, Subscriptions } from './assignor.ts'

export const NO_GENERATION = -1

export interface Claim {
  readonly partitions: readonly TopicPartition[]
  /** −1: not said. */
  readonly generationId: number
}

export interface Claims {
  /** By member, those that are believed. In the order of the subscriptions. */
  readonly owned: Map<string, TopicPartition[]>
  /** Claimed by two members in one generation; by key. */
  readonly disputed: Map<string, TopicPartition>
  readonly maxGeneration: number
  readonly sameTopics: boolean
}

export function collectClaims(
  partitions: ReadonlyMap<string, number>,
  members: Subscriptions,
  claimOf: (member: MemberSubscription) => Claim,
  { useGeneration }: AssignOptions,
): Claims {
  const owned = new Map<string, TopicPartition[]>()
  const disputed = new Map<string, TopicPartition>()
  const owners = new Map<string, string>()
  let maxGeneration = NO_GENERATION
  for (const [member, subscription] of members) {
    const claim = claimOf(subscription)
    maxGeneration = Math.max(maxGeneration, claim.generationId)
    const own: TopicPartition[] = []
    owned.set(member, own)
    for (const each of claim.partitions) {
      if (!partitions.has(each.topic)) continue
      const key = partitionKey(each)
      const other = useGeneration ? owners.get(key) : undefined
      if (other === undefined) {
        own.push(each)
        owners.set(key, member)
        continue
      }
      const rival = claimOf(members.get(other)!).generationId
      if (claim.generationId < rival) continue
      drop(owned.get(other)!, key)
      owners.set(key, member)
      if (claim.generationId > rival) own.push(each)
      else disputed.set(key, each)
    }
  }
  return { owned, disputed, maxGeneration, sameTopics: allSubscribeToTheSame(members) }
}

export function drop(partitions: TopicPartition[], key: string): void {
  const at = partitions.findIndex((each) => partitionKey(each) === key)
  if (at >= 0) partitions.splice(at, 1)
}

function allSubscribeToTheSame(members: Subscriptions): boolean {
  let first: ReadonlySet<string> | null = null
  for (const { topics } of members.values()) {
    if (first === null || first.size === 0) first = new Set(topics)
    else if (topics.length !== first.size || !topics.every((topic) => first!.has(topic))) return false
  }
  return true
}
