/**
 * The active controller's dispatch: one decision per API. Start here.
 *
 * `decide` looks, `replay` (image/replay.ts) changes. DescribeQuorum is answered by the actor: it asks the quorum, not the state.
 */
import type {
  AllocateProducerIdsRequest,
  AlterConfigsRequest,
  AlterPartitionReassignmentsRequest,
  AlterPartitionRequest,
  BrokerHeartbeatRequest,
  BrokerRegistrationRequest,
  CreatePartitionsRequest,
  CreateTopicsRequest,
  DeleteTopicsRequest,
  ElectLeadersRequest,
  IncrementalAlterConfigsRequest,
  ListPartitionReassignmentsRequest,
  UnregisterBrokerRequest,
  UpdateFeaturesRequest,
} from '@troupe/wire/messages'
import type { ControllerApi } from '../messages.ts'
import { alterPartition } from './alter-partition.ts'
import { heartbeat, registerBroker, unregisterBroker } from './brokers.ts'
import { alterConfigs, incrementalAlterConfigs } from './configs.ts'
import { createTopics } from './create-topics.ts'
import type { ControllerState, DecideEnv, Decision } from './decision.ts'
import { electLeaders } from './elections.ts'
import { updateFeatures } from './features.ts'
import { allocateProducerIds } from './producer-ids.ts'
import { alterReassignments, listReassignments } from './reassignments.ts'
import { createPartitions, deleteTopics } from './topics.ts'

export type DecidedApi = Exclude<ControllerApi, 'DescribeQuorum'>

export function decide(state: ControllerState, api: DecidedApi, body: unknown, env: DecideEnv): Decision {
  switch (api) {
    case 'BrokerRegistration':
      return registerBroker(state, body as BrokerRegistrationRequest, env)
    case 'BrokerHeartbeat':
      return heartbeat(state, body as BrokerHeartbeatRequest, env)
    case 'UnregisterBroker':
      return unregisterBroker(state, body as UnregisterBrokerRequest, env)
    case 'AlterPartition':
      return alterPartition(state, body as AlterPartitionRequest, env)
    case 'AllocateProducerIds':
      return allocateProducerIds(state, body as AllocateProducerIdsRequest)
    case 'CreateTopics':
      return createTopics(state, body as CreateTopicsRequest, env)
    case 'DeleteTopics':
      return deleteTopics(state, body as DeleteTopicsRequest, env)
    case 'CreatePartitions':
      return createPartitions(state, body as CreatePartitionsRequest, env)
    case 'IncrementalAlterConfigs':
      return incrementalAlterConfigs(state, body as IncrementalAlterConfigsRequest)
    case 'AlterConfigs':
      return alterConfigs(state, body as AlterConfigsRequest)
    case 'ElectLeaders':
      return electLeaders(state, body as ElectLeadersRequest, env)
    case 'AlterPartitionReassignments':
      return alterReassignments(state, body as AlterPartitionReassignmentsRequest, env)
    case 'ListPartitionReassignments':
      return listReassignments(state, body as ListPartitionReassignmentsRequest)
    case 'UpdateFeatures':
      return updateFeatures(state, body as UpdateFeaturesRequest, env)
  }
}
