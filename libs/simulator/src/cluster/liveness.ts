/**
 * What a healed cluster must reach within bounded virtual time (L1…L7 of the invariants): brokers unfenced, a
 * controller, full ISRs, no transaction left open, every operation answered.
 *
 * Each check says what is missing, or null. They read the actors' states; no actor knows of them.
 */
import type { ControllerActor } from '@troupe/controller/actor-state'
import type { ReplicaState } from '@troupe/replication/state'
import { newestImage, partitionsOf } from './budget.ts'
import type { Cluster } from './cluster.ts'

export interface LivenessCheck {
  readonly id: string
  missing(cluster: Cluster, core: ReadonlySet<number>): string | null
}

function* replicasOf(cluster: Cluster, core: ReadonlySet<number>): Iterable<{ broker: number; state: ReplicaState }> {
  for (const broker of core) {
    for (const cell of cluster.broker(broker).host.cells.values()) {
      if (cell.kind === 'replica') yield { broker, state: cell.state as ReplicaState }
    }
  }
}

const nameOf = (state: ReplicaState): string => `${state.topic}-${state.partition}`

export const livenessChecks: readonly LivenessCheck[] = [
  {
    id: 'L1',
    missing(cluster, core) {
      const image = newestImage(cluster)
      if (image === null) return 'no broker runs'
      for (const id of core) {
        if (!cluster.serves(id)) return `b${id} is not running`
        if (image.brokers.get(id)?.fenced !== false) return `b${id} is fenced`
        const own = cluster.broker(id).life?.image
        if (own?.offset !== image.offset) return `b${id} has metadata up to ${own?.offset}, not ${image.offset}`
      }
      return null
    },
  },
  {
    id: 'L2',
    missing(cluster, core) {
      const active = [...core].filter((id) => {
        const state = cluster.broker(id).host.cells.get('controller')?.state as ControllerActor | undefined
        return state?.active === true
      })
      return active.length === 1 ? null : `${active.length} active controllers`
    },
  },
  {
    id: 'L3',
    missing(cluster, core) {
      const image = newestImage(cluster)!
      for (const { topic, view } of partitionsOf(image)) {
        const name = `${topic}-${view.partition}`
        if (!core.has(view.leader)) return `${name} has leader ${view.leader}`
        const away = view.replicas.filter((id) => core.has(id) && !view.isr.includes(id))
        if (away.length > 0) return `b${away.join(' b')} not in the ISR of ${name}`
      }
      return null
    },
  },
  {
    id: 'L4',
    missing(cluster, core) {
      for (const { topic, view } of partitionsOf(newestImage(cluster)!)) {
        const moving = [...view.addingReplicas, ...view.removingReplicas]
        if (moving.length > 0) return `the reassignment of ${topic}-${view.partition} (b${moving.join(' b')})`
      }
      for (const { broker, state } of replicasOf(cluster, core)) {
        if (state.role === 'leader' && state.pendingIsr !== null)
          return `AlterPartition of ${nameOf(state)} at b${broker}`
        if (state.role === 'offline') return `${nameOf(state)} is offline at b${broker}`
      }
      return null
    },
  },
  {
    id: 'L5',
    missing(cluster, core) {
      for (const { broker, state } of replicasOf(cluster, core)) {
        if (state.role !== 'leader' || state.log === null) continue
        const { lastStableOffset, highWatermark, logEndOffset } = state.log
        if (lastStableOffset < logEndOffset) {
          return `${nameOf(state)} at b${broker}: LSO ${lastStableOffset}, HW ${highWatermark}, LEO ${logEndOffset}`
        }
      }
      return null
    },
  },
]
