/**
 * Before the first join: the sources have to be there, and the internal topics are made with as many partitions as the
 * sources ask for. Every thread of every process does this by itself; who comes second finds them made.
 *
 * Source: InternalTopicManager; KIP-662 says what a missing source is (Kafka Streams fails, here it is waited for).
 */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { NewTopic, TopicDescription } from '@troupe/client/admin/topics'
import type { AdminResult } from '@troupe/client/messages'
import { partitionCounts } from '../engine/partitions.ts'
import type { Topology } from '../topology.ts'
import { ask, failureOf, names } from './ask.ts'
import { fail } from './failing.ts'
import { internalTopicConfig } from './internal-topics.ts'
import { join } from './membership.ts'
import type { Step } from './state.ts'

export function advanceSetup(step: Step): void {
  const { state, env } = step
  const { setup } = state
  if (setup.done || setup.asked || env.now < setup.retryAt || state.closing !== null) return
  setup.asked = true
  const topics = [...sourceTopics(state.args.topology), ...wantedTopics(step)]
  ask(step, names.admin, { kind: 'adminCall', operation: 'describeTopics', args: { topics } }, { kind: 'metadata' })
}

/** Those that somebody else makes. */
function sourceTopics({ subtopologies, internalTopics }: Topology): string[] {
  const all = subtopologies.flatMap(({ sourceTopics: own, countedTopics }) => [...own, ...countedTopics])
  return [...new Set(all)].filter((topic) => !internalTopics.has(topic)).sort()
}

function wantedTopics({ state }: Step): string[] {
  const { topology } = state.args
  const deadLetters = state.config['errors.dead.letter.queue.topic.name']
  return [...topology.internalTopics.keys(), ...(deadLetters === null ? [] : [deadLetters])]
}

export function onMetadata(step: Step, result: AdminResult | null): void {
  const { state, out } = step
  state.setup.asked = false
  if (result === null) return later(step)
  const known = new Map<string, number>()
  for (const { key, error, value } of result.items) {
    if (error === KafkaError.NONE) known.set(key, (value as TopicDescription).partitions.length)
    else if (error === KafkaError.TOPIC_AUTHORIZATION_FAILED || error === KafkaError.INVALID_TOPIC_EXCEPTION)
      return fail(step, failureOf(errorName(error), `${key}: ${errorName(error)}`))
    // Not told whether it is there: nothing is made on a guess.
    else if (error !== KafkaError.UNKNOWN_TOPIC_OR_PARTITION) return later(step)
  }
  const missing = requiredTopics(step).filter((topic) => !known.has(topic))
  if (missing.length > 0) {
    out.trace('pipeline.waiting', { topics: missing })
    return later(step)
  }
  makeTopics(step, known)
}

/** What is only written to may come later; a topic that is counted must be there as well. */
function requiredTopics({ state }: Step): string[] {
  const { topology } = state.args
  const sources = topology.subtopologies.flatMap(({ sourceTopics: own }) => own)
  return [...new Set(sources)].filter((topic) => !topology.internalTopics.has(topic)).sort()
}

function makeTopics(step: Step, known: ReadonlyMap<string, number>): void {
  const { state } = step
  const { topology } = state.args
  let counts: ReadonlyMap<string, number>
  try {
    counts = partitionCounts(topology, (topic) => known.get(topic))
  } catch (error) {
    return fail(step, failureOf('TopologyException', (error as Error).message, { cause: error }))
  }
  for (const name of topology.internalTopics.keys()) {
    const [is, ought] = [known.get(name), counts.get(name)]
    if (is === undefined || is === ought) continue
    const message = `Existing internal topic ${name} has invalid partitions: expected: ${ought}; actual: ${is}`
    return fail(step, failureOf('StreamsException', message))
  }
  const missing = wantedTopics(step).filter((name) => !known.has(name))
  if (missing.length === 0) {
    state.counts = new Map([...known, ...counts])
    state.setup.done = true
    return join(step)
  }
  const topics = missing.map((name) => newTopic(step, name, counts.get(name) ?? 1))
  state.setup.asked = true
  ask(step, names.admin, { kind: 'adminCall', operation: 'createTopics', args: { topics } }, { kind: 'create' })
}

function newTopic({ state }: Step, name: string, partitions: number): NewTopic {
  const configs = internalTopicConfig(state.args.topology, name, state.config)
  return { name, partitions, replicationFactor: state.config['replication.factor'], configs }
}

/** Then it looks again: what was made, by whomever, must be what is needed. */
export function onCreated(step: Step, result: AdminResult | null): void {
  step.state.setup.asked = false
  const items = result?.items ?? []
  for (const { key: name, error, detail } of items) {
    const passes = error === KafkaError.NONE || error === KafkaError.TOPIC_ALREADY_EXISTS || isRetriable(error)
    // A cluster that has not found its brokers yet.
    if (passes || error === KafkaError.INVALID_REPLICATION_FACTOR) continue
    const message = `Could not create topic ${name}: ${errorName(error)}${detail === null ? '' : `: ${detail}`}`
    return fail(step, failureOf('StreamsException', message))
  }
  if (items.some(({ error }) => error !== KafkaError.NONE)) later(step)
}

function later({ state, env, out }: Step): void {
  const { setup } = state
  setup.asked = false
  const pause = Math.min(1000, state.config['retry.backoff.ms'] * 2 ** Math.min(setup.attempts++, 5))
  setup.retryAt = env.now + pause
  out.setTimer('wake', setup.retryAt, { kind: 'wake' })
}
