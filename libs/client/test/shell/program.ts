/** A program that uses clients and then does nothing more: its process has to end by itself (`life.test.ts`). */
import { Consumer, Producer } from '@troupe/client'
import { collect } from './collect.ts'

const [bootstrap, what] = process.argv.slice(2) as [string, string]
const properties = { 'bootstrap.servers': bootstrap, 'auto.offset.reset': 'earliest', 'group.id': 'program' }

const producer = new Producer({ 'bootstrap.servers': bootstrap })
const consumer = new Consumer(properties)
if (what === 'close') {
  await producer.send({ topic: 'program', value: 'v' })
  consumer.subscribe(['program'])
  const records = await collect(consumer, 1)
  await Promise.all([producer.close(), consumer.close()])
  console.log(`${records.length} record`)
} else {
  consumer.subscribe(['program'])
  console.log(['nobody', ...(await consumer.poll({ timeoutMs: 100 }))].join())
}
