/** @platformatic/kafka: arrays through `send`, records through its stream. */
import { Consumer, MessagesStreamModes, ProduceAcks, Producer } from '@platformatic/kafka'
import { pump, type BenchedClient } from './contract.ts'
import { keyOf } from './troupe.ts'

export const platformatic: BenchedClient = {
  async produce(load) {
    const { bootstrap, topic, value } = load
    const producer = new Producer({ clientId: 'bench', bootstrapBrokers: bootstrap.split(',') })
    await pump(load, (size, from) =>
      producer.send({
        acks: ProduceAcks.ALL,
        messages: Array.from({ length: size }, (_, index) => ({ topic, key: Buffer.from(keyOf(from + index)), value })),
      }),
    )
    await producer.close()
  },
  async consume({ bootstrap, topic, records }) {
    const consumer = new Consumer({
      clientId: 'bench',
      groupId: `platformatic-${topic}-${Date.now()}`,
      bootstrapBrokers: bootstrap.split(','),
    })
    const stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.EARLIEST,
      autocommit: true,
      highWaterMark: 16_384,
    })
    let seen = 0
    let bytes = 0
    stream.on('data', ({ value }) => {
      seen++
      bytes += value!.length
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    stream.on('data', () => {
      if (seen === records) resolve()
    })
    await promise
    await consumer.close(true)
    return bytes
  },
}
