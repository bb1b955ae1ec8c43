/**
 * In which order tasks have taken their input, told by the traces of the pipeline's threads. A ghost: nobody but the
 * judge sees it, and it only chooses among orders of what the logs say was committed.
 */
import type { Cell, Host } from '../kernel/host.ts'
import type { Observer } from '../cluster/observer.ts'

export interface Taken {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export class Journal implements Observer {
  /** By task, then by the life of the thread that ran it. */
  readonly taken = new Map<string, Map<string, Taken[]>>()

  traced(host: Host, cell: Cell, event: string, fields: Record<string, unknown>): void {
    if (event !== 'pipeline.processed') return
    const { task, topic, partition, offset } = fields as unknown as Taken & { task: string }
    const lives = this.taken.get(task) ?? new Map<string, Taken[]>()
    this.taken.set(task, lives)
    const life = `${host.name}/${host.life}/${cell.name}/${cell.incarnation}`
    const list = lives.get(life)
    if (list === undefined) lives.set(life, [{ topic, partition, offset }])
    else list.push({ topic, partition, offset })
  }

  /** Every order in which somebody has taken exactly these, one after the other. */
  ordersOf(task: string, wanted: readonly Taken[]): Taken[][] {
    const names = new Set(wanted.map(nameOf))
    const orders = new Map<string, Taken[]>()
    for (const list of this.taken.get(task)?.values() ?? []) {
      for (let from = 0; from + wanted.length <= list.length; from++) {
        const window = list.slice(from, from + wanted.length)
        if (!names.has(nameOf(window[0]!)) || new Set(window.map(nameOf)).size < wanted.length) continue
        if (window.every((one) => names.has(nameOf(one)))) orders.set(window.map(nameOf).join(' '), window)
      }
    }
    return [...orders.values()]
  }
}

function nameOf({ topic, partition, offset }: Taken): string {
  return `${topic}-${partition}@${offset}`
}
