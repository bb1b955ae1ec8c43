/**
 * The whole process is killed with SIGKILL under load, again and again: what was acknowledged is there afterwards, once.
 */
import { Kafka, logLevel } from 'kafkajs'
import { Cluster, until } from '@troupe/tools/cluster'
import { expect, test } from 'vitest'

test.each([{ brokers: 1 }, { brokers: 3 }])(
  'kill -9 of $brokers broker(s) loses and doubles nothing',
  async ({ brokers }) => {
    const cluster = await Cluster.start({ brokers })
    try {
      const kafka = new Kafka({
        brokers: cluster.bootstrap.split(','),
        logLevel: logLevel.NOTHING,
        retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 1000 },
      })
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 2, replicationFactor: brokers }] })
      await admin.disconnect()

      const rounds = 4
      const acked = new Set<string>()
      let sending = true
      const produce = (async () => {
        const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
        await producer.connect()
        for (let next = 0; sending;) {
          // One partition at a time: after a partial failure KafkaJS asks only those brokers again that have not
          // answered, and so drops a partition whose leader has moved to one that has.
          const partition = (next / 10) % 2
          const values = Array.from({ length: 10 }, () => String(next++))
          await producer.send({ topic: 'kept', acks: -1, messages: values.map((value) => ({ partition, value })) })
          for (const value of values) acked.add(value)
        }
        await producer.disconnect()
      })()
      for (let round = 0; round < rounds; round++) {
        const before = acked.size
        await until(
          () => acked.size > before + 300,
          30_000,
          () => `nothing is acknowledged\n${cluster.log}`,
        )
        await cluster.kill()
        await cluster.start()
      }
      const before = acked.size
      await until(
        () => acked.size > before + 300,
        30_000,
        () => `nothing is acknowledged\n${cluster.log}`,
      )
      sending = false
      await produce

      const read = new Map<string, number>()
      const consumer = kafka.consumer({ groupId: 'after' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['kept'], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          const value = message.value!.toString()
          read.set(value, (read.get(value) ?? 0) + 1)
        },
      })
      await until(
        () => read.size >= acked.size,
        30_000,
        () => `read ${read.size} of ${acked.size}`,
      )
      await consumer.disconnect()
      expect([...acked].filter((value) => !read.has(value))).toEqual([])
      expect([...read].filter(([, count]) => count !== 1)).toEqual([])
      expect(await cluster.stop()).toBe(0)
    } finally {
      await cluster.stop()
    }
  },
)
