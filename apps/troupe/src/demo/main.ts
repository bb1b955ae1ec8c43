/**
 * `npm run demo`: real data through an exactly-once pipeline, while brokers and the pipeline itself are killed.
 *
 * Flights are produced by an idempotent producer and summed per key by a consume–transform–produce process. The
 * demo crashes broker workers and kills that process with SIGKILL, again and again. At the end a read_committed
 * consumer adds everything up: with transactions every flight counts once, without them some count twice.
 */
import { parseArgs } from 'node:util'
import { Cluster } from '@troupe/tools/cluster'
import { flights, type DataSet } from './data.ts'
import { runOnce, type Outcome } from './run.ts'

const usage = `npm run demo -- [options]: flights through an exactly-once pipeline, while brokers and the pipeline are killed

  --data 200k|20k  200,000 flights by hour of day (default), or 20,000 by airport of departure
  --kills N        how often a broker is crashed and the pipeline is killed, each (4)
  --json           the outcome as JSON instead of a table

Progress goes to standard error. It exits 0 if every flight was counted exactly once with transactions.
`

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '200k' },
    kills: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const input = flights(options.data as DataSet)
const say = (text: string): void => void process.stderr.write(`${text}\n`)
say(`${input.length.toLocaleString('en')} flights, ${new Set(input.map(({ key }) => key)).size} keys`)

const cluster = await Cluster.start()
say(`three brokers at ${cluster.bootstrap}`)
try {
  const kills = Number(options.kills)
  const exactly = await runOnce({ cluster, input, mode: 'transactions', kills, say })
  const plain = await runOnce({ cluster, input, mode: 'plain', kills, say })
  if (options.json) console.log(JSON.stringify({ exactly, plain }))
  else print(exactly, plain)
  process.exitCode = exactly.wrongKeys === 0 ? 0 : 1
} finally {
  await cluster.stop()
}

function print(exactly: Outcome, plain: Outcome): void {
  console.log('\nkey      flights   counted with transactions   counted without')
  for (const [key, expected] of [...exactly.expected].sort().slice(0, 24)) {
    const [once, more] = [exactly.totals.get(key)?.count ?? 0, plain.totals.get(key)?.count ?? 0]
    const surplus = more === expected.count ? '' : `  (${more > expected.count ? '+' : ''}${more - expected.count})`
    console.log(
      `${key.padEnd(8)} ${String(expected.count).padStart(7)}   ${String(once).padStart(25)}   ${String(more).padStart(15)}${surplus}`,
    )
  }
  for (const outcome of [exactly, plain]) {
    console.log(
      `\n${outcome.mode}: ${outcome.counted} of ${outcome.produced} flights counted, ${outcome.wrongKeys} wrong keys, ` +
        `${outcome.brokerCrashes} broker crashes, ${outcome.pipelineKills} pipeline kills, ${(outcome.ms / 1000).toFixed(1)} s`,
    )
  }
}
