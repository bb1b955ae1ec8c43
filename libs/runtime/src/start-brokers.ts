/**
 * From settings to brokers that are under way, for whoever runs a cluster in this process: the app and embedded clusters.
 *
 * The order is for speed: workers are launched as soon as their number and directories are known and load their modules
 * while this thread goes on.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { newUuid } from './new-uuid.ts'
import { brokerDirectory, type Settings } from './settings.ts'
import { quorumVoters } from './voters.ts'

/** The brokers that these settings ask for; nothing is started yet. */
export function makeCluster(settings: Settings, options: Omit<ClusterOptions, 'brokers'>): Cluster {
  const brokers = Array.from({ length: settings.brokers }, (_, index) => ({
    broker: index + 1,
    directory: brokerDirectory(settings.directory, index + 1),
  }))
  return new Cluster({ ...options, brokers })
}

/**
 * Launches and boots the workers; `cluster.whenAllRunning` says when they serve. One that ends before that is replaced,
 * if anybody supervises it. Answers with the cluster's id.
 */
export async function startBrokers(cluster: Cluster, settings: Settings): Promise<string> {
  const voters = quorumVoters(settings.directory, settings.brokers)
  const slots = [...cluster.slots.values()]
  for (const { plan } of slots) mkdirSync(plan.directory, { recursive: true })
  for (const slot of slots) cluster.launch(slot)
  const clusterId = findClusterId(slots.map(({ plan }) => plan.directory)) ?? newUuid()
  const { config, listeners, advertised, level } = settings
  cluster.configure({ config, listeners, advertised, level, clusterId, voters })
  await Promise.all(slots.map((slot) => cluster.boot(slot)))
  for (const slot of slots) cluster.ready(slot).catch(() => {})
  return clusterId
}

/** The whole cluster stops, in order: no leader has anywhere to move to. Nobody supervises the workers any more. */
export async function stopBrokers({ slots }: Cluster): Promise<void> {
  await Promise.all(
    [...slots.values()].map(async ({ process: worker, state }) => {
      if (worker === null) return
      if (state === 'running') await Promise.race([worker.remote.stop(false), worker.ended])
      await worker.terminate()
    }),
  )
}

function findClusterId(directories: readonly string[]): string | null {
  for (const directory of directories) {
    try {
      const [, id] = /^cluster\.id=(.+)$/m.exec(readFileSync(join(directory, 'meta.properties'), 'utf8')) ?? []
      if (id !== undefined) return id.trim()
    } catch {
      // A new directory.
    }
  }
  return null
}

export function hostAndPort({ host, port }: { host: string; port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
