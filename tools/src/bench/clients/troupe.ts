/** Our own client. */
import { Consumer, Producer } from '@troupe/client'
import { pump, type BenchedClient } from './contract.ts'

export const troupe: BenchedClient = {
  async produce(load) {
    const { bootstrap, topic, value } = load
    const producer = new Producer({
      'bootstrap.servers': bootstrap,
      // As in the others, where it is the default: no sequences, and no limit to a batch but the array that was sent.
      'enable.idempotence': false,
      'batch.size': 1_000_000,
    })
    await pump(load, (size, from) =>
      producer.sendBatch(Array.from({ length: size }, (_, index) => ({ topic, key: keyOf(from + index), value }))),
    )
    await producer.close()
  },
  async consume({ bootstrap, topic, records }) {
    const consumer = new Consumer({
      'bootstrap.servers': bootstrap,
      'group.id': `troupe-${topic}-${Date.now()}`,
      'auto.offset.reset': 'earliest',
      'max.poll.records': 10_000,
    })
    consumer.subscribe([topic])
    let seen = 0
    let bytes = 0
    while (seen < records) {
      for (const { value } of await consumer.poll({ timeoutMs: 1000 })) {
        seen++
        bytes += value!.length
      }
    }
    await consumer.close()
    return bytes
  },
}

export function keyOf(index: number): string {
  return `k${index % 1000}`
}
