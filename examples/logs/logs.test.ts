/** Every line is in one count or one dead letter, on real brokers while everything crashes, and in the simulator. */
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'
import { int64, run, string } from 'troupe/pipeline'
import { exploreSeeds, simulate } from 'troupe/simulate'
import { crashEverything, impatience } from '../support/crashes.ts'
import { committed, counted, feed, newest } from '../support/records.ts'
import { levels } from './line.ts'
import { deadLetters, logs, minuteName } from './pipeline.ts'
import scenario from './scenario.ts'
import mistake from './mistake.ts'

const services = ['payments', 'search', 'mail', 'stock']
const everyMs = 250
const begin = Date.now() - 600 * everyMs

/** Of 600 lines 60 are no lines, 30 come from the past and 30 from the future. */
const sent = Array.from({ length: 600 }, (_, n) => {
  const sentAt = begin + n * everyMs
  const at = sentAt + (n % 20 === 7 ? -7_200_000 : n % 20 === 13 ? 3_600_000 : -((n * 7919) % 90_000))
  const [service, level] = [services[n % 4]!, levels[(n * 3) % 4]!]
  const text =
    n % 10 === 4 ? `\tat line ${n} of a stack trace` : `${new Date(at).toISOString()} ${service} ${level} line ${n}`
  return {
    n,
    host: `host-${n % 5}`,
    sentAt,
    at,
    service,
    level,
    text,
    isDead: n % 10 === 4 || n % 20 === 7 || n % 20 === 13,
  }
})
const reasons = { 4: 'not a line of a log', 7: 'older than an hour', 3: 'the clock runs ahead' }

test('no line is lost or counted twice while brokers and the pipeline itself crash', async () => {
  await using cluster = await Cluster.start({ brokers: 3 })
  const configs = { 'retention.ms': '-1' }
  for (const topic of ['lines', 'counts', 'dead-lines']) await cluster.createTopic(topic, { partitions: 3, configs })
  const properties = {
    'bootstrap.servers': cluster.bootstrapServers,
    'processing.guarantee': 'exactly_once_v2',
    ...deadLetters,
    ...impatience,
  }
  const records = sent.map(
    ({ n, host, text, sentAt }) => [host, string.serialize(text), sentAt, { file: `app.log:${n}` }] as const,
  )
  const feeding = feed(cluster, 'lines', records, { everyMs: 3 })
  const instance = await crashEverything(cluster, () => run(logs, properties, { connector: cluster.connector }))
  await feeding

  const good = sent.filter(({ isDead }) => !isDead)
  const counts = () => committed(cluster, 'counts', int64)
  const dead = () => committed(cluster, 'dead-lines', string)
  const found = async () => [(await counts()).length, (await dead()).length]
  // Every line that counts updates its count once.
  await expect.poll(found, { timeout: 60_000, interval: 300 }).toEqual([good.length, sent.length - good.length])

  const perMinute = newest(await counts())
  const start = ({ at }: { at: number }) => Math.floor(at / 60_000) * 60_000
  const names = good.map((one) => minuteName({ key: `${one.service} ${one.level}`, start: start(one), end: 0 }))
  expect(perMinute).toEqual(counted(names))

  const letters = (await dead()).map(({ key, value, headers }) => {
    const said = Object.fromEntries(headers.map((header) => [header.key, string.deserialize(header.value)]))
    return [said['file'], key, value, said['__streams.errors.topic'], said['__streams.errors.message']].join('|')
  })
  const wanted = sent
    .filter(({ isDead }) => isDead)
    .map(({ n, host, text }) => [`app.log:${n}`, host, text, 'lines', reasons[(n % 10) as 3 | 4 | 7]].join('|'))
  expect(letters.toSorted()).toEqual(wanted.toSorted())
  const inCounts = [...perMinute.values()].reduce((sum, count) => sum + count, 0)
  expect(inCounts + letters.length).toBe(sent.length)
  expect(await instance.close()).toBe(true)
})

test('20 seeds of the simulator', async () => {
  const { faults, inputs } = await simulate(logs, { ...scenario, seeds: 20 })
  expect([faults > 20, inputs]).toEqual([true, 20 * 40])
})

test('at_least_once is found', async () => {
  const { failure } = await exploreSeeds(mistake.pipeline, { ...mistake, seeds: 20, shrinkRuns: 0 })
  expect(failure?.invariant).toBe('counted-twice')
})
