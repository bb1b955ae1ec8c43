/** KafkaJS: arrays through `send`, batches through `eachBatch`. */
import { Kafka, logLevel } from 'kafkajs'
import { pump, type BenchedClient } from './contract.ts'
import { keyOf } from './troupe.ts'

const kafkaOf = (bootstrap: string): Kafka => new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })

export const kafkajs: BenchedClient = {
  async produce(load) {
    const { bootstrap, topic, value } = load
    const producer = kafkaOf(bootstrap).producer()
    await producer.connect()
    await pump(load, (size, from) =>
      producer.send({
        topic,
        acks: -1,
        messages: Array.from({ length: size }, (_, index) => ({ key: keyOf(from + index), value })),
      }),
    )
    await producer.disconnect()
  },
  async consume({ bootstrap, topic, records }) {
    const consumer = kafkaOf(bootstrap).consumer({ groupId: `kafkajs-${topic}-${Date.now()}`, maxBytes: 52_428_800 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    let seen = 0
    let bytes = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    await consumer.run({
      eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) {
          seen++
          bytes += value!.length
        }
        if (seen >= records) resolve()
      },
    })
    await promise
    await consumer.disconnect()
    return bytes
  },
}
