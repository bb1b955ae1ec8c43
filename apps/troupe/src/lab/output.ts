/** What the lab prints: results on standard output, progress on standard error and only for people. */
import { execFileSync } from 'node:child_process'
import { accessSync, constants, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeTrace as traceLines } from '@troupe/simulator/render/ndjson'
import type { Trace } from '@troupe/simulator/trace/format'
import { UsageError } from './usage.ts'

export type Format = 'text' | 'json'

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}

/** For whoever looks; never on standard output, which belongs to the result. */
export function note(text: string): void {
  process.stderr.write(`lab: ${text}\n`)
}

/** One line that is written over; nothing when nobody is looking. */
export class Progress {
  private readonly isShown = process.stderr.isTTY
  private last = 0

  show(text: string): void {
    const now = performance.now()
    if (!this.isShown || now - this.last < 100) return
    this.last = now
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  }

  clear(): void {
    if (this.isShown) process.stderr.write('\r\x1b[K')
  }
}

export const count = (value: number): string => value.toLocaleString('en-US')

export function writeTrace(file: string, trace: Trace): void {
  writeText(file, [...traceLines(trace)].join(''))
}

export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${(error as Error).message}`)
  }
}

/** Said before the work begins rather than after it. */
export function mustBeWritable(file: string | undefined): void {
  if (file === undefined) return
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${(error as Error).message}`)
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UsageError(`cannot write ${file}: it is a directory`)
  }
}

let known: string | null | undefined

/** The version of the code, for the header of traces; null outside of a checkout. */
export function commit(): string | null {
  if (known !== undefined) return known
  try {
    const options = { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] }
    known = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).toString().trim()
  } catch {
    known = null
  }
  return known
}
