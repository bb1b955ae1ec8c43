/**
 * Unmodified Java clients (kafka-clients 4.3.1, Kafka Streams) while brokers crash and return.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJava, startJava } from '@troupe/tools/reference/java'
import { afterEach, describe, expect, test } from 'vitest'
import { startChaos } from './support/chaos.ts'
import { Cluster, until } from '@troupe/tools/cluster'
import { javaClients } from './support/tools.ts'

const classpath = javaClients()
const why = typeof classpath === 'string' ? '' : ` (skipped: ${classpath.skipped})`
const suite = typeof classpath === 'string' ? describe : describe.skip
const java = String(classpath)

suite(`Java clients${why}`, () => {
  let cluster: Cluster | undefined
  afterEach(async () => {
    await cluster?.stop()
    cluster = undefined
  })

  const everythingOnce = (records: number) => ({
    acked: records,
    inDistinct: records,
    inDuplicates: 0,
    outDistinct: records,
    outDuplicates: 0,
    outAborted: 0,
    groupDistinct: records,
    offsetRegressions: 0,
    errors: [],
  })

  test('producer, transactional copier and consumer group on a quiet cluster', async () => {
    cluster = await Cluster.start()
    const result = await runJava(java, 'ExactlyOnce', [cluster.bootstrap, '5000', '4', '3', 'classic'])
    expect(result.stdout, result.stderr + cluster.log).toContain('{')
    expect(JSON.parse(result.stdout), result.stderr).toMatchObject(everythingOnce(5000))
  })

  test('the same on one broker', async () => {
    cluster = await Cluster.start({ brokers: 1 })
    const result = await runJava(java, 'ExactlyOnce', [cluster.bootstrap, '5000', '4', '1', 'classic'])
    expect(result.stdout, result.stderr + cluster.log).toContain('{')
    expect(JSON.parse(result.stdout), result.stderr).toMatchObject(everythingOnce(5000))
  })

  test('the same while brokers crash and return', async () => {
    cluster = await Cluster.start()
    const running = runJava(java, 'ExactlyOnce', [cluster.bootstrap, '60000', '4', '3', 'classic'])
    await cluster.hasTopic('out')
    const chaos = startChaos(cluster)
    const result = await running
    const crashes = await chaos.stop()
    expect(result.stdout, result.stderr + cluster.log).toContain('{')
    expect(JSON.parse(result.stdout), result.stderr).toMatchObject(everythingOnce(60000))
    expect(crashes).toBeGreaterThanOrEqual(3)
  })

  test('Kafka Streams exactly_once_v2, killed and started again while brokers crash', async () => {
    cluster = await Cluster.start()
    const state = mkdtempSync(join(tmpdir(), 'troupe-streams-'))
    const records = 12_000
    const feed = runJava(java, 'StreamsEos', ['feed', cluster.bootstrap, String(records), '40'])
    await until(
      async () => (await cluster!.status()).partitions.some((p) => p.topic === 'totals'),
      30_000,
      () => 'no topic totals',
    )
    // A Streams application needs seconds to join, create its topics and restore: it gets them between two crashes.
    const chaos = startChaos(cluster, 5000)
    let out = ''
    for (let lives = 0; lives < 2; lives++) {
      const app = startJava(java, 'StreamsEos', ['run', cluster.bootstrap, join(state, String(lives))])
      out = ''
      app.stdout.on('data', (text) => (out += text))
      app.stderr.resume()
      await until(
        () => out.includes('state RUNNING'),
        60_000,
        () => `streams did not run: ${out}\n${cluster!.log}`,
      )
      app.kill('SIGKILL')
    }
    const app = startJava(java, 'StreamsEos', ['run', cluster.bootstrap, join(state, 'last')])
    let log = ''
    app.stderr.on('data', (text) => (log += text))
    app.stdout.resume()
    await feed
    const crashes = await chaos.stop()
    const verified = await runJava(java, 'StreamsEos', ['verify', cluster.bootstrap, String(records), '40', '90000'])
    app.kill('SIGKILL')
    rmSync(state, { recursive: true, force: true })
    expect(JSON.parse(verified.stdout), log.slice(-5000) + verified.stderr).toEqual({
      sum: records,
      keys: 40,
      wrong: 0,
      decreases: 0,
    })
    expect(crashes).toBeGreaterThan(0)
  })
})
