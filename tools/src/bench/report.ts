/**
 * Medians over the rounds, ratios to Apache Kafka, and the table for the README.
 */
import type { Figures } from './measurements.ts'
import type { System } from './target.ts'

export interface Round {
  readonly system: System
  readonly brokers: 1 | 3
  readonly figures: Figures
}

/** Which way is better, and the floor this row is held against: Troupe / Apache Kafka for one and for three brokers. */
interface Floor {
  readonly matches: RegExp
  readonly atLeast?: readonly [number, number]
  readonly atMost?: readonly [number, number]
}

const floors: readonly Floor[] = [
  { matches: /CPU/, atMost: [1.0, 0.4] },
  { matches: /^transactions/, atLeast: [2, 10] },
  { matches: /(records|MB)\/s$/, atLeast: [0.9, 3] },
  { matches: /p99 ms$/, atMost: [1.0, 0.5] },
  { matches: /^start/, atMost: [0.5, 0.15] },
  { matches: /^resident/, atMost: [0.5, 0.25] },
  { matches: /^stall/, atMost: [Infinity, 0.1] },
]

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function table(rounds: readonly Round[], brokers: 1 | 3): string {
  const of = (system: System, row: string): number =>
    median(
      rounds
        .filter((round) => round.system === system && round.brokers === brokers)
        .map((round) => round.figures[row]!),
    )
  const rows = [
    ...new Set(rounds.filter((round) => round.brokers === brokers).flatMap((round) => Object.keys(round.figures))),
  ]
  const lines = ['| row | Apache Kafka | Troupe | ratio | floor |', '| --- | ---: | ---: | ---: | --- |']
  for (const row of rows) {
    const [kafka, troupe] = [of('Apache Kafka', row), of('Troupe', row)]
    const ratio = troupe / kafka
    lines.push(
      `| ${row} | ${figure(kafka)} | ${figure(troupe)} | ${ratio.toFixed(2)} | ${verdict(row, ratio, brokers)} |`,
    )
  }
  return lines.join('\n')
}

function verdict(row: string, ratio: number, brokers: 1 | 3): string {
  const floor = floors.find(({ matches }) => matches.test(row))
  const index = brokers === 1 ? 0 : 1
  const bound = floor?.atLeast?.[index] ?? floor?.atMost?.[index]
  if (!floor || bound === undefined || bound === Infinity) return ''
  const met = floor.atLeast ? ratio >= bound : ratio <= bound
  return `${floor.atLeast ? '≥' : '≤'} ${bound}${met ? '' : ' missed'}`
}

function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
