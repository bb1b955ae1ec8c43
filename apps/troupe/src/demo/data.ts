/**
 * The demo's input: flights from the `vega-datasets` package, each with the key it is counted under.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface Flight {
  readonly key: string
  readonly delay: number
}

/** `200k` counts by hour of day, `20k` by airport of departure. */
export type DataSet = '200k' | '20k'

export function flights(set: DataSet): Flight[] {
  // The package's entry point is build/…; its data lies beside that directory.
  const entry = createRequire(import.meta.url).resolve('vega-datasets')
  const rows = JSON.parse(readFileSync(join(dirname(entry), `../data/flights-${set}.json`), 'utf8')) as {
    delay: number
    time?: number
    origin?: string
  }[]
  return rows.map(({ delay, time, origin }) => ({
    key: origin ?? `${String(Math.floor(time ?? 0)).padStart(2, '0')}:00`,
    delay,
  }))
}

export interface Total {
  count: number
  delay: number
}

export function addTo(totals: Map<string, Total>, key: string, { count, delay }: Total): void {
  const total = totals.get(key)
  if (total) {
    total.count += count
    total.delay += delay
  } else totals.set(key, { count, delay })
}
