/** One measurement of one client, in a process of its own: `child.ts CLIENT produce|consume BOOTSTRAP TOPIC RECORDS BYTES`. */
import type { BenchedClient, Load, Measured } from './contract.ts'

const [client, verb, bootstrap, topic, records, bytes] = process.argv.slice(2) as [string, string, ...string[]]

const load: Load = {
  bootstrap: bootstrap!,
  topic: topic!,
  records: Number(records),
  value: Buffer.alloc(Number(bytes), 'v'),
  batchSize: 1000,
  inFlight: 5,
}

async function chosen(): Promise<BenchedClient> {
  if (client === 'troupe') return (await import('./troupe.ts')).troupe
  if (client === 'kafkajs') return (await import('./kafkajs.ts')).kafkajs
  return (await import('./platformatic.ts')).platformatic
}

const benched = await chosen()
const startedAt = performance.now()
const cpuBefore = process.cpuUsage()
if (verb === 'produce') await benched.produce(load)
else {
  const seen = await benched.consume(load)
  if (seen < load.records * load.value.length) throw new Error(`only ${seen} bytes were consumed`)
}
const seconds = (performance.now() - startedAt) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
const measured: Measured = {
  recordsPerSecond: load.records / seconds,
  cpuSeconds: (user + system) / 1e6,
  memoryMb: process.resourceUsage().maxRSS / 1024,
}
process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0))
