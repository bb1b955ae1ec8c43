/**
 * Everything that is said to the `controller` actor (Raft voter or observer of `__cluster_metadata`, and active
 * controller while it leads) and to the `broker` actor.
 *
 * Requests for the active controller may be sent to the local `controller` actor: one that does not lead
 * forwards them, and answers NOT_CONTROLLER when it knows no leader. Bodies of client-facing requests are the
 * wire messages themselves, decoded; so are the answers.
 *
 * | message           | to         | from                                  | answered with                            |
 * | ----------------- | ---------- | ------------------------------------- | ---------------------------------------- |
 * | controllerRequest | controller | front, broker, replicas, producer-ids | the API's response, or ControllerRefused |
 * | vote              | controller | a voter that stands for election      | VoteResponse                             |
 * | beginQuorumEpoch  | controller | the new leader of the quorum          | BeginQuorumEpochResponse                 |
 * | endQuorumEpoch    | controller | a leader that resigns                 | EndQuorumEpochResponse                   |
 * | brokerDown        | controller | the shell: a worker has crashed       | –                                        |
 * | metadataSubscribe | controller | the `broker` actor, when it starts    | – (metadataCommitted follow)             |
 * | resignLeadership  | controller | the `broker` actor, about to stop     | –                                        |
 * | metadataCommitted | broker     | the local controller                  | –                                        |
 * | quorumLeader      | broker     | the local controller                  | –                                        |
 * | beginShutdown     | broker     | the shell                             | {}, when the broker may stop             |
 * | awaitReady        | broker     | the shell                             | {}, when unfenced and caught up          |
 * | directoryFailed   | broker     | replicas, log-manager                 | –                                        |
 * | refreshPartition  | broker     | a replica that starts                 | –                                        |
 */
import type { Message, ReplyToken } from '@troupe/actor'
import type { ErrorCode } from '@troupe/wire/errors'
import type {
  AllocateProducerIdsRequest,
  AlterPartitionRequest,
  BeginQuorumEpochRequest,
  BrokerHeartbeatRequest,
  BrokerRegistrationRequest,
  EndQuorumEpochRequest,
  VoteRequest,
} from '@troupe/wire/messages'

/**
 * A request for the active controller. `api` names the Kafka API; `body` is its decoded request and the answer's
 * body is that API's response input (`AlterPartitionResponseInput`, …), errors inside as Kafka does.
 * A `ControllerRefused` is the answer when there is no controller to ask.
 */
export interface ControllerRequest<Api extends ControllerApi = ControllerApi, Body = unknown> extends Message {
  readonly kind: 'controllerRequest'
  readonly replyTo: ReplyToken
  readonly api: Api
  readonly body: Body
  /** For the audit and per-principal rules. */
  readonly principal?: string
  /** Set by a controller that passed it on: it is not passed on again. */
  readonly forwarded?: boolean
}

export type ControllerApi =
  | 'BrokerRegistration'
  | 'BrokerHeartbeat'
  | 'UnregisterBroker'
  | 'AlterPartition'
  | 'AllocateProducerIds'
  | 'CreateTopics'
  | 'DeleteTopics'
  | 'CreatePartitions'
  | 'IncrementalAlterConfigs'
  | 'AlterConfigs'
  | 'ElectLeaders'
  | 'AlterPartitionReassignments'
  | 'ListPartitionReassignments'
  | 'UpdateFeatures'
  | 'DescribeQuorum'

export interface ControllerRefused {
  readonly kind: 'refused'
  readonly error: ErrorCode
}

export type BrokerRegistration = ControllerRequest<'BrokerRegistration', BrokerRegistrationRequest>
export type BrokerHeartbeat = ControllerRequest<'BrokerHeartbeat', BrokerHeartbeatRequest>
export type AlterPartition = ControllerRequest<'AlterPartition', AlterPartitionRequest>
export type AllocateProducerIds = ControllerRequest<'AllocateProducerIds', AllocateProducerIdsRequest>

/** Raft between voters (KIP-595, KIP-996). Bodies are the wire messages; records travel as payload beside them. */
export type QuorumMessage =
  | (Message & { readonly kind: 'vote'; readonly replyTo: ReplyToken; readonly body: VoteRequest })
  | (Message & {
      readonly kind: 'beginQuorumEpoch'
      readonly replyTo: ReplyToken
      readonly body: BeginQuorumEpochRequest
    })
  | (Message & { readonly kind: 'endQuorumEpoch'; readonly replyTo: ReplyToken; readonly body: EndQuorumEpochRequest })

/**
 * To the `broker` actor: committed metadata records, in order. Sent by the local `controller` actor whenever its
 * high watermark moves; a snapshot first when it starts from one.
 */
export interface MetadataCommitted extends Message {
  readonly kind: 'metadataCommitted'
  /** Decoded records with their type name, as in `@troupe/wire/messages`. */
  readonly records: readonly { readonly type: string; readonly value: unknown }[]
  /** Offset and epoch of the last record. */
  readonly offset: number
  readonly epoch: number
  /** The image is to be emptied first. */
  readonly snapshot: boolean
  readonly timestamp: number
}

/** To the `broker` actor: who leads the metadata quorum now (−1: unknown). */
export interface QuorumLeader extends Message {
  readonly kind: 'quorumLeader'
  readonly leader: number
  readonly epoch: number
}

/** To the `broker` actor: controlled shutdown (leaders move away first), answered when the broker may stop. */
export interface BeginShutdown extends Message {
  readonly kind: 'beginShutdown'
  readonly replyTo: ReplyToken
}

/** To the `broker` actor: answered `{}` when this broker is unfenced and has caught up with the metadata. */
export interface AwaitReady extends Message {
  readonly kind: 'awaitReady'
  readonly replyTo: ReplyToken
}

/**
 * To every surviving `controller` actor, from the shell: this broker's worker has crashed. The active controller fences
 * that registration at once instead of waiting for broker.session.timeout.ms; voters that followed it stand for election.
 * Incarnation or epoch say which registration is meant; a later one is left alone.
 */
export interface BrokerDown extends Message {
  readonly kind: 'brokerDown'
  readonly broker: number
  readonly brokerEpoch?: number
  readonly incarnationId?: string
}

/** To the local `controller` actor, from a `broker` actor that has just started: send the metadata from the beginning. */
export interface MetadataSubscribe extends Message {
  readonly kind: 'metadataSubscribe'
}

/** To the local `controller` actor: this broker is about to stop; a leader of the quorum hands over. */
export interface ResignLeadership extends Message {
  readonly kind: 'resignLeadership'
}

/**
 * To the `broker` actor, from whoever met a storage error: the log directory is not to be written any more. A broker has
 * one, so it is fenced and its worker ends, as Kafka's broker does when its last log directory has failed.
 */
export interface DirectoryFailed extends Message {
  readonly kind: 'directoryFailed'
  readonly reason: string
}

/** To the `broker` actor, from every replica that starts: after a restart it needs to be told again what it should know. */
export interface RefreshPartition extends Message {
  readonly kind: 'refreshPartition'
  readonly topicId: string
  readonly partition: number
}
