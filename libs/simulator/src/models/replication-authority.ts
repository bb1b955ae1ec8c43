/**
 * The controller of the replication model: the production decisions (AlterPartition, elections, fencing, registration,
 * reassignment) over the production metadata image, with a metadata log that commits at once. It tells each broker of the
 * partition in the production `partition` message, one per version; how far a broker lags behind is the network's choice.
 */
import { actorNames, type ActorDefinition, type Env, type Message, type Outbox, type Safeguards } from '@troupe/actor'
import type { BrokerConfig } from '@troupe/config'
import { alterPartition } from '@troupe/controller/controller/alter-partition'
import { registerBroker } from '@troupe/controller/controller/brokers'
import { ELR_FEATURE, isActive } from '@troupe/controller/controller/cluster'
import { noConfigs, type ControllerState, type DecideEnv } from '@troupe/controller/controller/decision'
import { supportedFeatures } from '@troupe/controller/controller/features'
import { fenceBroker, unfenceBroker } from '@troupe/controller/controller/leadership'
import { changePartition, type PartitionTarget } from '@troupe/controller/controller/partition-change'
import { alterReassignments } from '@troupe/controller/controller/reassignments'
import { MetadataImage } from '@troupe/controller/image'
import type { PartitionImage, TopicImage } from '@troupe/controller/image/types'
import type { ControllerRequest } from '@troupe/controller/messages'
import type { KnownRecord } from '@troupe/controller/records'
import type { PartitionUpdate, ReplicaConfig } from '@troupe/replication/messages'
import type { AlterPartitionRequest } from '@troupe/wire/messages'

export const AUTHORITY = 50
export const TOPIC = 'events'
export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const CLUSTER = 'cluster'

export interface AuthorityArgs {
  readonly brokers: readonly number[]
  /** At first. */
  readonly isr: readonly number[]
  readonly elr: boolean
  readonly config: BrokerConfig
  readonly replicaConfig: ReplicaConfig
}

export interface AuthorityState {
  readonly args: AuthorityArgs
  /** Never changed: a change makes another one. */
  image: MetadataImage
  /** Registrations so far, by broker. */
  readonly lives: Record<number, number>
  /** The last AlterPartition that changed something: what it was meant for, what it met (K7). */
  applied: { readonly named: number; readonly before: number } | null
}

/** What happens to brokers and partition beside AlterPartition. */
export type Verb =
  | { readonly kind: 'elect'; readonly broker: number }
  | { readonly kind: 'fence'; readonly broker: number; readonly successor: number }
  | { readonly kind: 'unfence'; readonly broker: number }
  | { readonly kind: 'register'; readonly broker: number; readonly isClean: boolean; readonly directory: string }
  | { readonly kind: 'reassign'; readonly replicas: readonly number[] }
  | { readonly kind: 'publish' }

type AuthorityMessage = Verb | ControllerRequest<'AlterPartition', AlterPartitionRequest>

export function partitionOf(image: MetadataImage): PartitionImage {
  return image.topicById(TOPIC_ID)!.partitions[0]!
}

/** Shares the views, which are replaced and never changed. */
function successorOf(image: MetadataImage): MetadataImage {
  const next = new MetadataImage(CLUSTER)
  for (const [id, broker] of image.brokers) next.brokers.set(id, broker)
  for (const topic of image.topicsById.values()) {
    const copy: TopicImage = { ...topic, partitions: topic.partitions.slice() }
    next.topicsById.set(topic.id, copy)
    next.topicsByName.set(topic.name, copy)
  }
  for (const [name, level] of image.features) next.features.set(name, level)
  return next
}

const caches = new WeakMap<AuthorityArgs, ControllerState['configs']>()

function configsOf(args: AuthorityArgs): ControllerState['configs'] {
  let found = caches.get(args)
  if (found === undefined) caches.set(args, (found = noConfigs()))
  return found
}

interface Io {
  readonly state: AuthorityState
  readonly env: Env
}

function controllerOf({ state }: Io): ControllerState {
  return { image: state.image, sessions: new Map(), configs: configsOf(state.args) }
}

function decideEnv({ state, env }: Io, nextOffset = 0): DecideEnv {
  const { safeguards } = env
  return { now: env.now, random: () => 0, safeguards: safeguards as Safeguards, config: state.args.config, nextOffset }
}

function write({ state }: Io, records: readonly KnownRecord[]): void {
  if (records.length === 0) return
  state.image = successorOf(state.image)
  state.image.apply(records, 0, 0, 0)
}

const eligibles = new WeakMap<MetadataImage, ReadonlyMap<number, number>>()

function eligibleOf(image: MetadataImage): ReadonlyMap<number, number> {
  let found = eligibles.get(image)
  if (found === undefined) {
    const active = [...image.brokers.values()].filter((broker) => !broker.fenced && !broker.inControlledShutdown)
    eligibles.set(image, (found = new Map(active.map(({ id, epoch }) => [id, epoch]))))
  }
  return found
}

