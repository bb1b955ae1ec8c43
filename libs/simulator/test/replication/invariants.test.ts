/** Each invariant of replication can fail: one world is right, and a change of it breaks exactly this rule. */
import { describe, expect, it } from 'vitest'
import {
  acknowledged,
  checkApplied,
  checkReplication,
  look,
  newReplicationGhost,
  replicationWitnesses,
  type HeldGhost,
  type ReplicationGhost,
} from '../../src/invariants/replication.ts'
import type { BatchSeen, LogSeen, PartitionSeen, ReplicaSeen, ReplicationSeen } from '../../src/invariants/view.ts'

const held = (ghost: ReplicationGhost): HeldGhost => ({ ghost, edit: () => ghost })

const batch = (baseOffset: number, epoch: number, digest: number): BatchSeen => ({
  baseOffset,
  lastOffset: baseOffset,
  epoch,
  digest,
})

function log(batches: readonly BatchSeen[], highWatermark: number): LogSeen {
  const epochForOffset = (offset: number): number => batches.findLast((each) => each.baseOffset <= offset)?.epoch ?? -1
  return { logStartOffset: 0, logEndOffset: batches.length, highWatermark, batches, epochForOffset }
}

const two = [batch(0, 0, 100), batch(1, 0, 101)]

function replica(broker: number, changed: Partial<ReplicaSeen> = {}): ReplicaSeen {
  const isLeader = broker === 1
  const progress = { logEndOffset: 2, brokerEpoch: 7 }
  return {
    broker,
    role: isLeader ? 'leader' : 'follower',
    leader: 1,
    leaderEpoch: 0,
    leaderEpochStartOffset: 0,
    partitionEpoch: 3,
    isr: isLeader ? [1, 2, 3] : [],
    maximalIsr: isLeader ? [1, 2, 3] : [],
    isPending: false,
    followers: new Map(isLeader ? [[2, progress] as const, [3, progress] as const] : []),
    log: log(two, 2),
    ...changed,
  }
}

const partition: PartitionSeen = {
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  elr: [],
  lastKnownElr: [],
  leader: 1,
  leaderEpoch: 0,
  partitionEpoch: 3,
  isRecovering: false,
}

interface Changed {
  readonly partition?: Partial<PartitionSeen>
  readonly replicas?: readonly ReplicaSeen[]
  readonly fenced?: number
  readonly stopped?: readonly LogSeen[]
}

function world(changed: Changed = {}): ReplicationSeen {
  return {
    partition: { ...partition, ...changed.partition },
    brokers: new Map(
      [1, 2, 3].map((id) => [id, { epoch: 7, fenced: id === changed.fenced, inControlledShutdown: false }]),
    ),
    minIsr: 2,
    isElrEnabled: true,
    replicas: changed.replicas ?? [1, 2, 3].map((id) => replica(id)),
    stopped: changed.stopped ?? [],
  }
}

function remembered(): ReplicationGhost {
  const ghost = newReplicationGhost()
  expect(look(held(ghost), world())).toBeNull()
  acknowledged(ghost, replica(1), 0)
  return ghost
}

const others = [replica(2), replica(3)]

/** Rule → what is broken, seen by `check` or already by `look`. */
const planted: readonly (readonly [string, 'check' | 'look', Changed, ((ghost: ReplicationGhost) => void)?])[] = [
  ['A1', 'check', {}, (ghost) => void ((ghost.acked as Record<number, number>)[1] = 999)],
  ['R1', 'check', { replicas: [replica(1, { log: log(two.slice(0, 1), 1) }), ...others] }],
  ['R2', 'check', { replicas: [replica(2), replica(3, { log: log([two[0]!, batch(1, 0, 555)], 2) })] }],
  ['R3', 'check', { replicas: [replica(1, { log: log(two, 3) }), ...others] }],
  ['R3', 'look', { replicas: [replica(1, { log: log(two, 1) }), ...others] }],
  ['R4', 'check', { replicas: [replica(1), replica(2, { log: log(two.slice(0, 1), 1) })] }],
  ['R5', 'check', { replicas: [replica(1, { isr: [1, 2], maximalIsr: [1, 2] }), ...others] }],
  ['R6', 'check', { fenced: 3 }],
  ['R7', 'check', {}, (ghost) => void (ghost.unclean = [3])],
  ['R8', 'check', { partition: { elr: [3] } }],
  ['R8', 'check', { partition: { leader: -1 }, replicas: [], stopped: [log([], 0)] }],
  ['R9', 'look', { replicas: [replica(1, { log: log([batch(0, 0, 666), two[1]!], 2) }), ...others] }],
  ['R10', 'look', { replicas: [replica(2, { role: 'leader' })] }],
  ['R10', 'look', { partition: { partitionEpoch: 2 } }],
  ['R11', 'check', { replicas: [replica(1, { log: { ...log(two, 2), epochForOffset: () => 5 } }), ...others] }],
]

describe('an invariant of replication', () => {
  it('holds in a world that is right', () => {
    expect(checkReplication(remembered(), world())).toBeNull()
  })

  for (const [rule, by, changed, plant] of planted) {
    it(`${rule} fails where it is broken (${by})`, () => {
      const ghost = remembered()
      plant?.(ghost)
      const seen = world(changed)
      expect((by === 'look' ? look(held(ghost), seen) : checkReplication(ghost, seen))?.invariant).toBe(rule)
    })
  }

  it('R12 fails when a follower joins that is behind', () => {
    const ghost = newReplicationGhost()
    look(held(ghost), world({ partition: { isr: [1, 2] } }))
    const followers = new Map([[3, { logEndOffset: 1, brokerEpoch: 7 }]])
    const seen = world({ partition: { partitionEpoch: 4 }, replicas: [replica(1, { followers }), ...others] })
    expect(look(held(ghost), seen)?.invariant).toBe('R12')
  })

  it('K7 fails when a change is applied to another partition epoch', () => {
    expect(checkApplied(3, 3)).toBeNull()
    expect(checkApplied(3, 4)?.invariant).toBe('K7')
  })

  it('has a witness each', () => {
    const ghost = remembered()
    ghost.unclean = [2]
    const epochs = [batch(0, 0, 100), batch(1, 1, 101), batch(2, 2, 102)]
    const leader = replica(1, { leaderEpoch: 2, isPending: true, log: log(epochs, 2) })
    const seen = world({
      partition: { isr: [1], elr: [2], leaderEpoch: 2 },
      fenced: 3,
      replicas: [leader, replica(2, { role: 'leader' }), replica(3, { log: log(two, 1) })],
    })
    const found = replicationWitnesses(ghost, seen).map((name) => name.split(' ')[0])
    expect(found).toEqual(['A1', 'R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'K7'])
  })
})
