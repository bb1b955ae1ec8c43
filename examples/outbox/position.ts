/**
 * How far the relay has come, as a record in a compacted topic. It is written in the transaction of the records that it
 * counts, so both are there or neither. Not as a group's committed offset: those expire when nobody commits for a week.
 */
import { Consumer, type Producer, type Properties } from 'troupe/client'
import { string } from 'troupe/pipeline'
import { lsnOf, lsnText } from './slot.ts'

export const positionsTopic = 'outbox-positions'
const partition = { topic: positionsTopic, partition: 0 }

/** null: nothing was ever relayed from this slot. After `initTransactions` it is what the predecessors have committed. */
export async function lastPosition(kafka: Properties, slot: string): Promise<bigint | null> {
  const properties = { ...kafka, 'isolation.level': 'read_committed', 'auto.offset.reset': 'none' }
  await using consumer = new Consumer(properties, { key: string, value: string })
  consumer.assign([partition])
  consumer.seekToBeginning()
  const [end] = await consumer.endOffsets([partition])
  let last: bigint | null = null
  while ((await consumer.position(partition)) < end!.offset) {
    for (const { key, value } of await consumer.poll()) if (key === slot) last = lsnOf(value)
  }
  return last
}

export function sendPosition(producer: Producer, slot: string, position: bigint): Promise<unknown> {
  return producer.send({ ...partition, key: slot, value: lsnText(position) })
}
