/**
 * `npm run bench`: Apache Kafka 4.3.1 and Troupe in turn on this machine, under the same clients, in interleaved rounds.
 *
 * One heavy thing at a time: run nothing else meanwhile.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { kafkaClasspath } from '../reference/maven.ts'
import { Bench } from './measurements.ts'
import { table, type Round } from './report.ts'
import { startTarget, type System } from './target.ts'

const usage = `npm run bench -- [options]: Apache Kafka 4.3.1 and Troupe in turn, under the same clients

  --rounds N           rounds of both, interleaved (3)
  --brokers 1|3        one broker with RF 1, or three with RF 3 and min ISR 2 (both in turn)
  --seconds N          how long each measurement at a fixed rate takes (10)
  --records N          records of each throughput measurement (2000000)
  --only Troupe|Kafka  only one of them: figures without ratios
  --json FILE          every figure of every round, too

Needs Java 17 and Maven. Run nothing else meanwhile.
`

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    brokers: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    records: { type: 'string', default: '2000000' },
    only: { type: 'string' },
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
  console.error(`bench: ${classpath.skipped}; Apache Kafka and its clients need Java 17 and Maven`)
  process.exit(2)
}

const scale = { seconds: Number(options.seconds), records: Number(options.records) }
const systems = (['Apache Kafka', 'Troupe'] as const).filter((system) => !options.only || system.includes(options.only))
const rounds: Round[] = []

for (const brokers of ([1, 3] as const).filter((count) => !options.brokers || Number(options.brokers) === count)) {
  for (let round = 1; round <= Number(options.rounds); round++) {
    // Alternate who comes first: the machine's state drifts.
    for (const system of round % 2 === 1 ? systems : [...systems].reverse()) await measure(system, brokers, round)
  }
  if (systems.length === 2)
    console.log(
      `\n### ${brokers === 1 ? 'One broker, RF 1' : 'Three brokers, RF 3, min ISR 2'}\n\n${table(rounds, brokers)}\n`,
    )
}
if (options.json) writeFileSync(options.json, JSON.stringify(rounds, null, 1))

async function measure(system: System, brokers: 1 | 3, round: number): Promise<void> {
  console.error(`round ${round}: ${system}, ${brokers} broker${brokers === 1 ? '' : 's'} …`)
  const target = await startTarget(system, brokers, classpath as string)
  try {
    const figures = await new Bench(target, classpath as string, scale).all()
    rounds.push({ system, brokers, figures })
    console.error(figures)
  } finally {
    await target.stop()
  }
}
