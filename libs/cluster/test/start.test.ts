/** An embedded cluster from its start to the last trace of it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { Cluster, StartFailed, until } from '@troupe/cluster'
import { readAll, texts } from './reading.ts'

/** What keeps the process alive, or would, beyond what did `before`. */
function leftOver(before: readonly string[]): string[] {
  const known = [...before]
  return process.getActiveResourcesInfo().filter((name) => {
    const at = known.indexOf(name)
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
}

test('clients of this process reach one broker over ports, any other client joins over TCP', async () => {
  await using cluster = await Cluster.start({ brokers: 1 })
  await using producer = cluster.producer()
  const { offset } = await producer.send({ topic: 'greetings', value: 'over a port' })
  expect(offset).toBe(0)
  const kafka = new Kafka({ brokers: cluster.bootstrapServers.split(','), logLevel: logLevel.NOTHING })
  const other = kafka.producer()
  await other.connect()
  await other.send({ topic: 'greetings', messages: [{ value: 'over TCP' }] })
  await other.disconnect()
  await using admin = cluster.admin()
  expect((await admin.listTopics()).map(({ name }) => name)).toEqual(['greetings'])
  expect(texts(await readAll(cluster, 'greetings', 2))).toEqual(['over a port', 'over TCP'])
})

test('without TCP listeners nothing listens, and three brokers serve over ports alone', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'))
  await using cluster = await Cluster.start({ listeners: false })
  expect(cluster.bootstrapServers).toMatch(/^broker-1\.embedded:\d+,broker-2\.embedded:\d+,broker-3\.embedded:\d+$/)
  await cluster.createTopic('t', { partitions: 6 })
  await using producer = cluster.producer({ 'bootstrap.servers': cluster.bootstrapServers })
  const sent = await Promise.all(
    Array.from({ length: 60 }, (_, at) => producer.send({ topic: 't', partition: at % 6, value: String(at) })),
  )
  expect(sent.map(({ offset }) => offset)).toEqual(Array.from({ length: 60 }, (_, at) => Math.floor(at / 6)))
  const leaders = new Set((await cluster.partitions('t')).map(({ leader }) => leader))
  expect(leaders).toEqual(new Set([1, 2, 3]))
  expect(process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'))).toEqual(before)
})

test('on a directory the data is kept, and a second start finds it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-embedded-'))
  try {
    let clusterId: string
    {
      await using cluster = await Cluster.start({ brokers: 1, directory })
      clusterId = cluster.clusterId
      await using producer = cluster.producer()
      await producer.send({ topic: 'kept', value: 'a' })
    }
    expect(readdirSync(directory)).toContain('broker-1')
    await using cluster = await Cluster.start({ brokers: 1, directory })
    expect(cluster.clusterId).toBe(clusterId)
    expect(texts(await readAll(cluster, 'kept', 1))).toEqual(['a'])
    await expect(Cluster.start({ brokers: 1, directory })).rejects.toThrow(/lock|in use/i)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('afterwards no worker, timer, port or directory is left', async () => {
  const before = process.getActiveResourcesInfo()
  let directory: string
  {
    await using cluster = await Cluster.start()
    directory = cluster.directory
    await cluster.createTopic('t')
    await using producer = cluster.producer()
    await producer.send({ topic: 't', value: 'a' })
    // Everything that makes something of its own: the supervisor, links that wait, the controls' own connections.
    await cluster.crash(2)
    await cluster.start(2)
    await cluster.slow(1, 3, 5)
    await cluster.pause(1)
    expect(await cluster.group('nobody')).toBeUndefined()
    expect(existsSync(directory)).toBe(true)
  }
  expect(existsSync(directory)).toBe(false)
  expect(leftOver(before)).toEqual([])
})

test("properties are Kafka's, and a wrong one refuses the start and leaves nothing", async () => {
  const before = process.getActiveResourcesInfo()
  await expect(Cluster.start({ brokers: 1, properties: { 'num.partitions': 'many' } })).rejects.toThrow(
    /num\.partitions/,
  )
  expect(leftOver(before)).toEqual([])
  await using cluster = await Cluster.start({ brokers: 1, properties: { 'num.partitions': 4 } })
  await using producer = cluster.producer()
  await producer.send({ topic: 'wide', value: 'a' })
  expect(await cluster.partitions('wide')).toHaveLength(4)
})

test('a broker that ends before it serves fails the start', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-embedded-'))
  try {
    {
      await using cluster = await Cluster.start({ brokers: 1, directory })
      expect(cluster.directory).toBe(directory)
    }
    // Another cluster's: the broker refuses to run on it.
    const file = join(directory, 'broker-1', 'meta.properties')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/node\.id=1/, 'node.id=7'))
    await expect(Cluster.start({ brokers: 1, directory })).rejects.toThrow(StartFailed)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('until answers with the first truth, and says what did not happen', async () => {
  let asked = 0
  expect(await until(() => (++asked === 3 ? 'third' : null))).toBe('third')
  await expect(until(() => false, { timeoutMs: 10, what: 'a miracle' })).rejects.toThrow('not within 10 ms: a miracle')
})
