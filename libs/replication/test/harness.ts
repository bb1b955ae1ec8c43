/** What the tests share: Kafka's defaults, a log directory in memory, an outbox that remembers, batches, randomness. */
import { allSafeguards, type ClusterView, type Effect, type Outbox, type Safeguards } from '@troupe/actor'
import { resolveBrokerConfig, resolveTopicConfig } from '@troupe/config'
import { LogDirectory } from '@troupe/log/log-directory'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { buildBatch } from '@troupe/wire/record-batch'
import type { ReplicaArgs, ReplicaConfig } from '../src/messages.ts'
import type { ReplicaEnv } from '../src/state.ts'

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

export function replicaConfig(overrides: Readonly<Record<string, string>> = {}): ReplicaConfig {
  const { config } = resolveBrokerConfig(new Map(Object.entries(overrides)))
  const topic = resolveTopicConfig(config, new Map(Object.entries(overrides)))
  return {
    log: {
      ...topic,
      'producer.id.expiration.ms': config['producer.id.expiration.ms'],
    } as unknown as ReplicaConfig['log'],
    'min.insync.replicas': topic['min.insync.replicas'],
    'unclean.leader.election.enable': topic['unclean.leader.election.enable'],
    'replica.lag.time.max.ms': config['replica.lag.time.max.ms'],
    'replica.fetch.wait.max.ms': config['replica.fetch.wait.max.ms'],
    'replica.fetch.max.bytes': config['replica.fetch.max.bytes'],
    'replica.fetch.backoff.ms': config['replica.fetch.backoff.ms'],
  }
}

export function replicaArgs(overrides?: Readonly<Record<string, string>>): ReplicaArgs {
  return { topic: 'events', topicId: TOPIC_ID, partition: 0, config: replicaConfig(overrides) }
}

export function openDirectory(fs: MemoryFileSystem, broker: number, safeguards?: Safeguards): LogDirectory {
  return LogDirectory.open(
    fs,
    '/data',
    {
      clusterId: 'test',
      nodeId: broker,
      directoryId: `directory-of-broker-${broker}`,
    },
    { safeguards },
  )
}

export type TestEnv = { -readonly [Key in keyof ReplicaEnv]: ReplicaEnv[Key] }

export function testEnv(
  broker: number,
  logs: ReplicaEnv['logs'],
  options: {
    safeguards?: Partial<Safeguards>
    properties?: Readonly<Record<string, string>>
    random?: () => number
  } = {},
): TestEnv {
  return {
    self: { broker, actor: `replica:${TOPIC_ID}:0` },
    now: 0,
    random: options.random ?? (() => 0),
    safeguards: { ...allSafeguards, ...options.safeguards },
    logs,
    // A replica reads nothing of the cluster beyond what its updates say.
    cluster: {} as ClusterView,
    config: resolveBrokerConfig(new Map(Object.entries(options.properties ?? {}))).config,
  }
}

export class Recorder implements Outbox {
  effects: Effect[] = []
  send: Outbox['send'] = (to, message) => void this.effects.push({ kind: 'send', to, message })
  reply: Outbox['reply'] = (token, body) => void this.effects.push({ kind: 'reply', token, body })
  setTimer: Outbox['setTimer'] = (name, at, message) => void this.effects.push({ kind: 'setTimer', name, at, message })
  cancelTimer: Outbox['cancelTimer'] = (name) => void this.effects.push({ kind: 'cancelTimer', name })
  spawn: Outbox['spawn'] = (name, actorKind, args) => void this.effects.push({ kind: 'spawn', name, actorKind, args })
  stop: Outbox['stop'] = (name) => void this.effects.push({ kind: 'stop', name })
  trace: Outbox['trace'] = (event, fields) => void this.effects.push({ kind: 'trace', event, fields })
  take(): Effect[] {
    const { effects } = this
    this.effects = []
    return effects
  }
}

export interface BatchOptions {
  values: readonly string[]
  key?: string
  timestamp?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  /** As a leader has stamped it. */
  baseOffset?: number
  leaderEpoch?: number
}

export function batch({ values, key, timestamp = 1000, leaderEpoch, ...rest }: BatchOptions): Uint8Array {
  return buildBatch({
    ...rest,
    ...(leaderEpoch === undefined ? {} : { partitionLeaderEpoch: leaderEpoch }),
    records: values.map((value) => ({ key: key === undefined ? null : bytes(key), value: bytes(value), timestamp })),
  })
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A small seeded generator (mulberry32): a seed alone replays a run. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
