/** What must hold of a consumer after every step, whatever happened. */
import type { ConsumerState, PartitionState } from './state.ts'

class Broken extends Error {}

export function invariants(state: ConsumerState): void {
  for (const partition of state.partitions.values()) checkPosition(partition)
  checkBuffer(state)
  checkMember(state)
}

function checkPosition({ key, phase, position }: PartitionState): void {
  const needed = phase === 'fetching' || phase === 'awaitValidation'
  if (needed !== (position !== null)) throw new Broken(`${key} is ${phase} with position ${position?.offset}`)
  if (position !== null && position.offset < 0) throw new Broken(`${key} is at ${position.offset}`)
}

/** Never more than one response's worth of each partition: what is not polled is not fetched. */
function checkBuffer({ fetched, partitions }: ConsumerState): void {
  const keys = new Set(fetched.map(({ key }) => key))
  if (keys.size !== fetched.length) throw new Broken('a partition is buffered twice')
  for (const key of keys) if (!partitions.has(key)) throw new Broken(`${key} is buffered and not assigned`)
}

function checkMember({ member, subscription, partitions }: ConsumerState): void {
  const { phase, generationId, memberId, assignment, revoking } = member
  if ((phase === 'adopting') !== (assignment !== null)) throw new Broken(`an assignment while ${phase}`)
  const joined = phase === 'syncing' || phase === 'adopting' || phase === 'stable'
  if (joined && (generationId < 0 || memberId === '')) throw new Broken(`${phase} without a generation`)
  if (phase === 'unjoined' && generationId >= 0) throw new Broken('unjoined in a generation')
  if (subscription === null && joined) throw new Broken('a member without a subscription')
  for (const { topic, partition } of revoking ?? []) {
    if (!partitions.has(`${topic}-${partition}`))
      throw new Broken(`${topic}-${partition} is being revoked and not owned`)
  }
}
