/**
 * The `controller` actor: a member of the metadata quorum (raft/), and the active controller while it leads (controller/).
 *
 * Every step ends the same way (`settle`): what was committed is applied and published to the local `broker` actor, a
 * leader whose epoch has begun to commit becomes the active controller, one that lost leadership drops its speculative
 * state, and held responses go out. Source: Kafka's KafkaRaftClient with QuorumController as its listener.
 */
import { actorNames, type ActorDefinition, type Message, type Outbox, type Reply } from '@troupe/actor'
import { catchUp, rebuild, republish } from './actor-apply.ts'
import {
  activate,
  deactivate,
  onBrokerDown,
  onControllerTimer,
  onRequest,
  releaseHeld,
  releaseWaiting,
  type ControllerTimer,
} from './actor-requests.ts'
import { raftConfig, type ControllerActor, type ControllerEnv, type ControllerIo } from './actor-state.ts'
import { noConfigs } from './controller/decision.ts'
import { MetadataImage } from './image/image.ts'
import type { BrokerDown, ControllerRequest, MetadataSubscribe, QuorumLeader, ResignLeadership } from './messages.ts'
import { checkRaft, RaftInvariant } from './raft/state.ts'
import {
  isRaftMessage,
  onMemberDown,
  onRaftReply,
  resignLeadership,
  startRaft,
  stepRaft,
  type RaftMessage,
} from './raft/step.ts'

export type ControllerMessage =
  | RaftMessage
  | ControllerRequest
  | ControllerTimer
  | BrokerDown
  | MetadataSubscribe
  | ResignLeadership
  | Reply

function start(_args: unknown, env: ControllerEnv, out: Outbox): ControllerActor {
  const raft = startRaft(raftConfig(env), env.quorum, env, out)
  const actor: ControllerActor = {
    raft,
    controller: { image: new MetadataImage(env.quorum.clusterId), sessions: new Map(), configs: noConfigs() },
    applied: 0,
    published: 0,
    active: false,
    held: [],
    waiting: [],
    down: new Map(),
    announced: { leader: -2, epoch: -1 },
    installs: raft.installs,
    bytesSinceSnapshot: 0,
    lastSnapshotMs: env.now,
  }
  const io: ControllerIo = { actor, env, out }
  republish(io)
  rebuild(io)
  settle(io)
  return actor
}

function step(actor: ControllerActor, message: ControllerMessage, env: ControllerEnv, out: Outbox): void {
  const io: ControllerIo = { actor, env, out }
  dispatch(io, message)
  settle(io)
}

function dispatch(io: ControllerIo, message: Message): void {
  const { actor, env, out } = io
  if (isRaftMessage(message)) return stepRaft(actor.raft, message, env, out)
  switch (message.kind) {
    case 'reply':
      onRaftReply(actor.raft, message as Reply, env, out)
      return
    case 'controllerRequest':
      return onRequest(io, message as ControllerRequest)
    case 'controllerTimer':
      return onControllerTimer(io, (message as ControllerTimer).timer)
    case 'brokerDown':
      onMemberDown(actor.raft, (message as BrokerDown).broker, env, out)
      return onBrokerDown(io, message as BrokerDown)
    case 'metadataSubscribe':
      actor.announced = { leader: -2, epoch: -1 }
      return republish(io)
    case 'resignLeadership':
      return resignLeadership(actor.raft, env, out)
  }
}

function settle(io: ControllerIo): void {
  const { actor } = io
  const { raft } = actor
  if (actor.active && raft.phase !== 'leader') {
    deactivate(io)
    rebuild(io)
  }
  catchUp(io)
  // Everything this epoch inherited is committed with its LeaderChange record, and nothing has been written since.
  if (!actor.active && raft.phase === 'leader' && raft.highWatermark > raft.leadership!.epochStartOffset) activate(io)
  releaseHeld(io)
  announce(io)
  releaseWaiting(io)
}

function announce({ actor, env, out }: ControllerIo): void {
  const { leaderId: leader, epoch } = actor.raft
  if (actor.announced.leader === leader && actor.announced.epoch === epoch) return
  actor.announced = { leader, epoch }
  const message: QuorumLeader = { kind: 'quorumLeader', leader, epoch }
  out.send({ broker: env.self.broker, actor: actorNames.broker }, message)
}

function invariants({ raft, applied, published, active }: ControllerActor): void {
  checkRaft(raft)
  if (published > raft.highWatermark) throw new RaftInvariant('published what is not committed')
  if (!active && applied > raft.highWatermark) throw new RaftInvariant('a standby applied what is not committed')
  if (active && applied !== raft.store.endOffset)
    throw new RaftInvariant('the active controller has not applied its own log')
}

export const controllerActor: ActorDefinition<ControllerActor, ControllerMessage, ControllerEnv> = {
  kind: 'controller',
  start,
  step,
  stop: (_actor, env) => env.quorum.close(),
  invariants,
}
