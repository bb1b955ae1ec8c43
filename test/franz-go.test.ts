/**
 * franz-go, unmodified: admin, idempotent producer, exactly-once group session, read_committed consumer.
 */
import { Cluster } from '@troupe/tools/cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChaos } from './support/chaos.ts'
import { run } from './support/run.ts'
import { goClients } from './support/tools.ts'

const program = goClients()
const reason = typeof program === 'string' ? '' : ` (skipped: ${program.skipped})`

describe.skipIf(reason !== '')(`franz-go${reason}`, () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await Cluster.start()
  })
  afterAll(async () => {
    await cluster?.stop()
  })

  test('copies exactly once while brokers crash and return', async () => {
    const records = 20_000
    const running = run(String(program), [cluster.bootstrap, String(records)])
    await cluster.hasTopic('go-out')
    const chaos = startChaos(cluster, 3000)
    const finished = await running
    expect(await chaos.stop()).toBeGreaterThan(0)
    expect(finished.stdout, finished.stderr + cluster.log).toContain('{')
    expect(JSON.parse(finished.stdout)).toEqual({
      acked: records,
      outDistinct: records,
      outDuplicates: 0,
      outAborted: 0,
      abortedOnPurpose: true,
    })
  })
})
