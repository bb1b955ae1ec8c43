/** What a group coordinator knows: groups and offsets. */
import type { Group } from './group.ts'
import { newOffsets, type Offsets } from './offsets.ts'

export interface GroupState {
  readonly partition: number
  readonly groups: Map<string, Group>
  readonly offsets: Offsets
}

export function newGroupState(partition: number): GroupState {
  return { partition, groups: new Map(), offsets: newOffsets() }
}
