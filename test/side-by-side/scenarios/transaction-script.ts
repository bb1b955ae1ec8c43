/** The steps of a transaction in either version of the protocol. */
import { KafkaError } from '@troupe/wire/errors'
import { batch } from '../harness/batches.ts'
import type { AskOptions, Message, Session } from '../harness/session.ts'
import { fetchOf } from './reading.ts'

const timeoutMs = 10_000
export const unknownProducer = 999_999_999
export const passing: AskOptions = { whileAny: [KafkaError.CONCURRENT_TRANSACTIONS] }

export interface Producer {
  readonly id: string
  producerId: number
  producerEpoch: number
}

/** A producer with the steps that its protocol version has. */
export class Script {
  readonly #s: Session
  readonly #topicId: string
  readonly topic: string
  /** 1: adds partitions by itself; 2: implicitly. */
  readonly version: 1 | 2

  constructor(s: Session, version: 1 | 2, topic: string, topicId: string) {
    this.#s = s
    this.version = version
    this.topic = topic
    this.#topicId = topicId
  }

  async init(label: string, id: string, rest: object = {}): Promise<Producer> {
    const answer = await this.#s.ask(
      label,
      'InitProducerId',
      5,
      { transactionalId: id, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1, ...rest },
      passing,
    )
    return { id, producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  }

  add(label: string, p: Producer, partitions: number[] = [0], topic = this.topic, version = 3): Promise<Message> {
    return this.#s.ask(
      label,
      'AddPartitionsToTxn',
      version,
      {
        v3AndBelowTransactionalId: p.id,
        v3AndBelowProducerId: p.producerId,
        v3AndBelowProducerEpoch: p.producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      },
      passing,
    )
  }

  produce(
    label: string,
    p: Producer,
    baseSequence: number,
    options: { partition?: number; transactionalId?: string | null; transactional?: boolean; api?: number } = {},
  ): Promise<Message> {
    const version = options.api ?? (this.version === 1 ? 11 : 12)
    const records = batch([label], {
      producerId: p.producerId,
      producerEpoch: p.producerEpoch,
      baseSequence,
      isTransactional: options.transactional ?? true,
    })
    const transactionalId = options.transactionalId === undefined ? p.id : options.transactionalId
    return this.#s.ask(
      label,
      'Produce',
      version,
      {
        transactionalId,
        acks: -1,
        timeoutMs,
        topicData: [
          {
            ...(version >= 13 ? { topicId: this.#topicId } : { name: this.topic }),
            partitionData: [{ index: options.partition ?? 0, records }],
          },
        ],
      },
      passing,
    )
  }

  async end(label: string, p: Producer, committed: boolean, version = this.version === 1 ? 4 : 5): Promise<Message> {
    const answer = await this.#s.ask(
      label,
      'EndTxn',
      version,
      { transactionalId: p.id, producerId: p.producerId, producerEpoch: p.producerEpoch, committed },
      passing,
    )
    if (version >= 5 && answer.errorCode === 0) {
      p.producerId = answer.producerId
      p.producerEpoch = answer.producerEpoch
    }
    return answer
  }

  /** What a reader sees once markers have been written: the last stable offset has reached the end. */
  async read(label: string, partition = 0): Promise<void> {
    for (const isolationLevel of [0, 1]) {
      await this.#s.ask(
        `${label}, isolation ${isolationLevel}`,
        'Fetch',
        12,
        fetchOf(this.topic, partition, 0, { isolationLevel }),
        {
          until: (answer) =>
            answer.responses[0].partitions[0].lastStableOffset === answer.responses[0].partitions[0].highWatermark,
        },
      )
    }
  }

  describe(label: string, p: Producer): Promise<Message> {
    return this.#s.ask(
      label,
      'DescribeTransactions',
      0,
      { transactionalIds: [p.id] },
      {
        until: (answer) => !['PrepareCommit', 'PrepareAbort'].includes(answer.transactionStates[0].transactionState),
      },
    )
  }
}
