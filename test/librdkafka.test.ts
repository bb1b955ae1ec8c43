/**
 * librdkafka, through the confluent-kafka wheel and through kcat.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChaos } from './support/chaos.ts'
import { Cluster } from '@troupe/tools/cluster'
import { run } from './support/run.ts'
import { kcat, pythonClients } from './support/tools.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start()
})
afterAll(() => cluster?.stop())

const python = pythonClients()
describe.skipIf(typeof python !== 'string')(
  `confluent-kafka${typeof python === 'string' ? '' : ` (skipped: ${python.skipped})`}`,
  () => {
    test('idempotent producer and transactional copier lose and double nothing while brokers crash', async () => {
      const records = 30_000
      const running = run(String(python), [
        join(import.meta.dirname, 'python/exactly_once.py'),
        cluster.bootstrap,
        String(records),
      ])
      await cluster.hasTopic('py-out')
      // Less than this between two crashes is less than its back-offs: it would never get to the end of a transaction.
      const chaos = startChaos(cluster, 1500)
      const result = await running
      expect(await chaos.stop()).toBeGreaterThan(0)
      expect(result.stdout, result.stderr + cluster.log).toContain('{')
      expect(JSON.parse(result.stdout), result.stderr + cluster.log.slice(-3000)).toEqual({
        acked: records,
        inDistinct: records,
        inDuplicates: 0,
        outDistinct: records,
        outDuplicates: 0,
        outAborted: 0,
        abortedOnPurpose: true,
        errors: [],
      })
    })
  },
)

const cat = kcat()
describe.skipIf(typeof cat !== 'string')(`kcat${typeof cat === 'string' ? '' : ` (skipped: ${cat.skipped})`}`, () => {
  const kafkacat = (args: string[], input?: string) => run(String(cat), ['-b', cluster.bootstrap, ...args], input)

  test('lists metadata', async () => {
    const { stdout, status } = await kafkacat(['-L', '-J'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout).brokers).toHaveLength(3)
  })

  test('produces keyed, compressed messages with headers and reads them back', async () => {
    const produced = await kafkacat(
      ['-P', '-t', 'kcat', '-K', ':', '-z', 'snappy', '-H', 'trace=on', '-X', 'topic.request.required.acks=all'],
      'a:1\nb:2\nc:3\n',
    )
    expect(produced.status, produced.stderr).toBe(0)
    const consumed = await kafkacat(['-C', '-t', 'kcat', '-e', '-q', '-o', 'beginning', '-f', '%k=%s %h\\n'])
    expect(consumed.stdout.trim().split('\n').sort()).toEqual(['a=1 trace=on', 'b=2 trace=on', 'c=3 trace=on'])
  })

  test('finds offsets by timestamp', async () => {
    await kafkacat(['-P', '-t', 'kcat-times', '-p', '0'], 'x\n')
    const { stdout } = await kafkacat(['-Q', '-t', 'kcat-times:0:1000'])
    expect(stdout).toContain('offset 0')
  })

  test('consumes as a balanced group and commits', async () => {
    await kafkacat(['-P', '-t', 'kcat-group'], '1\n2\n3\n')
    const first = await run(String(cat), [
      '-b',
      cluster.bootstrap,
      '-G',
      'cats',
      '-X',
      'auto.offset.reset=earliest',
      '-e',
      '-q',
      'kcat-group',
    ])
    expect(first.stdout.trim().split('\n').sort()).toEqual(['1', '2', '3'])
    await kafkacat(['-P', '-t', 'kcat-group'], '4\n')
    const second = await run(String(cat), [
      '-b',
      cluster.bootstrap,
      '-G',
      'cats',
      '-X',
      'auto.offset.reset=earliest',
      '-e',
      '-q',
      'kcat-group',
    ])
    expect(second.stdout.trim()).toBe('4')
  })

  test('a consumer that is cut off in the middle leaves the cluster well', async () => {
    const child = spawn(String(cat), ['-b', cluster.bootstrap, '-C', '-t', 'kcat', '-q', '-u', '-o', 'beginning'])
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    expect((await kafkacat(['-L'])).status).toBe(0)
  })
})
