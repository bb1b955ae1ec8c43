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

/** Everything at once: what no operator would do. After it the cluster must heal by itself. */
const blows: readonly ((cluster: Cluster, random: (below: number) => number) => Promise<void>)[] = [
  async function fast(cluster, random) {
    for (let i = 0; i < 6; i++) {
      await cluster.crash(1 + random(cluster.brokers))
      await pause(random(300))
    }
  },
  async function two(cluster, random) {
    const first = 1 + random(cluster.brokers)
    await Promise.all([cluster.crash(first), cluster.crash(1 + (first % cluster.brokers))])
  },
  async function all(cluster) {
    await Promise.all(Array.from({ length: cluster.brokers }, (_, index) => cluster.crash(index + 1)))
  },
  async function controllers(cluster, random) {
    for (let i = 0; i < 4; i++) {
      const { controllerId } = await cluster.status()
      if (controllerId > 0) await cluster.crash(controllerId)
      await pause(random(300))
    }
  },
  async function stopAndCrash(cluster, random) {
    const stopped = 1 + random(cluster.brokers)
    await Promise.all([
      cluster.stopBroker(stopped),
      pause(random(50)).then(() => cluster.crash(1 + (stopped % cluster.brokers))),
    ])
    await pause(random(500))
    await cluster.startBroker(stopped)
    await pause(random(300))
    await cluster.crash(stopped)
  },
  async function stopAndStart(cluster, random) {
    const stopped = 1 + random(cluster.brokers)
    await cluster.stopBroker(stopped)
    await pause(random(300))
    await cluster.startBroker(stopped)
  },
]

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Clients back off while nothing goes; this is long enough for them to come back before the next blow. */
const calmMs = 1000

/** The longest that the cluster took to heal after a blow, by what the blow was. */
export async function mayhem(cluster: Cluster, rounds: number, healLimitMs = 15_000): Promise<Record<string, number>> {
  let seed = 0x9e3779b9
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const longest: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const blow = blows[round % blows.length]!
    await blow(cluster, random)
    const since = Date.now()
    await cluster.healed(healLimitMs)
    longest[blow.name] = Math.max(longest[blow.name] ?? 0, Date.now() - since)
    await pause(calmMs)
  }
  return longest
}
