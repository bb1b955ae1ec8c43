/**
 * Crashes brokers one after the other while clients work: each is gone for a moment, returns, and has to catch up
 * before the next one goes, so that the cluster never loses more than replication factor 3 promises to survive.
 */
import { until, type Cluster } from '@troupe/tools/cluster'

export interface Chaos {
  /** Lets the round that is under way end, and heals the cluster; returns how many crashes there were. */
  stop(): Promise<number>
}

/** `calmMs`: how long the cluster is left alone after each round; 0 crashes as fast as it heals. */
export function startChaos(cluster: Cluster, calmMs = 0): Chaos {
  let running = true
  let crashes = 0
  const loop = (async () => {
    for (let round = 0; running; round++) {
      const victim = (round % cluster.brokers) + 1
      await cluster.crash(victim)
      crashes++
      await until(
        async () => (await cluster.status()).partitions.every((partition) => partition.leader !== victim),
        30_000,
        () => `broker ${victim} still leads after its crash\n${cluster.log.slice(-3000)}`,
      )
      // The supervisor replaces the worker by itself.
      await cluster.healed()
      const calmUntil = Date.now() + calmMs
      await until(
        () => !running || Date.now() >= calmUntil,
        calmMs + 1000,
        () => 'time stood still',
      )
    }
  })()
  return {
    async stop() {
      running = false
      await loop
      return crashes
    },
  }
}
