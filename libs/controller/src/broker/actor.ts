/**
 * The `broker` actor: keeps the metadata image of this broker, runs what the metadata assigns to it (publisher.ts), and
 * lives its life towards the controller (lifecycle.ts).
 */
import { actorNames, type ActorDefinition, type Message, type Outbox, type Reply } from '@troupe/actor'
import { emptyDelta, touchPartition, type MetadataDelta } from '../image/delta.ts'
import { become, diffImages } from '../image/diff.ts'
import { MetadataImage } from '../image/image.ts'
import type {
  AwaitReady,
  BeginShutdown,
  DirectoryFailed,
  MetadataCommitted,
  MetadataSubscribe,
  QuorumLeader,
  RefreshPartition,
} from '../messages.ts'
import {
  onAwaitReady,
  onBeginShutdown,
  onControllerAnswer,
  onDirectoryFailed,
  onLifecycleTimer,
  onMetadataApplied,
  register,
  type LifecycleTimer,
} from './lifecycle.ts'
import { publish, removeStrays, tell } from './publisher.ts'
import { localKey, type BrokerEnv, type BrokerIo, type BrokerState } from './state.ts'

export type BrokerMessage =
  | MetadataCommitted
  | QuorumLeader
  | BeginShutdown
  | AwaitReady
  | RefreshPartition
  | DirectoryFailed
  | LifecycleTimer
  | Reply

function start(_args: unknown, env: BrokerEnv, out: Outbox): BrokerState {
  const state: BrokerState = {
    phase: 'starting',
    brokerEpoch: -1,
    askedId: 0,
    nextId: 1,
    lastAnswerMs: env.now,
    ready: [],
    stopping: [],
    failure: null,
    isKnown: false,
    local: new Map(),
    shadow: null,
    straysRemoved: false,
    config: null,
    topicConfigs: new Map(),
    eligible: null,
    seenAlive: new Set(),
  }
  const io: BrokerIo = { state, env, out }
  // After a crash of this actor the image is still there and the replicas still run: take them up again.
  publishAll(io)
  // Whichever of them this did not start will mean it when it asks.
  for (const replica of state.local.values()) replica.isNew = false
  const subscribe: MetadataSubscribe = { kind: 'metadataSubscribe' }
  out.send({ broker: env.self.broker, actor: actorNames.controller }, subscribe)
  register(io)
  return state
}

/**
 * What the metadata said before it came to the registration of this life was said of an earlier one: a broker that acted
 * on it could lead, in an epoch that is over, with a log that has lost its end, and its followers would cut theirs.
 * Source: Kafka's BrokerServer installs its publishers after the initial catch-up.
 */
function publishAll(io: BrokerIo): void {
  const { state, env } = io
  state.isKnown = env.image.brokers.get(env.self.broker)?.incarnationId === env.incarnationId
  if (state.isKnown) publish(io, everything(env.image))
}

function everything(image: MetadataImage): MetadataDelta {
  const delta = emptyDelta()
  for (const { id, partitions } of image.topics()) partitions.forEach((_, index) => touchPartition(delta, id, index))
  for (const id of image.brokers.keys()) delta.brokers.add(id)
  return delta
}

function step(state: BrokerState, message: BrokerMessage, env: BrokerEnv, out: Outbox): void {
  const io: BrokerIo = { state, env, out }
  switch (message.kind) {
    case 'metadataCommitted':
      return onMetadataCommitted(io, message)
    case 'quorumLeader':
      env.image.controllerId = message.leader
      return
    case 'beginShutdown':
      return onBeginShutdown(io, message.replyTo)
    case 'awaitReady':
      return onAwaitReady(io, message.replyTo)
    case 'refreshPartition':
      return onRefreshPartition(io, message)
    case 'directoryFailed':
      return onDirectoryFailed(io, message.reason)
    case 'lifecycleTimer':
      return onLifecycleTimer(io)
    case 'reply':
      onControllerAnswer(io, message.id, message.body)
      return removeStrays(io)
    default:
      return unknown(message)
  }
}

function unknown(message: never): void {
  throw new TypeError(`the broker actor knows no message ${(message as Message).kind}`)
}

function onMetadataCommitted(io: BrokerIo, message: MetadataCommitted): void {
  const { state, env } = io
  const delta = message.snapshot || state.shadow ? catchUpShadow(io, message) : applyNext(io, message)
  if (!delta) return
  if (state.isKnown) publish(io, delta)
  else publishAll(io)
  const othersStop = [...delta.brokers].some(
    (id) => id !== env.self.broker && env.image.brokers.get(id)?.inControlledShutdown,
  )
  onMetadataApplied(io, othersStop)
  removeStrays(io)
}

function applyNext({ env }: BrokerIo, { records, offset, epoch, timestamp }: MetadataCommitted): MetadataDelta | null {
  if (offset <= env.image.offset) return null
  return env.image.apply(records, offset, epoch, timestamp)
}

/**
 * A snapshot starts an image of its own, which replaces ours only when it is no older: going back in time would delete
 * replicas that the later records create.
 */
function catchUpShadow({ state, env }: BrokerIo, message: MetadataCommitted): MetadataDelta | null {
  if (message.snapshot) state.shadow = new MetadataImage(env.image.clusterId)
  const shadow = state.shadow!
  const { records, offset, epoch, timestamp } = message
  if (offset > shadow.offset) shadow.apply(records, offset, epoch, timestamp)
  if (shadow.offset < env.image.offset) return null
  const delta = diffImages(env.image, shadow)
  become(env.image, shadow)
  state.shadow = null
  return delta
}

function onRefreshPartition(io: BrokerIo, { topicId, partition }: RefreshPartition): void {
  const replica = io.state.local.get(localKey(topicId, partition))
  if (!replica) return
  const isTold = replica.isNew
  replica.isNew = false
  if (isTold) return
  replica.electedEpoch = -1
  tell(io, replica)
}

export const brokerActor: ActorDefinition<BrokerState, BrokerMessage, BrokerEnv> = { kind: 'broker', start, step }
