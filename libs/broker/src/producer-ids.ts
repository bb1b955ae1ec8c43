/** Asking this broker's `producer-ids` actor, which draws blocks of producer ids from the controller (KIP-730). */
import { actorNames, isFailed } from '@troupe/actor'
import type { NextProducerId, ProducerIdGiven } from '@troupe/transactions/messages'
import { KafkaError } from '@troupe/wire/errors'
import type { RequestContext } from './context.ts'

export function askProducerId(ctx: RequestContext, then: (given: ProducerIdGiven) => void): void {
  ctx.askLocal<NextProducerId, ProducerIdGiven>(actorNames.producerIds, { kind: 'nextProducerId' }, (body) => {
    // Retriable for every client, as Kafka answers while it waits for a new block.
    then(isFailed(body) ? { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 } : body)
  })
}
