/** Every method of the admin, once on Troupe and once on Apache Kafka: the same outcomes, field by field. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cluster } from '../../../../tools/src/cluster.ts'
import { startApacheKafka, type ApacheKafka } from '../../../../tools/src/reference/apache-kafka.ts'
import { kafkaClasspath } from '../../../../tools/src/reference/maven.ts'
import { apiByKey } from '@troupe/wire/apis'
import { operations } from '../../src/admin/operations.ts'
import { Admin } from '../../src/shell/admin.ts'
import { KafkaError } from '../../src/shell/errors.ts'
import { otherSteps } from './admin-group-steps.ts'
import { stepsOfTopics } from './admin-steps.ts'

const classpath = process.env.ADMIN_TROUPE_ONLY ? { skipped: 'asked to' } : kafkaClasspath()
const directory = mkdtempSync(join(tmpdir(), 'troupe-admin-'))
const steps = [...stepsOfTopics, ...otherSteps]
/** By step: what it showed, or how it failed. */
type Shown = Map<string, unknown>
let troupe: Cluster
let kafka: ApacheKafka | null = null

beforeAll(async () => {
  troupe = await Cluster.start({ brokers: 3, properties: { 'group.initial.rebalance.delay.ms': 0 } })
  if (typeof classpath === 'string')
    kafka = await startApacheKafka({ classpath, directory, nodes: 3, heap: '256M', silent: true })
})

afterAll(async () => {
  await Promise.all([troupe?.stop(), kafka?.stop('SIGKILL')])
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})

async function play(bootstrap: string): Promise<Shown> {
  await using admin = new Admin({ 'bootstrap.servers': bootstrap })
  const shown: Shown = new Map()
  for (const { name, run } of steps) {
    try {
      shown.set(name, await run({ bootstrap, admin }))
    } catch (error) {
      shown.set(name, `failed: ${error instanceof Error ? error.stack : error}`)
    }
  }
  return shown
}

describe('the same script', () => {
  let onTroupe: Shown
  let onKafka: Shown | null = null

  beforeAll(async () => {
    onTroupe = await play(troupe.bootstrap)
    if (kafka) onKafka = await play(kafka.bootstrap)
    if (process.env.ADMIN_PRINT) console.log(JSON.stringify(Object.fromEntries(onTroupe), null, 1))
  })

  test.each(steps)('$name', ({ name, shows }) => {
    const seen = onTroupe.get(name)
    expect(String(seen)).not.toMatch(/^failed/)
    if (shows !== undefined) expect(seen).toEqual(shows)
    if (onKafka) expect(seen).toEqual(onKafka.get(name))
  })
})

test('a question that fails as a whole names the first item and Kafka’s error', async () => {
  await using admin = new Admin({ 'bootstrap.servers': troupe.bootstrap })
  const error = await admin.deleteTopics(['nowhere']).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(KafkaError)
  expect(error).toMatchObject({ name: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3, retriable: true })
  expect((error as KafkaError).message).toContain('nowhere')
})

test('alterReplicaLogDirs: Kafka’s answer, and Troupe’s that it does not know the request', async () => {
  const replicas = [{ topic: 'nowhere', partition: 0, broker: 1, path: '/nowhere' }]
  await using admin = new Admin({ 'bootstrap.servers': troupe.bootstrap })
  await expect(admin.alterReplicaLogDirs(replicas)).rejects.toMatchObject({ name: 'UNSUPPORTED_VERSION' })
  if (!kafka) return
  await using other = new Admin({ 'bootstrap.servers': kafka.bootstrap })
  await expect(other.alterReplicaLogDirs(replicas)).rejects.toMatchObject({ name: 'LOG_DIR_NOT_FOUND' })
})

test('there is a method for each request that the broker answers', async () => {
  await using admin = new Admin({ 'bootstrap.servers': troupe.bootstrap })
  const { apiKeys } = await admin.request<{ apiKeys: { apiKey: number }[] }>({
    api: 18,
    body: { clientSoftwareName: 'test', clientSoftwareVersion: '1' },
  })
  const asked = new Set(Object.values(operations).map(({ api }) => api as unknown))
  const names = apiKeys.filter(({ apiKey }) => !asked.has(apiKey)).map(({ apiKey }) => apiByKey(apiKey)!.name)
  // What producers and consumers say, FindCoordinator (asked on the way), and what IncrementalAlterConfigs replaced.
  expect(names.sort()).toEqual([
    'AddOffsetsToTxn',
    'AddPartitionsToTxn',
    'AlterConfigs',
    'EndTxn',
    'Fetch',
    'FindCoordinator',
    'Heartbeat',
    'JoinGroup',
    'OffsetForLeaderEpoch',
    'Produce',
    'SyncGroup',
    'TxnOffsetCommit',
  ])
})
