/**
 * The log of the process: pino, as JSON lines on standard error.
 *
 * pino is loaded when the workers are under way; what is logged before waits for it.
 */
import type { Logger } from 'pino'
import { reportLevels, type Report, type ReportLevel } from './control.ts'

interface Line {
  readonly level: ReportLevel
  readonly fields: Record<string, unknown>
  readonly text: string
}

export class ProcessLog {
  readonly level: ReportLevel
  #pino: Logger | null = null
  #waiting: Line[] = []

  constructor(level: ReportLevel) {
    this.level = level
  }

  write(level: ReportLevel, text: string, fields: Record<string, unknown> = {}): void {
    if (reportLevels.indexOf(level) < reportLevels.indexOf(this.level)) return
    if (this.#pino === null) this.#waiting.push({ level, fields, text })
    else this.#pino[level](fields, text)
  }

  reports(reports: readonly Report[]): void {
    for (const { level, broker, actor, event, fields } of reports)
      this.write(level, event, { broker, actor, ...fields, level: undefined })
  }

  async open(): Promise<void> {
    if (this.#pino !== null) return
    const { pino, destination, stdTimeFunctions } = await import('pino')
    const options = {
      level: this.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    }
    // Synchronous: the last lines before an exit are the ones that matter.
    this.#pino = pino(options, destination({ fd: 2, sync: true }))
    for (const { level, fields, text } of this.#waiting.splice(0)) this.#pino[level](fields, text)
  }
}
