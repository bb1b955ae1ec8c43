/** `lab soak`: seed after seed, in threads side by side, until the time or the events are used up. */
import { Worker } from 'node:worker_threads'
import { count, print, printJson, Progress, type Format } from './output.ts'
import type { SoakReport, SoakTask } from './soak-worker.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly events?: number
  readonly firstSeed: number
  readonly threads: number
  readonly double: number
  readonly format: Format
}

interface Totals {
  seeds: number
  events: number
  virtualMs: number
  doubleRuns: number
  readonly violations: { seed: number; invariant: string; detail: string }[]
  readonly witnesses: Record<string, number>
}

/** setTimeout knows no longer time. */
const longestMs = 2 ** 31 - 1

/** Returns whether a violation was found. */
export async function soak(options: SoakOptions): Promise<boolean> {
  const { firstSeed, threads, double, format } = options
  const totals: Totals = { seeds: 0, events: 0, virtualMs: 0, doubleRuns: 0, violations: [], witnesses: {} }
  const progress = new Progress()
  const began = performance.now()
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const end = (): void => void Atomics.store(stop, 0, 1)
  const timer = setTimeout(end, Math.min(options.minutes * 60_000, longestMs))
  // The first ^C ends the soak in order, with its sum; a second one at once.
  process.once('SIGINT', end)
  const heard = (report: SoakReport): void => {
    add(totals, report)
    if (options.events !== undefined && totals.events >= options.events) end()
    progress.show(sumOf(totals))
    if (format === 'json') return
    for (const { invariant, detail } of report.violations) {
      progress.clear()
      print(`seed ${report.seed}: ${invariant} violated: ${detail}`)
      print(`  again and shorter: npm run lab -- run --seed ${report.seed}${report.isDouble ? ' --twice' : ''}`)
    }
  }
  const doubleBelow = firstSeed + double
  await Promise.all(
    Array.from({ length: threads }, (_, index) =>
      thread({ first: firstSeed + index, step: threads, doubleBelow, stop }, heard),
    ),
  ).finally(end)
  clearTimeout(timer)
  process.off('SIGINT', end)
  progress.clear()
  const seconds = (performance.now() - began) / 1000
  const eventsPerSecond = Math.round(totals.events / seconds)
  const speedup = Math.round(totals.virtualMs / 1000 / seconds)
  if (format === 'json') printJson({ ...totals, firstSeed, threads, seconds, eventsPerSecond, speedup })
  else {
    print(
      `${sumOf(totals)}, ${count(totals.doubleRuns)} seeds run twice, in ${seconds.toFixed(1)} s ` +
        `(${count(eventsPerSecond)} events a second, ${count(speedup)} times real time)`,
    )
  }
  return totals.violations.length > 0
}

function sumOf({ seeds, events, violations }: Totals): string {
  return `${count(seeds)} seeds, ${count(events)} events, ${violations.length} violations`
}

function thread(task: SoakTask, onReport: (report: SoakReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./soak-worker.ts', import.meta.url), { workerData: task })
    worker.on('message', onReport)
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}

function add(totals: Totals, report: SoakReport): void {
  totals.seeds++
  totals.events += report.events
  totals.virtualMs += report.virtualMs
  if (report.isDouble) totals.doubleRuns++
  for (const { invariant, detail } of report.violations)
    totals.violations.push({ seed: report.seed, invariant, detail })
  for (const [name, times] of Object.entries(report.witnesses))
    totals.witnesses[name] = (totals.witnesses[name] ?? 0) + times
}
