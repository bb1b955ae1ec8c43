/**
 * DescribeCluster (60), versions 0–2: brokers and controller (KIP-700).
 *
 * - v1 endpoint type (KIP-919); v2 fenced brokers (KIP-1073)
 */
import { errorMessage, KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { DescribeClusterRequest, DescribeClusterResponseInput } from '@troupe/wire/messages'
import { defineApi } from '../api.ts'
import { aliveEndpoint, endpointOf } from '../endpoints.ts'
import { CLUSTER_OPERATIONS, NO_OPERATIONS } from '../topic-view.ts'

export const gaps: readonly string[] = [
  'Controllers have no listener of their own: endpoint type 2 is refused with MISMATCHED_ENDPOINT_TYPE, as on any broker listener.',
]

const BROKERS = 1
const CONTROLLERS = 2

export const describeCluster = defineApi<DescribeClusterRequest, DescribeClusterResponseInput>({
  key: 60,
  minVersion: 0,
  maxVersion: 2,
  gaps,
  handle(request, ctx) {
    const { endpointType } = request
    if (endpointType !== BROKERS) {
      const error =
        endpointType === CONTROLLERS ? KafkaError.MISMATCHED_ENDPOINT_TYPE : KafkaError.UNSUPPORTED_ENDPOINT_TYPE
      return ctx.respond(refuse(error))
    }
    const { cluster } = ctx.env
    const { listener } = ctx.connection
    const brokers = []
    for (const broker of cluster.brokers.values()) {
      if (broker.fenced && !request.includeFencedBrokers) continue
      const endpoint = endpointOf(broker, listener)
      if (!endpoint) continue
      const { host, port, rack } = endpoint
      brokers.push({ brokerId: broker.id, host, port, rack, ...(ctx.version >= 2 ? { isFenced: broker.fenced } : {}) })
    }
    brokers.sort((a, b) => a.brokerId - b.brokerId)
    ctx.respond({
      clusterId: cluster.clusterId,
      controllerId: aliveEndpoint(cluster, cluster.controllerId, listener) ? cluster.controllerId : ctx.self,
      brokers,
      clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : NO_OPERATIONS,
    })
  },
  failure: (_request, error) => refuse(error),
})

function refuse(error: ErrorCode): DescribeClusterResponseInput {
  return { errorCode: error, errorMessage: errorMessage(error) }
}
