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

/** Returns whether a violation was found. */
export async function soak(options: SoakOptions): Promise<boolean> {
  const totals: Totals = { seeds: 0, events: 0, virtualMs: 0, doubleRuns: 0, violations: [], witnesses: {} }
  const progress = new Progress()
  const began = performance.now()
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const limitMs = options.minutes * 60_000
  const timer = setTimeout(() => Atomics.store(stop, 0, 1), limitMs)
  const threads = Array.from({ length: options.threads }, (_, index) => {
    const task: SoakTask = { first: options.firstSeed + index, step: options.threads, double: options.double, stop }
    return thread(task, (report) => {
      add(totals, report)
      if (options.events !== undefined && totals.events >= options.events) Atomics.store(stop, 0, 1)
      progress.show(
        `${count(totals.seeds)} seeds, ${count(totals.events)} events, ${totals.violations.length} violations`,
      )
      if (options.format === 'text' && report.violations.length > 0) {
        progress.clear()
        for (const { invariant, detail } of report.violations)
          print(`seed ${report.seed}: ${invariant} violated: ${detail}`)
      }
    })
  })
  await Promise.all(threads)
  clearTimeout(timer)
  progress.clear()
  const seconds = (performance.now() - began) / 1000
  const perSecond = Math.round(totals.events / seconds)
  const speedup = Math.round(totals.virtualMs / 1000 / seconds)
  if (options.format === 'json') printJson({ ...totals, seconds, eventsPerSecond: perSecond, speedup })
  else {
    print(
      `${count(totals.seeds)} seeds, ${count(totals.events)} events in ${Math.round(seconds)} s ` +
        `(${count(perSecond)} a second, ${count(speedup)} times real time), ${totals.doubleRuns} run twice, ` +
        `${totals.violations.length} violations`,
    )
  }
  return totals.violations.length > 0
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
