/** The part of the metrics that counts traffic: topics, times of requests, groups. */
import { timeBoundsMs } from '@troupe/broker/traffic'
import { apiByKey } from '@troupe/wire/apis'
import type { BrokerMetrics, TrafficDescription } from './control.ts'
import type { AddMetric, Sample } from './prometheus.ts'

const quantiles = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999] as const

export function trafficMetrics(brokers: readonly BrokerMetrics[], metric: AddMetric): void {
  const perTopic = (value: (topic: TrafficDescription['topics'][number]) => number): Sample[] =>
    brokers.flatMap(({ id, traffic }) =>
      traffic.topics.map((topic): Sample => [{ broker: id, topic: topic.topic }, value(topic)]),
    )
  const topics = 'kafka_server_brokertopicmetrics'
  metric(
    `${topics}_messagesin_total`,
    'counter',
    'Records that producers have written.',
    perTopic((t) => t.messagesIn),
  )
  metric(
    `${topics}_bytesin_total`,
    'counter',
    'Bytes that producers have written.',
    perTopic((t) => t.bytesIn),
  )
  metric(
    `${topics}_bytesout_total`,
    'counter',
    'Bytes that consumers have fetched.',
    perTopic((t) => t.bytesOut),
  )
  requestTimes(brokers, metric)
  groupMetrics(brokers, metric)
}

function requestTimes(brokers: readonly BrokerMetrics[], metric: AddMetric): void {
  const times = brokers.flatMap(({ id, traffic }) =>
    traffic.requestTimes.map(({ apiKey, totalMs, counts }) => ({
      labels: { broker: id, request: apiByKey(apiKey)?.name ?? `key-${apiKey}` },
      totalMs,
      counts,
    })),
  )
  const name = 'kafka_network_requestmetrics_totaltimems'
  metric(
    name,
    'gauge',
    'Milliseconds from a request to its answer: the upper bound of the slot that holds the quantile.',
    times.flatMap(({ labels, counts }) =>
      quantiles.map((quantile): Sample => [{ ...labels, quantile }, quantileOf(counts, quantile)]),
    ),
  )
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  metric(
    `${name}_count`,
    'counter',
    'Requests answered.',
    times.map(({ labels, counts }) => [labels, sum(counts)]),
  )
  metric(
    `${name}_sum`,
    'counter',
    'Milliseconds of all of them.',
    times.map(({ labels, totalMs }) => [labels, totalMs]),
  )
}

function quantileOf(counts: readonly number[], quantile: number): number {
  const wanted = Math.ceil(counts.reduce((sum, count) => sum + count, 0) * quantile)
  let seen = 0
  for (let slot = 0; slot < timeBoundsMs.length; slot++) {
    seen += counts[slot]!
    if (seen >= wanted) return timeBoundsMs[slot]!
  }
  return Infinity
}

const groupStates = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead', 'Empty'] as const

function groupMetrics(brokers: readonly BrokerMetrics[], metric: AddMetric): void {
  const name = 'kafka_coordinator_group_groupmetadatamanager_numgroups'
  const all = (states: Readonly<Record<string, number>>): number => Object.values(states).reduce((a, b) => a + b, 0)
  metric(
    name,
    'gauge',
    'Groups that the broker coordinates.',
    brokers.map((b) => [{ broker: b.id }, all(b.groupStates)]),
  )
  for (const state of groupStates) {
    const samples = brokers.map((b): Sample => [{ broker: b.id }, b.groupStates[state] ?? 0])
    metric(`${name}${state.toLowerCase()}`, 'gauge', `Groups in the state ${state}.`, samples)
  }
}
