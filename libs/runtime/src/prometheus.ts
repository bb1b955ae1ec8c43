/**
 * Metrics as Prometheus text, under the names that Kafka's JMX exporter rules give (`kafka-2_0_0.yml`), so that
 * dashboards made for Kafka show something; what has no counterpart there is `troupe_…`.
 */
import { apiByKey } from '@troupe/wire/apis'
import { trafficMetrics } from './prometheus-traffic.ts'
import type { ClusterStatus } from './cluster-status.ts'
import type { BrokerMetrics } from './control.ts'

export type Labels = Readonly<Record<string, string | number>>
export type Sample = readonly [Labels, number]

/** What each worker counts itself: name, type, help, and the figure it is. */
const workerMetrics: readonly (readonly [string, 'counter' | 'gauge', string, (broker: BrokerMetrics) => number])[] = [
  ['kafka_server_socket_server_metrics_connection_count', 'gauge', 'Open connections.', (b) => b.connections],
  [
    'kafka_server_socket_server_metrics_connection_creation_total',
    'counter',
    'Connections accepted.',
    (b) => b.connectionsAccepted,
  ],
  ['kafka_server_socket_server_metrics_incoming_byte_total', 'counter', 'Bytes read from clients.', (b) => b.bytesIn],
  ['kafka_server_socket_server_metrics_outgoing_byte_total', 'counter', 'Bytes written to clients.', (b) => b.bytesOut],
  ['kafka_server_replicamanager_isrshrinks_total', 'counter', 'Shrinks of the ISR proposed.', (b) => b.isrShrinks],
  ['kafka_server_replicamanager_isrexpands_total', 'counter', 'Expansions of the ISR proposed.', (b) => b.isrExpands],
  ['troupe_actors', 'gauge', 'Actors that live.', (b) => b.actors],
  ['troupe_actor_restarts_total', 'counter', 'Restarts of the actors that live.', (b) => b.actorRestarts],
  ['troupe_actor_messages_total', 'counter', 'Messages processed by actors.', (b) => b.messages],
  ['troupe_actor_timers', 'gauge', 'Timers set.', (b) => b.timers],
  ['troupe_actor_questions_open', 'gauge', 'Questions that actors have not answered yet.', (b) => b.owed],
  ['troupe_bus_batches_total', 'counter', 'Batches sent to other brokers.', (b) => b.busBatches],
  ['troupe_bus_messages_total', 'counter', 'Messages sent to other brokers.', (b) => b.busMessages],
  ['troupe_bus_payload_bytes_total', 'counter', 'Payload bytes sent to other brokers.', (b) => b.busPayloadBytes],
  [
    'troupe_bus_copied_payloads_total',
    'counter',
    'Payloads that found no room in shared memory.',
    (b) => b.busCopiedPayloads,
  ],
  ['troupe_worker_heap_bytes', 'gauge', 'JavaScript heap in use.', (b) => b.heapUsedBytes],
  [
    'troupe_worker_event_loop_utilization',
    'gauge',
    'Part of the time that the event loop was busy.',
    (b) => b.eventLoopUtilization,
  ],
]

export function renderMetrics(status: ClusterStatus, brokers: readonly BrokerMetrics[], residentBytes: number): string {
  const text: string[] = []
  const metric = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): void => {
    if (samples.length === 0) return
    text.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of samples) text.push(`${name}${renderLabels(labels)} ${value}`)
  }
  const each = (value: (broker: BrokerMetrics) => number): Sample[] =>
    brokers.map((broker) => [{ broker: broker.id }, value(broker)])

  const requests = brokers.flatMap((broker) =>
    broker.requests.map(([key, count]): Sample => [
      { broker: broker.id, request: apiByKey(key)?.name ?? `key-${key}` },
      count,
    ]),
  )
  metric('kafka_network_requestmetrics_requests_total', 'counter', 'Requests received.', requests)
  trafficMetrics(brokers, metric)
  replicaMetrics(status, metric)
  controllerMetrics(status, metric)
  for (const [name, type, help, value] of workerMetrics) metric(name, type, help, each(value))
  metric(
    'troupe_worker_starts_total',
    'counter',
    'Starts of the worker.',
    status.brokers.map((b) => [{ broker: b.id }, b.starts]),
  )
  metric('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', [[{}, residentBytes]])
  return `${text.join('\n')}\n`
}

export type AddMetric = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]) => void

function replicaMetrics({ brokers, partitions }: ClusterStatus, metric: AddMetric): void {
  const count = (holds: (partition: ClusterStatus['partitions'][number], broker: number) => boolean): Sample[] =>
    brokers.map(({ id }) => [{ broker: id }, partitions.filter((partition) => holds(partition, id)).length])
  const name = 'kafka_server_replicamanager'
  metric(
    `${name}_partitioncount`,
    'gauge',
    'Replicas on the broker.',
    count(({ replicas }, id) => replicas.includes(id)),
  )
  metric(
    `${name}_leadercount`,
    'gauge',
    'Partitions that the broker leads.',
    count(({ leader }, id) => leader === id),
  )
  metric(
    `${name}_underreplicatedpartitions`,
    'gauge',
    'Partitions led by the broker that have replicas out of sync.',
    count(({ leader, isr, replicas }, id) => leader === id && isr.length < replicas.length),
  )
  const logs = partitions.flatMap(({ topic, partition, logs }) =>
    logs.map((log) => ({ labels: { broker: log.broker, topic, partition }, log })),
  )
  const ofLog = (value: (log: (typeof logs)[number]['log']) => number): Sample[] =>
    logs.map(({ labels, log }) => [labels, value(log)])
  metric(
    'kafka_log_log_logendoffset',
    'gauge',
    'Log end offset.',
    ofLog(({ logEndOffset }) => logEndOffset),
  )
  metric(
    'kafka_log_log_logstartoffset',
    'gauge',
    'Log start offset.',
    ofLog(({ logStartOffset }) => logStartOffset),
  )
  metric(
    'kafka_log_log_size',
    'gauge',
    'Bytes in the log.',
    ofLog(({ sizeInBytes }) => sizeInBytes),
  )
}

function controllerMetrics({ brokers, partitions, controllerId }: ClusterStatus, metric: AddMetric): void {
  const name = 'kafka_controller_kafkacontroller'
  const topics = new Set(partitions.map(({ topic }) => topic))
  const offline = partitions.filter(({ leader }) => leader < 0).length
  metric(
    `${name}_activecontrollercount`,
    'gauge',
    '1 for the active controller.',
    brokers.map(({ id }) => [{ broker: id }, id === controllerId ? 1 : 0]),
  )
  metric(`${name}_offlinepartitionscount`, 'gauge', 'Partitions without a leader.', [[{}, offline]])
  metric(`${name}_globaltopiccount`, 'gauge', 'Topics.', [[{}, topics.size]])
  metric(`${name}_globalpartitioncount`, 'gauge', 'Partitions.', [[{}, partitions.length]])
  metric(`${name}_activebrokercount`, 'gauge', 'Unfenced brokers.', [
    [{}, brokers.filter(({ fenced }) => !fenced).length],
  ])
  metric(`${name}_fencedbrokercount`, 'gauge', 'Fenced brokers.', [[{}, brokers.filter(({ fenced }) => fenced).length]])
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${String(value).replace(/[\\"\n]/g, escapeLabel)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(char: string): string {
  return char === '\n' ? '\\n' : `\\${char}`
}
