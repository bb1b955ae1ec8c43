/**
 * A trace by hand: three brokers, a fail-over, one of everything a trace may hold. An acknowledged record is lost
 * because the new leader never had it.
 */
import { clientEvent } from '../../src/render/edn.ts'
import type { HistoryOperation } from '../../src/history/format.ts'
import type { PartitionStrip, ReplicaStrip, Trace, TraceEvent } from '../../src/trace/format.ts'

type Brief = Partial<TraceEvent> & Pick<TraceEvent, 'at' | 'type' | 'node' | 'kind'>

function replica(broker: number, role: string, epoch: number, end: number, high: number, up = true): ReplicaStrip {
  return { broker, up, role, leaderEpoch: epoch, logEndOffset: end, highWatermark: high, lastStableOffset: high }
}

function strip(leader: number, epochs: [number, number], isr: number[], ...replicas: ReplicaStrip[]): PartitionStrip {
  const [leaderEpoch, partitionEpoch] = epochs
  return { partition: 'orders-0', leader, leaderEpoch, partitionEpoch, isr, replicas }
}

const operation = (rest: Record<string, unknown>) => clientEvent({ index: 0, time: 0, ...rest } as HistoryOperation)
const actor = 'replica:9Xk2wJfKTd2cvBhVUfZ8Pw:0'

const events: readonly Brief[] = [
  {
    at: 0,
    node: 'c1',
    ...operation({ type: 'invoke', process: 0, f: 'send', value: [['send', 1, 5]] }),
    actor: 'application',
  },
  {
    at: 2,
    type: 'message',
    node: 'b1',
    from: 'c1',
    actor,
    kind: 'produce',
    detail: 'acks=-1 records=1',
    strips: [
      strip(
        1,
        [0, 0],
        [1, 2],
        replica(1, 'leader', 0, 1, 0),
        replica(2, 'follower', 0, 0, 0),
        replica(3, 'follower', 0, 0, 0),
      ),
    ],
  },
  { at: 3, type: 'timer', node: 'b1', actor: 'broker', kind: 'heartbeat' },
  {
    at: 5,
    type: 'message',
    node: 'b1',
    from: 'b2',
    actor,
    kind: 'followerFetch',
    detail: 'epoch=0 offset=1 & "next" <highest>; a detail so long that it has to go on in the line below',
    strips: [
      strip(
        1,
        [0, 0],
        [1, 2],
        replica(1, 'leader', 0, 1, 1),
        replica(2, 'follower', 0, 1, 0),
        replica(3, 'follower', 0, 0, 0),
      ),
    ],
  },
  {
    at: 6,
    node: 'c1',
    ...operation({ type: 'ok', process: 0, f: 'send', value: [['send', 1, [0, 5]]] }),
    from: 'b1',
    actor: 'application',
  },
  { at: 7, type: 'lost', node: 'b3', from: 'b1', kind: 'FollowerFetched', choice: 'lose b1→b3 FollowerFetched' },
  { at: 8, type: 'fault', node: 'net', kind: 'partition', detail: 'b2 | b1 b3' },
  {
    at: 9,
    type: 'fault',
    node: 'b1',
    kind: 'power-loss',
    strips: [
      strip(3, [1, 1], [3], replica(1, 'none', 0, -1, -1, false), replica(2, 'follower', 0, 1, 0), {
        ...replica(3, 'leader', 1, 4, 2),
        lastStableOffset: 1,
      }),
      {
        partition: 'metadata',
        leader: 2,
        leaderEpoch: 7,
        partitionEpoch: 0,
        isr: [1, 2, 3],
        replicas: [replica(2, 'candidate', 7, 31, 30)],
      },
    ],
  },
]

export const smallTrace: Trace = {
  header: {
    format: 'troupe-trace',
    version: 1,
    model: 'cluster',
    seed: 42,
    commit: 'f78b2fd',
    off: ['elr'],
    options: { brokers: 3, loss: 0.25 },
    violation: {
      invariant: 'R1',
      detail: 'orders-0: offset 0 was acknowledged, the leader b3 has another record',
      event: 7,
    },
  },
  events: events.map((event, index) => ({ index, actor: '', from: '', choice: '', detail: '', strips: [], ...event })),
}
