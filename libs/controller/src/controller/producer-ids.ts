/** AllocateProducerIds: blocks of a thousand, never handed out twice (KIP-730). Source: Kafka's ProducerIdControlManager. */
import { KafkaError } from '@troupe/wire/errors'
import type { AllocateProducerIdsRequest, AllocateProducerIdsResponseInput } from '@troupe/wire/messages'
import { currentBroker } from './cluster.ts'
import type { ControllerState, Decision } from './decision.ts'

const BLOCK = 1000

export function allocateProducerIds(
  state: ControllerState,
  { brokerId, brokerEpoch }: AllocateProducerIdsRequest,
): Decision {
  if (!currentBroker(state, brokerId, brokerEpoch)) {
    const response: AllocateProducerIdsResponseInput = { errorCode: KafkaError.STALE_BROKER_EPOCH }
    return { records: [], response }
  }
  const producerIdStart = state.image.producerIds.nextProducerId
  const response: AllocateProducerIdsResponseInput = { producerIdStart, producerIdLen: BLOCK }
  return {
    records: [{ type: 'ProducerIdsRecord', value: { brokerId, brokerEpoch, nextProducerId: producerIdStart + BLOCK } }],
    response,
  }
}
