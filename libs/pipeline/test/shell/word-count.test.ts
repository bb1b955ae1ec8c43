/**
 * Word count with exactly_once_v2 on three brokers, while everything crashes. The committed counts of every word must be
 * 1, 2, 3 … without a gap, a repetition or a step back: one lost or doubled record anywhere on the way would show.
 */
import { Admin } from '@troupe/client/shell/admin'
import type { Cluster } from '@troupe/tools/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, type Running } from '../../src/shell/run.ts'
import {
  allCounted,
  brokenCounts,
  createTopics,
  expectedCounts,
  feed,
  lastCounts,
  properties,
  startCluster,
  until,
  wordCount,
} from './support.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
  await createTopics(cluster.bootstrap, ['lines', 'counts'])
})
afterAll(() => cluster.stop())

test('every word is counted once while brokers and instances crash', { timeout: 170_000 }, async () => {
  const given = { ...properties(cluster), 'num.stream.threads': 2 }
  const app = wordCount()
  const instances: Running[] = [await run(app, given), await run(app, given)]
  const lines = feed(cluster.bootstrap)
  const fallen: Running[] = []
  for (let round = 0; round < 6; round++) {
    const before = lines.sent
    const counted = (await instances[round % 2]!.metrics()).processed
    await until(
      async () => lines.sent > before + 200 && (await instances[round % 2]!.metrics()).processed > counted,
      60_000,
      () => `nothing moves in round ${round}: ${instances.map(({ state, errors }) => `${state} ${errors}`)}`,
    )
    await cluster.crash((round % 3) + 1)
    fallen.push(instances[round % 2]!)
    await instances[round % 2]!.crash()
    instances[round % 2] = await run(app, given)
    await cluster.healed()
  }
  const sent = await lines.stop()
  const records = await allCounted(cluster.bootstrap, sent)
  expect(brokenCounts(records)).toEqual([])
  expect(lastCounts(records)).toEqual(expectedCounts(sent))
  for (const instance of instances) expect(instance.errors).toEqual([])
  for (const instance of instances) expect(await instance.close()).toBe(true)
  expect(fallen).toHaveLength(6)
})

test('a producer that is fenced again and again costs work, not correctness', { timeout: 90_000 }, async () => {
  const name = 'fenced'
  await createTopics(cluster.bootstrap, [`${name}-lines`, `${name}-counts`])
  await using admin = new Admin({ 'bootstrap.servers': cluster.bootstrap })
  const running = await run(wordCount(name, `${name}-`), properties(cluster))
  const lines = feed(cluster.bootstrap, `${name}-lines`)
  for (let round = 1; round <= 5; round++) {
    const before = (await running.metrics()).commits
    await until(
      async () => (await running.metrics()).commits > before + 3,
      30_000,
      () => `no commits in round ${round}: ${running.state} ${running.errors}`,
    )
    await admin.fenceProducers([`${name}-${running.instance}-1`])
    await until(
      async () => (await running.metrics()).aborts >= round,
      30_000,
      () => 'it has not noticed',
    )
  }
  const sent = await lines.stop()
  const records = await allCounted(cluster.bootstrap, sent, `${name}-counts`)
  expect(brokenCounts(records)).toEqual([])
  expect(lastCounts(records)).toEqual(expectedCounts(sent))
  expect(running.errors).toEqual([])
  expect(await running.close()).toBe(true)
})
