/** Everything crashes once: each broker, and with each of them whatever runs the pipeline. */
import type { Cluster } from 'troupe/cluster'
import type { Running } from 'troupe/pipeline'

/** How long the group waits for an instance that has crashed. */
export const impatience = { 'session.timeout.ms': 6000, 'heartbeat.interval.ms': 1000 }

/** Resolves with the instance that was started last. */
export async function crashEverything(cluster: Cluster, start: () => Promise<Running>): Promise<Running> {
  let instance = await start()
  for (const broker of cluster.brokers) {
    await cluster.crash(broker)
    await instance.crash()
    instance = await start()
    await cluster.start(broker)
  }
  return instance
}
