/** A week of earthquakes through real brokers while everything crashes, and in the simulator. */
import { expect, test } from 'vitest'
import { Cluster } from 'troupe/cluster'
import { run } from 'troupe/pipeline'
import { exploreSeeds, simulate } from 'troupe/simulate'
import { crashEverything, impatience } from '../support/crashes.ts'
import { committed, feed, newest } from '../support/records.ts'
import {
  average,
  hourMs,
  oldTimes,
  report,
  summary,
  telemetry,
  windowName,
  type Average,
  type Summary,
} from './pipeline.ts'
import { reports, type Report } from './reports.ts'
import scenario from './scenario.ts'
import mistake from './mistake.ts'

const week = reports()

test('late and out of order, every window is right while brokers and the pipeline itself crash', async () => {
  await using cluster = await Cluster.start({ brokers: 3 })
  // Event time is years ago: nothing may expire.
  const configs = { 'retention.ms': '-1' }
  for (const topic of ['reports', 'final', 'residuals']) await cluster.createTopic(topic, { partitions: 3, configs })
  const properties = {
    'bootstrap.servers': cluster.bootstrapServers,
    'processing.guarantee': 'exactly_once_v2',
    ...oldTimes,
    ...impatience,
  }
  const feeding = feed(
    cluster,
    'reports',
    week.map(({ network, report, arrivedAt }) => [network, report, arrivedAt]),
    { everyMs: 1 },
  )
  const instance = await crashEverything(cluster, () => run(telemetry, properties, { connector: cluster.connector }))
  await feeding

  const wanted = { final: new Map<string, Summary>(), residuals: new Map<string, Average>(), updates: 0, late: 0 }
  const partitions = Map.groupBy(await committed(cluster, 'reports', report), ({ partition }) => partition)
  for (const arrived of partitions.values()) expectPartition(arrived, wanted)
  expect(wanted.late).toBeGreaterThan(100)
  expect(wanted.final.size).toBeGreaterThan(100)

  const results = async () => {
    const final = await committed(cluster, 'final', summary)
    const residuals = await committed(cluster, 'residuals', average)
    return { final, residuals, counts: [final.length, residuals.length] }
  }
  await expect
    .poll(() => results().then(({ counts }) => counts), { timeout: 60_000, interval: 300 })
    .toEqual([wanted.final.size, wanted.updates])
  const { final, residuals } = await results()
  expect(newest(final)).toEqual(wanted.final)
  expect(newest(residuals)).toEqual(wanted.residuals)
  expect(await instance.close()).toBe(true)
})

test('20 seeds of the simulator', async () => {
  const { faults, inputs } = await simulate(telemetry, { ...scenario, seeds: 20 })
  expect([faults > 20, inputs]).toEqual([true, 20 * 40])
})

test('stores without changelogs are found', async () => {
  const { failure } = await exploreSeeds(mistake.pipeline, { ...mistake, seeds: 20, shrinkRuns: 0 })
  expect(failure?.invariant).toMatch(/^(not-counted|counted-twice)$/)
})

interface Wanted {
  final: Map<string, Summary>
  residuals: Map<string, Average>
  updates: number
  late: number
}

/** What the reports of one partition, in their order, come to: without windows, stores or a library. */
function expectPartition(arrived: readonly { key: string; value: Report }[], wanted: Wanted): void {
  const [six, day] = [6 * hourMs, 24 * hourMs]
  const open = new Map<string, Summary & { end: number }>()
  let now = 0
  for (const { key, value } of arrived) {
    now = Math.max(now, value.at)
    const start = Math.floor(value.at / six) * six
    if (start + six + day <= now) wanted.late++
    else {
      const name = windowName({ key, start, end: start + six })
      const { quakes, largest } = open.get(name) ?? { quakes: 0, largest: -Infinity }
      open.set(name, { quakes: quakes + 1, largest: Math.max(largest, value.magnitude), end: start + six })
    }
    for (let begin = start; begin > start - day; begin -= six) {
      if (begin + day + day <= now) continue
      const name = windowName({ key, start: begin, end: begin + day })
      const { of, sum } = wanted.residuals.get(name) ?? { of: 0, sum: 0 }
      wanted.residuals.set(name, { of: of + 1, sum: sum + value.residual })
      wanted.updates++
    }
  }
  for (const [name, { end, ...summary }] of open) if (end + day <= now) wanted.final.set(name, summary)
}
