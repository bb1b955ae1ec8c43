/**
 * A user who outgrows one machine moves to Apache Kafka with the same data: Kafka 4.3.1 starts on our directories.
 */
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import { freePort, Cluster } from '@troupe/tools/cluster'
import { runJava } from '@troupe/tools/reference/java'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { javaClients } from './support/tools.ts'

const classpath = javaClients()
const reason = typeof classpath === 'string' ? '' : ` (skipped: ${classpath.skipped})`

describe.skipIf(reason !== '')(`moving to Apache Kafka${reason}`, () => {
  test('Kafka starts on the directory of a stopped broker, reads what is there and goes on', async () => {
    const java = String(classpath)
    const directory = mkdtempSync(join(tmpdir(), 'troupe-moves-'))
    const cluster = await Cluster.start({ brokers: 1, directory })
    const written = await runJava(java, 'ExactlyOnce', [cluster.bootstrap, '3000', '3', '1', 'classic'])
    expect(JSON.parse(written.stdout)).toMatchObject({ outDistinct: 3000, errors: [] })
    const { clusterId } = (await cluster.status()) as unknown as { clusterId: string }
    expect(await cluster.stop()).toBe(0)

    const controllerPort = await freePort()
    const kafka = await startApacheKafka({
      classpath: kafkaClasspath() as string,
      directory,
      nodes: 1,
      formatted: true,
      clusterId,
      controllerPorts: [controllerPort],
      properties: { 'controller.quorum.voters': `1@127.0.0.1:${controllerPort}` },
    })
    try {
      const read = await runJava(java, 'Inspect', [kafka.bootstrap])
      expect(JSON.parse(read.stdout), read.stderr).toEqual({
        in: 3000,
        out: 3000,
        copier: 3000,
        transactionsGoOn: true,
      })
    } finally {
      await kafka.stop()
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  })
})
