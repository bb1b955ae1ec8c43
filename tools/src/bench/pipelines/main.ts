/**
 * `npm run bench -- pipelines`: a stateless and an aggregating exactly_once_v2 pipeline, ours on Troupe beside Kafka
 * Streams on Apache Kafka 4.3.1, in turn, with the same input. One stream thread each, caches of tables off in both.
 */
import { parseArgs } from 'node:util'
import { writeFileSync } from 'node:fs'
import { compileJava } from '../../reference/java.ts'
import { kafkaClasspath } from '../../reference/maven.ts'
import { median } from '../report.ts'
import { startTarget, type System } from '../target.ts'
import { latency, recordsPerSecond, start, type Kind, type Launch } from './measure.ts'

const usage = `npm run bench -- pipelines [options]: ours on Troupe beside Kafka Streams on Apache Kafka 4.3.1

  --rounds N       rounds of both, in turn (3)
  --brokers 1|3    brokers of each cluster (1)
  --records N      records of the throughput measurement (500000)
  --rate N         records/s of the latency measurement (1000)
  --seconds N      how long it takes (10)
  --json FILE      every figure of every round, too

Needs Java 17 and Maven. Run nothing else meanwhile.
`
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    brokers: { type: 'string', default: '1' },
    records: { type: 'string', default: '500000' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const classpath = kafkaClasspath()
if (typeof classpath !== 'string') {
  console.error(`bench: ${classpath.skipped}; Kafka Streams needs Java 17 and Maven`)
  process.exit(2)
}

const java = compileJava(new URL('../java', import.meta.url).pathname, classpath)
const launchers: Record<System, Launch> = {
  'Apache Kafka': (args) => start('java', ['-Xmx1g', '-cp', java, 'StreamsPipeline', ...args]),
  Troupe: (args) =>
    start(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      new URL('./app.ts', import.meta.url).pathname,
      ...args,
    ]),
}
const scale = { records: Number(options.records), perSecond: Number(options.rate), seconds: Number(options.seconds) }
const brokers = Number(options.brokers) as 1 | 3
const systems = ['Apache Kafka', 'Troupe'] as const
const kinds: readonly Kind[] = ['stateless', 'aggregating']
const figures: { row: string; system: System; value: number }[] = []

for (let round = 1; round <= Number(options.rounds); round++) {
  // Alternate who comes first: the machine's state drifts.
  for (const system of round % 2 === 1 ? systems : [...systems].reverse()) {
    const target = await startTarget(system, brokers, classpath)
    try {
      for (const kind of kinds) {
        add(`${kind}, records/s`, system, await recordsPerSecond(target, kind, launchers[system], scale), round)
        const { p50, p99 } = await latency(target, kind, launchers[system], scale)
        add(`${kind}, end-to-end p50 ms`, system, p50, round)
        add(`${kind}, end-to-end p99 ms`, system, p99, round)
      }
    } finally {
      await target.stop()
    }
  }
}
console.log(`\n${table()}\n`)
if (options.json) writeFileSync(options.json, JSON.stringify(figures, null, 1))

function add(row: string, system: System, value: number, round: number): void {
  figures.push({ row, system, value })
  console.error(`round ${round}: ${row}, ${system}: ${value.toFixed(1)}`)
}

function table(): string {
  const lines = [
    '| row | Kafka Streams on Apache Kafka | ours on Troupe | ratio | floor |',
    '| --- | ---: | ---: | ---: | --- |',
  ]
  for (const row of new Set(figures.map((figure) => figure.row))) {
    const of = (system: System): number =>
      median(figures.filter((one) => one.row === row && one.system === system).map(({ value }) => value))
    const [theirs, own] = [of('Apache Kafka'), of('Troupe')]
    const ratio = own / theirs
    const floor = row.endsWith('records/s') ? 2 : row.includes('p99') ? 0.5 : null
    const isMet = floor === 2 ? ratio >= 2 : ratio <= 0.5
    const bound = floor === null ? '' : `${floor === 2 ? '≥ 2' : '≤ 0.5'}${isMet ? '' : ' missed'}`
    lines.push(`| ${row} | ${figure(theirs)} | ${figure(own)} | ${ratio.toFixed(2)} | ${bound} |`)
  }
  return lines.join('\n')
}

function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}
