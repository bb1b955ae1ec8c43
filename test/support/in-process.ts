/** A cluster whose workers are this process's own, so that a test sees their reports and may bring other actors. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster } from '@troupe/runtime/cluster'
import { clusterStatus, type ClusterStatus } from '@troupe/runtime/cluster-status'
import type { Report } from '@troupe/runtime/control'
import { Supervisor } from '@troupe/runtime/supervisor'
import { until } from '@troupe/tools/cluster'
import { brokerDirectory, resolveSettings } from '@troupe/runtime/settings'

export interface InProcess {
  readonly cluster: Cluster
  readonly supervisor: Supervisor
  readonly bootstrap: string[]
  readonly reports: Report[]
  readonly givenUp: number[]
  directory(broker: number): string
  status(): Promise<ClusterStatus>
  /** Every partition has a leader and all its replicas in sync. */
  healed(): Promise<void>
  close(): Promise<void>
}

export async function startInProcess(options: {
  readonly brokers: number
  readonly properties?: Readonly<Record<string, string>>
  readonly assembly?: URL
}): Promise<InProcess> {
  const root = mkdtempSync(join(tmpdir(), 'troupe-in-process-'))
  const given = { 'troupe.brokers': String(options.brokers), listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': root }
  const settings = resolveSettings(new Map(Object.entries({ ...given, ...options.properties })))
  const reports: Report[] = []
  const givenUp: number[] = []
  const plans = Array.from({ length: options.brokers }, (_, index) => ({
    broker: index + 1,
    directory: brokerDirectory(root, index + 1),
  }))
  const cluster = new Cluster({
    brokers: plans,
    onReports: (more) => reports.push(...more),
    ...(options.assembly === undefined ? {} : { assembly: options.assembly.href }),
  })
  const slots = [...cluster.slots.values()]
  for (const { plan } of slots) mkdirSync(plan.directory)
  for (const slot of slots) cluster.launch(slot)
  const { config, listeners, advertised } = settings
  cluster.configure({ config, listeners, advertised, level: 'debug', clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ' })
  await Promise.all(slots.map((slot) => cluster.boot(slot)))
  await Promise.all(slots.map((slot) => cluster.ready(slot)))
  const supervisor = new Supervisor({
    cluster,
    watchdogMs: 15_000,
    log: () => {},
    onGiveUp: (broker) => givenUp.push(broker),
  })
  supervisor.start()
  const status = (): Promise<ClusterStatus> => clusterStatus(cluster, 'AAAAAAAAAAAAAAAAAAAAAQ')
  return {
    cluster,
    supervisor,
    reports,
    givenUp,
    bootstrap: slots.map(({ listeners: [first] }) => `${first!.host}:${first!.port}`),
    directory: (broker) => brokerDirectory(root, broker),
    status,
    healed: () =>
      until(
        async () => {
          const { partitions } = await status()
          return (
            partitions.length > 0 &&
            partitions.every(({ leader, isr, replicas }) => leader > 0 && isr.length === replicas.length)
          )
        },
        60_000,
        () => 'partitions did not heal',
      ),
    async close() {
      for (const slot of slots) slot.wanted = 'stopped'
      await supervisor.release()
      for (const { process } of slots) await process?.terminate()
      rmSync(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
