/**
 * The stub of a client's `network` actor: one connection after the other to one broker, and what the front of the broker
 * makes of a request. InitProducerId is answered at once; a Produce becomes the message that a replica gets.
 */
import { actorNames, type ActorDefinition, type Env, type Message, type Reply, type ReplyToken } from '@troupe/actor'
import { clientActorNames, type NetworkAnswer, type NetworkRequest } from '@troupe/client/messages'
import type { Produce, Produced } from '@troupe/replication/messages'

export const BROKER = 1
export const CLIENT = 101
export const TOPIC = 'a'
export const TOPIC_ID = 'dHJvdXBlLXRvcGljLWlkMA'
export const REPLICA = actorNames.replica(TOPIC_ID, 0)
export const PRODUCER = clientActorNames.producer('p')
export const NETWORK = clientActorNames.network
/** Requests of a connection are numbered from a multiple of this on. */
export const PER_CONNECTION = 1000

export interface Wire {
  connection: number
  next: number
  /** Who waits for the answer to a Produce. */
  readonly waiting: Map<number, ReplyToken>
}

interface Disconnect extends Message {
  readonly kind: 'disconnect'
}

interface ProduceBody {
  readonly topicData: readonly { readonly partitionData: readonly { readonly records: Uint8Array }[] }[]
}

const snapshot = {
  version: 1,
  clusterId: null,
  controllerId: BROKER,
  brokers: [{ id: BROKER, host: 'b1', port: 9092, rack: null }],
  topics: new Map([
    [
      TOPIC,
      {
        name: TOPIC,
        id: TOPIC_ID,
        error: 0,
        internal: false,
        partitions: [
          {
            partition: 0,
            leader: BROKER,
            leaderEpoch: 0,
            replicas: [BROKER],
            isr: [BROKER],
            offlineReplicas: [],
            error: 0,
          },
        ],
      },
    ],
  ]),
  features: { epoch: -1, levels: new Map() },
}

const answered = (body: object, version: number): NetworkAnswer => ({ kind: 'response', version, body, broker: BROKER })

export const wire: ActorDefinition<Wire, Message | NetworkRequest | Reply | Disconnect, Env> = {
  kind: 'wire',
  start: () => ({ connection: 0, next: 0, waiting: new Map() }),
  step(state, message, env, out) {
    switch (message.kind) {
      case 'watchMetadata':
      case 'refreshMetadata':
        return out.send({ broker: CLIENT, actor: PRODUCER }, { kind: 'metadataChanged', metadata: snapshot } as Message)
      case 'request': {
        const { api, replyTo, body, timeoutMs } = message as NetworkRequest
        if (api !== 0) {
          const identity = { throttleTimeMs: 0, errorCode: 0, producerId: 1, producerEpoch: 0 }
          return out.reply(replyTo, answered(identity, 5))
        }
        const [{ partitionData }] = (body as ProduceBody).topicData
        const id = state.connection * PER_CONNECTION + state.next++
        state.waiting.set(id, replyTo)
        const produce: Produce = {
          kind: 'produce',
          replyTo: { ...env.self, id },
          records: partitionData[0].records,
          acks: -1,
          timeoutMs,
          transaction: null,
        }
        return out.send({ broker: BROKER, actor: REPLICA }, produce)
      }
      case 'reply': {
        const { id, body } = message as Reply<Produced>
        const token = state.waiting.get(id)
        if (token === undefined) return
        state.waiting.delete(id)
        return out.reply(token, answered(produceResponse(body as Produced), 13))
      }
      case 'disconnect':
        for (const token of state.waiting.values()) {
          out.reply(token, { kind: 'unanswered', reason: 'disconnected', broker: BROKER } satisfies NetworkAnswer)
        }
        state.waiting.clear()
        state.connection += 1
        state.next = 0
    }
  },
}

function produceResponse({ error: errorCode, baseOffset, logAppendTimeMs, logStartOffset }: Produced): object {
  const currentLeader = { leaderId: -1, leaderEpoch: -1 }
  const partition = {
    index: 0,
    errorCode,
    baseOffset,
    logAppendTimeMs,
    logStartOffset,
    recordErrors: [],
    errorMessage: null,
    currentLeader,
  }
  const responses = [{ name: TOPIC, topicId: TOPIC_ID, partitionResponses: [partition] }]
  return { responses, throttleTimeMs: 0, nodeEndpoints: [] }
}
