/** From a seed to a run of a pipeline: the cluster, the faults, the instances and the pace of its input. */
import { drawOptions, type DrawOptions } from '../cluster/draw.ts'
import type { FaultKind } from '../cluster/faults.ts'
import type { ClientOptions, ClusterOptions } from '../cluster/options.ts'
import { Random } from '../kernel/random.ts'
import { deadLetterTopic, pipelineOf, sinkTopics, sourceTopics, type Scenario } from './scenario.ts'

/** Disks that forget are for the brokers' own soak; here they would only cost time. */
export const pipelineFaults: readonly FaultKind[] = [
  'kill',
  'stop',
  'pause',
  'pause-client',
  'kill-client',
  'cut',
  'slow-link',
  'drop-connections',
  'elect',
]

const defaultPartitions = 2
/** Of the phase with faults, in seconds. */
const shortest = 10
const longest = 30

export function drawPipelineRun(seed: number, scenario: Scenario, given: DrawOptions = {}): ClusterOptions {
  const random = new Random(seed, 'pipeline')
  const topology = pipelineOf(scenario).topology()
  const deadLetters = deadLetterTopic(scenario)
  const named = [...sourceTopics(topology), ...sinkTopics(topology), ...Object.keys(scenario.partitions ?? {})]
  const names = [...new Set(deadLetters === null ? named : [...named, deadLetters])]
  const brokers = given.brokers ?? random.pick([1, 3, 3])
  const topics = names.map((name) => ({
    name,
    partitions: scenario.partitions?.[name] ?? defaultPartitions,
    // Event time may be long ago, and nothing may expire before it is judged.
    configs: { 'retention.ms': '-1', 'min.insync.replicas': String(Math.min(2, brokers)) },
  }))
  return drawOptions(seed, {
    faults: given.faults ?? pipelineFaults,
    safetyMs: given.safetyMs ?? random.between(shortest, longest) * 1000,
    safeguards: given.safeguards,
    brokers,
    clients: drawClients(random, scenario.instances ?? 2),
    topics,
  })
}

function drawClients(random: Random, instances: number): ClientOptions[] {
  const clients: ClientOptions[] = [
    { role: 'feeder', everyMs: random.between(20, 400), properties: clientProperties(random) },
  ]
  for (let index = 0; index < instances; index++) {
    const properties = {
      ...clientProperties(random),
      'commit.interval.ms': random.pick([20, 100, 500, 2000]),
      'session.timeout.ms': random.between(60, 120) * 100,
      'heartbeat.interval.ms': random.between(5, 20) * 100,
      'max.poll.interval.ms': random.between(60, 200) * 100,
      'max.poll.records': random.pick([1, 5, 500]),
      'fetch.max.wait.ms': random.between(50, 500),
    }
    clients.push({ role: 'pipeline', everyMs: 0, properties })
  }
  return clients
}

function clientProperties(random: Random): Record<string, unknown> {
  const requestMs = random.between(8, 50) * 100
  return {
    'request.timeout.ms': requestMs,
    'delivery.timeout.ms': requestMs * random.between(2, 6),
    'transaction.timeout.ms': random.between(50, 150) * 100,
    'linger.ms': random.pick([0, 0, 5, 20]),
    'retry.backoff.ms': random.between(10, 200),
    'max.block.ms': requestMs * 4,
    'default.api.timeout.ms': requestMs * 4,
  }
}
