/**
 * What somebody writes who has installed `troupe`: a pipeline, a cluster in the same process on which it runs while a
 * broker crashes, and the simulator's word that it counts each input once. Prints one line of JSON.
 */
import { Consumer } from 'troupe/client'
import { Cluster } from 'troupe/cluster'
import { int64, pipeline, run, string } from 'troupe/pipeline'
import { simulate } from 'troupe/simulate'

const wordCount = pipeline('word-count', (p) => {
  p.stream('lines', { key: string, value: string })
    .flatMapValues((line) => line.split(' '))
    .groupBy((_, word) => word, { key: string, value: string })
    .count({ store: 'counts' })
    .toStream()
    .to('counts', { key: string, value: int64 })
})

async function counted(): Promise<Record<string, number>> {
  await using cluster = await Cluster.start({ brokers: 3 })
  for (const topic of ['lines', 'counts']) await cluster.createTopic(topic, { partitions: 2 })
  await using running = await run(
    wordCount,
    {
      'bootstrap.servers': cluster.bootstrapServers,
      'processing.guarantee': 'exactly_once_v2',
      'commit.interval.ms': 50,
      'replication.factor': 3,
    },
    { connector: cluster.connector },
  )
  const producer = cluster.producer({}, { key: string, value: string })
  for (let n = 0; n < 30; n++) {
    if (n === 15) await cluster.crash(await cluster.leader('lines', 0))
    await producer.send({ topic: 'lines', key: `line ${n}`, value: `all ${n % 2 === 0 ? 'even' : 'odd'}` })
  }
  await producer.close()
  const last: Record<string, number> = {}
  const properties = { 'group.id': 'reader', 'auto.offset.reset': 'earliest', 'isolation.level': 'read_committed' }
  const consumer = new Consumer(
    { 'bootstrap.servers': cluster.bootstrapServers, ...properties },
    { connector: cluster.connector, key: string, value: int64 },
  )
  consumer.subscribe(['counts'])
  for await (const { key, value } of consumer) {
    last[key] = value
    if (last['all'] === 30 && last['even'] === 15 && last['odd'] === 15) break
  }
  await consumer.close()
  if (running.state !== 'RUNNING') throw new Error(`the pipeline is ${running.state}`)
  return last
}

const counts = await counted()
const { seeds } = await simulate(wordCount, {
  seeds: 3,
  inputs: {
    lines: [
      { key: 'a', value: 'one two' },
      { key: 'b', value: 'two' },
    ],
  },
})
console.log(JSON.stringify({ counts, seeds }))
