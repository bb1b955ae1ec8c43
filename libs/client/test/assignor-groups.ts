/** Random groups for the assignors. */
import fc from 'fast-check'
import type { MemberSubscription } from '../src/consumer/assignors/assignor.ts'
import { encodeGeneration, encodeStickyUserData } from '../src/consumer/assignors/user-data.ts'

export interface Group {
  readonly assignor: 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'
  readonly topics: Readonly<Record<string, number>>
  readonly members: readonly Member[]
}

interface Member {
  readonly id: string
  readonly instance: string | null
  readonly topics: readonly string[]
  readonly owned: readonly (readonly [string, number])[]
  /** −1: never had one. */
  readonly generation: number
}

const names = ['t', 'u', 'v', 'w']

/** Members in the alphabet's order; whether all subscribe to the same decides which algorithm runs. */
export const group: fc.Arbitrary<Group> = fc
  .tuple(
    fc.constantFrom<Group['assignor']>('range', 'roundrobin', 'sticky', 'cooperative-sticky'),
    fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 1, max: 8 }),
    fc.boolean(),
    fc.infiniteStream(fc.nat(999)),
  )
  .map(([assignor, counts, size, same, numbers]) => {
    const draw = (below: number): number => numbers.next().value % below
    const topics = Object.fromEntries(counts.map((count, i) => [names[i], count]))
    const conflicts = draw(3) === 0
    const taken = new Set<string>()
    const members = Array.from({ length: size }, (_, i): Member => {
      const all = Object.keys(topics)
      const some = all.filter(() => same || draw(3) > 0)
      const subscribed = some.length > 0 ? some : [all[draw(all.length)]]
      const generation = draw(4) === 0 ? -1 : 4 + draw(3)
      const owned = Object.entries(topics).flatMap(([topic, count]) =>
        Array.from({ length: count }, (_, partition) => [topic, partition] as const).filter(([, partition]) => {
          const key = `${topic}-${partition}`
          if (draw(size) !== 0 || (taken.has(key) && !conflicts)) return false
          taken.add(key)
          return true
        }),
      )
      const instance = draw(5) === 0 ? `i${draw(100)}-${i}` : null
      return { id: String.fromCharCode(97 + i), instance, topics: subscribed, owned, generation }
    })
    return { assignor, topics, members }
  })

export function subscriptionsOf({ assignor, members }: Group): Map<string, MemberSubscription> {
  return new Map(
    members.map(({ id, instance, topics, owned, generation }) => {
      const partitions = owned.map(([topic, partition]) => ({ topic, partition }))
      const sticky = generation < 0 ? null : encodeStickyUserData({ partitions, generationId: generation })
      const cooperative = assignor === 'cooperative-sticky'
      return [
        id,
        {
          topics,
          userData: assignor === 'sticky' ? sticky : cooperative ? encodeGeneration(generation) : null,
          owned: cooperative ? partitions : [],
          generationId: generation,
          groupInstanceId: instance,
        },
      ]
    }),
  )
}
