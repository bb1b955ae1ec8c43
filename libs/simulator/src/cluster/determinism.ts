/** Runs a seed twice and compares every event: the same seed must be the same run. */
import type { Observer } from './observer.ts'
import type { ClusterOptions } from './options.ts'
import { Simulation, type RunResult } from './simulation.ts'
import type { Cluster } from './cluster.ts'

export interface Difference {
  /** The first event that is not the same. */
  readonly event: number
  readonly first: string
  readonly second: string
}

interface Recorded {
  readonly result: RunResult
  readonly hashes: readonly string[]
  readonly names: readonly string[]
}

/** The result of the first run; `difference` is null when the second one was the same. */
export function runTwice(options: ClusterOptions): { result: RunResult; difference: Difference | null } {
  const result = new Simulation(options).run()
  const second = new Simulation(options).run()
  if (result.hash === second.hash && result.events === second.events) return { result, difference: null }
  return { result, difference: firstDifference(record(options), record(options)) }
}

function record(options: ClusterOptions): Recorded {
  const hashes: string[] = []
  const names: string[] = []
  let cluster: Cluster | null = null
  const observer: Observer = {
    stepped(host, cell, message) {
      hashes.push(cluster!.hash.text())
      names.push(`${host.name} ${cell.name} ${message.kind}`)
    },
  }
  const simulation = new Simulation(options, [observer])
  cluster = simulation.cluster
  return { result: simulation.run(), hashes, names }
}

function firstDifference(first: Recorded, second: Recorded): Difference {
  const length = Math.max(first.hashes.length, second.hashes.length)
  for (let event = 0; event < length; event++) {
    if (first.hashes[event] === second.hashes[event]) continue
    return { event, first: first.names[event] ?? 'the run is over', second: second.names[event] ?? 'the run is over' }
  }
  return { event: length, first: first.result.hash, second: second.result.hash }
}
