/**
 * `npm run bench -- clients`: our client beside KafkaJS and @platformatic/kafka, in turn, against the same broker.
 *
 * Each measurement is a process of its own, started for it: connecting, joining the group and the end of the last
 * acknowledgement are part of its time, which many records make small.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs, promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { median } from '../report.ts'
import { startTarget } from '../target.ts'
import type { Measured } from './contract.ts'

const usage = `npm run bench -- clients [options]: our client beside KafkaJS and @platformatic/kafka on one broker

  --rounds N    rounds of all, in turn (3)
  --records N   records of 100 bytes in each measurement; of 1 KiB a quarter as many (1000000)
  --only NAMES  some of troupe,kafkajs,platformatic
  --json FILE   every figure of every round, too

Run nothing else meanwhile.
`
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    records: { type: 'string', default: '1000000' },
    only: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const clients = (options.only ?? 'troupe,kafkajs,platformatic').split(',')
const sizes = [
  { bytes: 100, records: Number(options.records), name: '100 B' },
  { bytes: 1024, records: Math.ceil(Number(options.records) / 4), name: '1 KiB' },
]
const verbs = ['produce', 'consume'] as const
const partitions = 3
const run = promisify(execFile)
interface Figure extends Measured {
  readonly brokerSeconds: number
}
const figures: { row: string; client: string; records: number; measured: Figure }[] = []

const cluster = await startTarget('Troupe', 1, '')
const admin = new Kafka({ brokers: [cluster.bootstrap], logLevel: logLevel.NOTHING }).admin()
try {
  await admin.connect()
  for (let round = 1; round <= Number(options.rounds); round++) {
    // Alternate who comes first: the machine's state drifts.
    const order = clients.map((_, index) => clients[(index + round - 1) % clients.length]!)
    for (const size of sizes) {
      for (const verb of verbs) {
        for (const client of order) {
          const topic = `${client}-${size.bytes}-${round}`
          if (verb === 'produce') await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] })
          const measured = await measure(client, verb, topic, size)
          const row = `${verb} ${size.name}`
          figures.push({ row, client, records: size.records, measured })
          console.error(`round ${round}: ${row}, ${client}: ${Math.round(measured.recordsPerSecond)} records/s`)
        }
      }
    }
  }
} finally {
  await admin.disconnect()
  await cluster.stop()
}
console.log(`\n${table()}\n`)
if (options.json) writeFileSync(options.json, JSON.stringify(figures, null, 1))

async function measure(client: string, verb: string, topic: string, size: (typeof sizes)[number]): Promise<Figure> {
  const before = cluster.cpuSeconds()
  const script = new URL('./child.ts', import.meta.url).pathname
  const args = [script, client, verb, cluster.bootstrap, topic, String(size.records), String(size.bytes)]
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', ...args])
  const measured = JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured
  return { ...measured, brokerSeconds: cluster.cpuSeconds() - before }
}

function table(): string {
  const lines = [
    `| records/s | ${clients.join(' | ')} | ours to the better one | floor |`,
    `| --- | ${clients.map(() => '---:').join(' | ')} | ---: | --- |`,
  ]
  for (const row of new Set(figures.map((figure) => figure.row))) {
    const all = (pick: (measured: Figure, records: number) => number): number[] =>
      clients.map((client) => {
        const own = figures.filter((one) => one.row === row && one.client === client)
        return median(own.map(({ measured, records }) => pick(measured, records)))
      })
    lines.push(
      lineOf(
        row,
        all(({ recordsPerSecond }) => recordsPerSecond),
        'speed',
      ),
      lineOf(
        `${row}, resident MB`,
        all(({ memoryMb }) => memoryMb),
        'memory',
      ),
      lineOf(
        `${row}, client's CPU µs/record`,
        all(({ cpuSeconds }, records) => (cpuSeconds * 1e6) / records),
        'cpu',
      ),
      lineOf(
        `${row}, broker's CPU µs/record`,
        all(({ brokerSeconds }, records) => (brokerSeconds * 1e6) / records),
        'cpu',
      ),
    )
  }
  return lines.join('\n')
}

/** Of speed more is better, of memory and processor time less; only speed and memory have floors. */
function lineOf(row: string, values: readonly number[], kind: 'speed' | 'memory' | 'cpu'): string {
  const format = (value: number): string => (kind === 'cpu' ? value.toFixed(2) : Math.round(value).toLocaleString('en'))
  const shown = values.map(format).join(' | ')
  const others = values.filter((_, index) => clients[index] !== 'troupe')
  const own = values[clients.indexOf('troupe')]
  if (own === undefined || others.length === 0) return `| ${row} | ${shown} | | |`
  const ratio = own / (kind === 'speed' ? Math.max(...others) : Math.min(...others))
  const isMet = kind === 'speed' ? ratio >= 1.5 : ratio <= 1
  const floor = kind === 'cpu' ? '' : `${kind === 'speed' ? '≥ 1.5' : '≤ 1'}${isMet ? '' : ' missed'}`
  return `| ${row} | ${shown} | ${ratio.toFixed(2)} | ${floor} |`
}
