/** Asking this broker's `producer-ids` actor, which draws blocks of producer ids from the controller. */
import { isFailed, type Message, type ReplyToken } from '@troupe/actor'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { RequestContext } from './context.ts'

/** Name of the actor. */
export const PRODUCER_IDS = 'producer-ids'

interface NextProducerId extends Message {
  readonly kind: 'nextProducerId'
  readonly replyTo: ReplyToken
}

export interface ProducerIdGiven {
  readonly error: ErrorCode
  readonly producerId: number
}

export function askProducerId(ctx: RequestContext, then: (given: ProducerIdGiven) => void): void {
  ctx.askLocal<NextProducerId, ProducerIdGiven>(PRODUCER_IDS, { kind: 'nextProducerId' }, (body) => {
    // Retriable for every client, as Kafka answers while it waits for a new block.
    then(isFailed(body) ? { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 } : body)
  })
}
