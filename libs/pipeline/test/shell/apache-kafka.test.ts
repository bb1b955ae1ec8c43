/** The very same pipeline on Apache Kafka 4.3.1, its instances crashed again and again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApacheKafka } from '@troupe/tools/reference/apache-kafka'
import { kafkaClasspath } from '@troupe/tools/reference/maven'
import { describe, expect, test } from 'vitest'
import { run } from '../../src/shell/run.ts'
import * as support from './support.ts'

const classpath = kafkaClasspath()
const title = typeof classpath === 'string' ? 'Apache Kafka' : `Apache Kafka (skipped: ${classpath.skipped})`

describe.skipIf(typeof classpath !== 'string')(title, () => {
  test('every word is counted once while instances crash', { timeout: 150_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'troupe-pipeline-kafka-'))
    const kafka = await startApacheKafka({
      classpath: classpath as string,
      directory,
      nodes: 1,
      heap: '512m',
      silent: true,
      properties: {
        'group.initial.rebalance.delay.ms': '0',
        'group.min.session.timeout.ms': '500',
        'offsets.topic.num.partitions': '4',
        'transaction.state.log.num.partitions': '4',
      },
    })
    try {
      const { bootstrap } = kafka
      await support.createTopics(bootstrap, ['lines', 'counts'], 1)
      const given = support.properties({ bootstrap })
      const app = support.wordCount()
      const lines = support.feed(bootstrap)
      const instances = [await run(app, given), await run(app, given)]
      for (let round = 0; round < 4; round++) {
        const victim = instances[round % 2]!
        await support.until(
          async () => (await victim.metrics()).processed > 300,
          40_000,
          () => `nothing moves in round ${round}: ${victim.state} ${victim.errors}`,
        )
        await victim.crash()
        instances[round % 2] = await run(app, given)
      }
      const sent = await lines.stop()
      const records = await support.allCounted(bootstrap, sent)
      expect(support.brokenCounts(records)).toEqual([])
      expect(support.lastCounts(records)).toEqual(support.expectedCounts(sent))
      for (const instance of instances) expect(await instance.close()).toBe(true)
    } finally {
      await kafka.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