function publish({ state }: Io, out: Outbox): void {
  const { image, args } = state
  const view = partitionOf(image)
  for (const broker of args.brokers) {
    const update: PartitionUpdate = {
      kind: 'partition',
      view,
      config: args.replicaConfig,
      eligibleBrokers: eligibleOf(image),
      brokerEpoch: image.brokers.get(broker)!.epoch,
    }
    out.send({ broker, actor: actorNames.replica(TOPIC_ID, 0) }, update)
  }
}

function register(io: Io, broker: number, isClean: boolean, directory: string): void {
  const { state } = io
  const life = (state.lives[broker] = (state.lives[broker] ?? 0) + 1)
  const previousBrokerEpoch = isClean ? (state.image.brokers.get(broker)?.epoch ?? -1) : -1
  const body = {
    brokerId: broker,
    clusterId: CLUSTER,
    incarnationId: `life-${life}`,
    listeners: [],
    features: [...supportedFeatures].map(([name, { min, max }]) => ({
      name,
      minSupportedVersion: min,
      maxSupportedVersion: max,
    })),
    rack: null,
    isMigratingZkBroker: false,
    logDirs: [directory],
    previousBrokerEpoch,
  }
  write(io, registerBroker(controllerOf(io), body, decideEnv(io, 100 * life)).records)
  write(io, unfenceBroker(controllerOf(io), decideEnv(io), broker))
}

/** Only whom the model wants is acceptable: which of several is elected first is not ours to fix. */
function elect(io: Io, target: PartitionTarget): void {
  const record = changePartition(controllerOf(io), decideEnv(io), topicOf(io), partitionOf(io.state.image), target)
  if (record !== null) write(io, [record])
}

const topicOf = ({ state }: Io): TopicImage => state.image.topicById(TOPIC_ID)!

function fence(io: Io, broker: number, successor: number): void {
  const controller = controllerOf(io)
  const { isr, leader } = partitionOf(io.state.image)
  const rest = isr.filter((id) => id !== broker)
  if (rest.length > 1 && leader === broker) {
    elect(io, { isr: rest, isAcceptable: (id) => id === successor && isActive(controller, id) })
  }
  write(io, fenceBroker(controllerOf(io), decideEnv(io), broker))
}

function alter(
  io: Io,
  { body, replyTo }: ControllerRequest<'AlterPartition', AlterPartitionRequest>,
  out: Outbox,
): void {
  const { partitionEpoch: before } = partitionOf(io.state.image)
  const { records, response } = alterPartition(controllerOf(io), body, decideEnv(io))
  if (records.length > 0) {
    write(io, records)
    io.state.applied = { named: body.topics[0]!.partitions[0]!.partitionEpoch, before }
    publish(io, out)
  }
  out.reply(replyTo, response)
}

function first(args: AuthorityArgs): readonly KnownRecord[] {
  const { brokers, elr } = args
  const feature: KnownRecord[] = elr
    ? [{ type: 'FeatureLevelRecord', value: { name: ELR_FEATURE, featureLevel: 1 } }]
    : []
  const partition = {
    partitionId: 0,
    topicId: TOPIC_ID,
    replicas: [...brokers],
    isr: [...args.isr],
    removingReplicas: [],
    addingReplicas: [],
    leader: brokers[0]!,
    leaderEpoch: 0,
    partitionEpoch: 0,
  }
  return [
    ...feature,
    { type: 'TopicRecord', value: { name: TOPIC, topicId: TOPIC_ID } },
    { type: 'PartitionRecord', value: partition },
  ]
}

export const directoryOf = (broker: number): string => `directory-of-${broker}`

export const authority: ActorDefinition<AuthorityState, AuthorityMessage, Env, AuthorityArgs> = {
  kind: 'authority',
  start(args, env) {
    const state: AuthorityState = { args, image: new MetadataImage(CLUSTER), lives: {}, applied: null }
    const io = { state, env }
    for (const broker of args.brokers) register(io, broker, true, directoryOf(broker))
    write(io, first(args))
    return state
  },
  step(state, message, env, out) {
    const io = { state, env }
    switch (message.kind) {
      case 'controllerRequest':
        return alter(io, message, out)
      case 'elect':
        elect(io, { isAcceptable: (id) => id === message.broker && isActive(controllerOf(io), id) })
        break
      case 'fence':
        fence(io, message.broker, message.successor)
        break
      case 'unfence':
        write(io, unfenceBroker(controllerOf(io), decideEnv(io), message.broker))
        break
      case 'register':
        register(io, message.broker, message.isClean, message.directory)
        break
      case 'reassign': {
        const partitions = [{ partitionIndex: 0, replicas: [...message.replicas] }]
        const request = { timeoutMs: 0, allowReplicationFactorChange: true, topics: [{ name: TOPIC, partitions }] }
        write(io, alterReassignments(controllerOf(io), request, decideEnv(io)).records)
        break
      }
    }
    publish(io, out)
  },
}

/** Carries a broker's requests to the controller, as its own `controller` actor does. */
export const forwarder: ActorDefinition<null, Message> = {
  kind: 'forwarder',
  start: () => null,
  step(_state, message, _env, out) {
    if (message.kind === 'controllerRequest') out.send({ broker: AUTHORITY, actor: actorNames.controller }, message)
  },
}
