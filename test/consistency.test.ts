/**
 * Every promise at once (see Consistency.java), while brokers crash in all ways, and while the process is killed.
 */
import { once } from 'node:events'
import { startJava } from '@troupe/tools/reference/java'
import { afterEach, describe, expect, test } from 'vitest'
import { mayhem } from './support/chaos.ts'
import { Cluster, until } from '@troupe/tools/cluster'
import { javaClients } from './support/tools.ts'

const classpath = javaClients()
const suite = typeof classpath === 'string' ? describe : describe.skip

suite(`consistency${typeof classpath === 'string' ? '' : ` (skipped: ${classpath.skipped})`}`, () => {
  let cluster: Cluster | undefined
  afterEach(async () => {
    await cluster?.stop()
    cluster = undefined
  })

  /** Runs the clients while `blows` fall; what they found afterwards. */
  async function clientsDuring(blows: () => Promise<unknown>): Promise<Record<string, unknown>> {
    const clients = startJava(String(classpath), 'Consistency', [cluster!.bootstrap, '3'])
    let out = ''
    let log = ''
    clients.stdout.setEncoding('utf8').on('data', (text) => (out += text))
    clients.stderr.setEncoding('utf8').on('data', (text) => (log = (log + text).slice(-20_000)))
    const ended = once(clients, 'close')
    try {
      await until(
        () => out.includes('working'),
        30_000,
        () => `the clients do not work: ${log}`,
      )
      await blows()
      clients.stdin.end()
      await ended
    } finally {
      clients.kill('SIGKILL')
    }
    expect(out, `${log}\n${cluster!.log}`).toContain('{')
    return JSON.parse(out.slice(out.indexOf('{')))
  }

  /** Nothing wrong, and enough happened that something could have been. */
  function expectConsistency(found: Record<string, unknown>): void {
    expect(found).toMatchObject({ errors: [] })
    expect(found.acked).toBeGreaterThan(1000)
    for (const count of ['committed', 'aborted', 'fenced', 'watched']) expect(found[count], count).toBeGreaterThan(0)
  }

  test('brokers crash, stop and start in every combination', async () => {
    cluster = await Cluster.start()
    expectConsistency(await clientsDuring(() => mayhem(cluster!, 6)))
  })

  test('the process is killed with SIGKILL', async () => {
    cluster = await Cluster.start()
    const found = await clientsDuring(async () => {
      for (let round = 0; round < 3; round++) {
        await cluster!.healed()
        const calmUntil = Date.now() + 2000
        await until(
          () => Date.now() >= calmUntil,
          3000,
          () => 'time stood still',
        )
        await cluster!.kill()
        await cluster!.start()
      }
      await cluster!.healed()
    })
    expectConsistency(found)
  })
})
