/**
 * Writes the trace of a run of the cluster. It keeps the last events only: a run is recorded by running its options
 * again, and what matters is near the end. Of the clients' operations it keeps all, so that the trace carries the whole
 * history.
 */
import type { Message } from '@troupe/actor'
import type { ReplicaState } from '@troupe/replication/state'
import type { HistoryOperation } from '../history/format.ts'
import type { Cell, Host } from '../kernel/host.ts'
import { clientEvent } from '../render/edn.ts'
import type { PartitionStrip, TraceEvent } from '../trace/format.ts'
import type { Cluster } from './cluster.ts'
import { startOfTime } from './cluster.ts'
import type { Observer } from './observer.ts'
import { stripOf } from './strips.ts'

/** Says little to whoever reads a trace, and there are many of them. */
const dull = new Set(['raftTimer', 'checkpoint', 'clean', 'upkeep', 'lifecycleTimer', 'maintain'])

export class Recorder implements Observer {
  private readonly cluster: Cluster
  private readonly limit: number
  private events: TraceEvent[] = []
  private readonly operations: TraceEvent[] = []
  private index = 0
  private readonly strips = new Map<string, string>()

  constructor(cluster: Cluster, limit: number) {
    this.cluster = cluster
    this.limit = limit
  }

  get trace(): readonly TraceEvent[] {
    const last = this.events.slice(-this.limit)
    const first = last[0]?.index ?? 0
    return [...this.operations.filter(({ index }) => index < first), ...last]
  }

  /** An operation of a client's history. */
  operation(process: number, operation: HistoryOperation): void {
    const { kind, detail } = clientEvent(operation)
    this.operations.push(
      this.add({ type: 'client', node: `p${process}`, actor: '', from: '', kind, detail, strips: [] }),
    )
  }

  stepped(host: Host, cell: Cell, message: Message): void {
    if (dull.has(message.kind)) {
      this.index++
      return
    }
    this.add({
      type: host.deliveringFrom === 0 ? 'timer' : 'message',
      node: host.name,
      actor: cell.name,
      from: host.deliveringFrom === 0 ? '' : this.cluster.host(host.deliveringFrom).name,
      kind: message.kind,
      detail: detailOf(message),
      strips: this.changedStrip(cell),
    })
  }

  happened(what: string, node: string, detail: string): void {
    this.add({ type: 'fault', node, actor: '', from: '', kind: what, detail, strips: [] })
  }

  lost(from: Host, to: Host, what: string): void {
    this.add({ type: 'lost', node: to.name, actor: '', from: from.name, kind: what, detail: '', strips: [] })
  }

  threw(host: Host, cell: Cell, _message: Message | null, error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error)
    this.add({ type: 'fault', node: host.name, actor: cell.name, from: '', kind: 'threw', detail, strips: [] })
  }

  private add(happened: Omit<TraceEvent, 'index' | 'at' | 'choice'>): TraceEvent {
    const event = { index: this.index++, at: this.cluster.now - startOfTime, choice: '', ...happened }
    this.events.push(event)
    if (this.events.length > 2 * this.limit) this.events = this.events.slice(-this.limit)
    return event
  }

  private changedStrip(cell: Cell): PartitionStrip[] {
    if (cell.kind !== 'replica') return []
    const { topicId, partition } = cell.state as ReplicaState
    const strip = stripOf(this.cluster, topicId, partition)
    if (strip === null) return []
    const text = JSON.stringify(strip)
    if (this.strips.get(strip.partition) === text) return []
    this.strips.set(strip.partition, text)
    return [strip]
  }
}

const shown = ['api', 'id', 'leaderEpoch', 'epoch', 'offset', 'error', 'acks', 'producerId', 'producerEpoch', 'commit']

/** A few plain fields of a message, and of the body of an answer. */
export function detailOf(message: Message): string {
  const parts: string[] = []
  const { body } = message as { body?: unknown }
  for (const source of [message, body]) {
    if (typeof source !== 'object' || source === null) continue
    for (const name of [...shown, 'reason', 'baseOffset', 'highWatermark']) {
      const value = (source as Record<string, unknown>)[name]
      if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
        parts.push(`${name}=${value}`)
    }
  }
  return parts.slice(0, 5).join(' ')
}
