/** What the checkers of a run have found, and what its witnesses have seen. A thrown error in an actor counts as found. */
import type { Message } from '@troupe/actor'
import { StorageError } from '@troupe/log/file-system'
import type { Cell, Host } from '../kernel/host.ts'
import type { ViolationReport } from '../trace/format.ts'
import type { Observer } from './observer.ts'

const stepsAtOneTime = 50_000

export class Violations implements Observer {
  readonly reports: ViolationReport[] = []
  private readonly seen = new Map<string, number>()
  private readonly run: { readonly events: number; readonly now: number }
  /** Steps since virtual time last moved. */
  private still = 0
  private lastNow = 0

  constructor(run: { readonly events: number; readonly now: number }) {
    this.run = run
  }

  get any(): boolean {
    return this.reports.length > 0
  }

  report(invariant: string, detail: string): void {
    this.reports.push({ invariant, detail, event: this.run.events })
  }

  /** Something interesting happened. */
  witness(name: string): void {
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1)
  }

  witnesses(): Record<string, number> {
    return Object.fromEntries([...this.seen].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Somebody who sets a timer for now, again and again, would stop the clock. */
  stepped(host: Host, cell: Cell, message: Message): void {
    if (this.run.now !== this.lastNow) {
      this.lastNow = this.run.now
      this.still = 0
    } else if (++this.still === stepsAtOneTime) {
      this.report('livelock', `${host.name} ${cell.name} ${message.kind}: ${stepsAtOneTime} steps in one millisecond`)
    }
  }

  happened(what: string): void {
    this.witness(`process: ${what}`)
  }

  traced(_host: Host, cell: Cell, event: string): void {
    this.witness(`${cell.kind}: ${event}`)
  }

  threw(host: Host, cell: Cell, message: Message | null, error: unknown): void {
    if (error instanceof StorageError) return this.witness(`storage error in ${cell.kind}`)
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.report('actor-threw', `${host.name} ${cell.name} on ${message?.kind ?? 'start'}: ${text}`)
  }
}
