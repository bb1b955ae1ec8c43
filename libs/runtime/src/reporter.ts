/** Carries the traces of a broker's actors to the main thread, which logs them: collected over a turn, below a level not at all. */
import type { MessagePort } from 'node:worker_threads'
import { reportLevels, type Report, type ReportLevel } from './control.ts'
import { levelOf } from './trace-levels.ts'

export class Reporter {
  readonly #broker: number
  readonly #port: MessagePort
  readonly #wake: () => void
  #reports: Report[] = []
  #least = 0

  constructor(broker: number, port: MessagePort, wake: () => void) {
    this.#broker = broker
    this.#port = port
    this.#wake = wake
    port.unref()
  }

  set level(level: ReportLevel) {
    this.#least = reportLevels.indexOf(level)
  }

  trace(actor: string, event: string, fields: Record<string, unknown>): void {
    const level = levelOf(event, fields)
    if (reportLevels.indexOf(level) < this.#least) return
    this.report(level, actor, event, fields)
  }

  report(level: ReportLevel, actor: string, event: string, fields: Record<string, unknown>): void {
    this.#reports.push({ level, broker: this.#broker, actor, event, fields })
    this.#wake()
  }

  flush(): void {
    if (this.#reports.length === 0) return
    const reports = this.#reports
    this.#reports = []
    try {
      this.#port.postMessage(reports)
    } catch {
      // Fields are plain data by contract; what is not is shown as text rather than lost.
      this.#port.postMessage(reports.map((report) => ({ ...report, fields: { text: JSON.stringify(report.fields) } })))
    }
  }
}
