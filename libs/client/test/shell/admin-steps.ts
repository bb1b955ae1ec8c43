/**
 * What an admin does to a cluster of three brokers, step by step, and what each step showed.
 *
 * Run on Troupe and on Apache Kafka: the outcomes must be the same, field by field. What differs between any two
 * clusters (ids, ports, times, who leads) is replaced by whether it is there.
 */
import type { ConfigEntry } from '../../src/admin/configs.ts'
import type { Admin } from '../../src/shell/admin.ts'
import { KafkaError } from '../../src/shell/errors.ts'
import { Producer } from '../../src/shell/producer.ts'

export interface Lab {
  readonly bootstrap: string
  readonly admin: Admin
}

export interface Step {
  readonly name: string
  run(lab: Lab): Promise<unknown>
  /** What both must show, where it fits on a few lines. */
  readonly shows?: unknown
}

/** Values as they are, errors by name; in the order of the keys. */
export async function settled<Value>(
  question: { settled(): Promise<ReadonlyMap<string, PromiseSettledResult<Value>>> },
  show: (value: Value) => unknown = (value) => value ?? null,
): Promise<Record<string, unknown>> {
  const outcomes = [...(await question.settled())].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    outcomes.map(([key, outcome]) => [
      key,
      outcome.status === 'fulfilled' ? show(outcome.value) : (outcome.reason as KafkaError).name,
    ]),
  )
}

/** A value, or the name of the error. */
export async function outcome<Value>(
  question: Promise<Value>,
  show: (value: Value) => unknown = (value) => value ?? null,
): Promise<unknown> {
  try {
    return show(await question)
  } catch (error) {
    if (error instanceof KafkaError) return error.name
    throw error
  }
}

/** Brokers publish what the controller has committed each in its time. */
export async function eventually<Value>(look: () => Promise<Value>, holds: (value: Value) => boolean): Promise<Value> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const value = await look()
    if (holds(value) || Date.now() > deadline) return value
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export const sizes = (partition: { replicas: readonly number[]; isr: readonly number[] }): string =>
  `${partition.isr.length} of ${partition.replicas.length}`

/** Young enough for retention. */
const START = Date.now()

export const partitionsOf = (topic: string, ...partitions: number[]): { topic: string; partition: number }[] =>
  partitions.map((partition) => ({ topic, partition }))

/** No retries by accident: an error that stays is seen as such after this time. */
export const SOON = { timeoutMs: 1500 }

export async function produce({ bootstrap }: Lab, topic: string, partition: number, timestamps: readonly number[]) {
  await using producer = new Producer({ 'bootstrap.servers': bootstrap })
  for (const timestamp of timestamps)
    await producer.send({ topic, partition, key: 'k', value: `at ${timestamp}`, timestamp })
}

const topics: Step[] = [
  {
    name: 'createTopics: each with its own outcome',
    run: async ({ admin }) => {
      const question = admin.createTopics([
        { name: 'orders', partitions: 3, replicationFactor: 3, configs: { 'retention.ms': '86400000' } },
        {
          name: 'placed',
          assignment: [
            [1, 2],
            [2, 3],
          ],
        },
        { name: 'bad/name', partitions: 1, replicationFactor: 1 },
        { name: 'too-wide', partitions: 1, replicationFactor: 9 },
        { name: 'bad-config', partitions: 1, replicationFactor: 1, configs: { 'retention.ms': 'soon' } },
      ])
      return settled(question, ({ name, topicId, partitions, replicationFactor, configs }) => {
        const retention = configs.find((config) => config.name === 'retention.ms')
        return { name, topicId: topicId.length, partitions, replicationFactor, retention }
      })
    },
  },
  {
    name: 'createTopics: again, and only for trial',
    run: async ({ admin }) => ({
      again: await settled(admin.createTopics([{ name: 'orders' }])),
      trial: await settled(
        admin.createTopics([{ name: 'never', partitions: 2 }], { validateOnly: true }),
        (topic) => topic.partitions,
      ),
    }),
    shows: { again: { orders: 'TOPIC_ALREADY_EXISTS' }, trial: { never: 2 } },
  },
  {
    name: 'describeTopics: by name and by id, page by page',
    run: async ({ admin }) => {
      const look = () => settled(admin.describeTopics(['orders', 'placed', 'missing']), (topic) => topic)
      const seen = (value: Record<string, unknown>) =>
        ['orders', 'placed'].every(
          (name) =>
            typeof value[name] === 'object' &&
            (value[name] as any).partitions.every((p: any) => p.leader > 0 && p.isr.length === p.replicas.length),
        )
      const { orders, placed, missing } = (await eventually(look, seen)) as any
      const byId = await settled(
        admin.describeTopicsById([orders.topicId, 'AAAAAAAAAAAAAAAAAAAABQ']),
        ({ name, internal }) => ({ name, internal }),
      )
      const paged = await admin.describeTopics(['orders', 'placed'], { partitionsPerRequest: 2 })
      return {
        missing,
        orders: { ...orders, topicId: orders.topicId.length, partitions: orders.partitions.map(sizes) },
        placed: placed.partitions.map(
          ({ replicas, leaderEpoch, leader, offlineReplicas, eligibleLeaderReplicas, lastKnownElr }: any) => ({
            replicas,
            leaderEpoch,
            leader,
            offlineReplicas,
            eligibleLeaderReplicas,
            lastKnownElr,
          }),
        ),
        byId: [byId[orders.topicId], byId.AAAAAAAAAAAAAAAAAAAABQ],
        paged: [...paged.values()].map(({ partitions }) => partitions.map(({ partition }) => partition)),
      }
    },
  },
  {
    name: 'listTopics',
    run: async ({ admin }) => (await admin.listTopics()).map(({ name, internal }) => `${name} ${internal}`).sort(),
    shows: ['orders false', 'placed false'],
  },
  {
    name: 'createPartitions',
    run: async ({ admin }) =>
      settled(
        admin.createPartitions([
          { topic: 'orders', total: 4 },
          { topic: 'placed', total: 3, assignment: [[3, 1]] },
          { topic: 'missing', total: 4 },
        ]),
      ),
    shows: { missing: 'UNKNOWN_TOPIC_OR_PARTITION', orders: null, placed: null },
  },
  {
    name: 'createPartitions: fewer than there are',
    run: async ({ admin }) => settled(admin.createPartitions([{ topic: 'orders', total: 2 }])),
    shows: { orders: 'INVALID_PARTITIONS' },
  },
]

/** Kafka lists the default of `log.retention.hours` too, Troupe defaults of the property itself only. */
function shown(entry: ConfigEntry): ConfigEntry {
  return { ...entry, synonyms: entry.synonyms.filter(({ name }) => name !== 'log.retention.hours') }
}

const configs: Step[] = [
  {
    name: 'incrementalAlterConfigs',
    run: async ({ admin }) =>
      settled(
        admin.incrementalAlterConfigs([
          {
            type: 'topic',
            name: 'orders',
            changes: [
              { name: 'cleanup.policy', operation: 'append', value: 'compact' },
              { name: 'retention.ms', operation: 'delete' },
            ],
          },
          { type: 'topic', name: 'placed', changes: [{ name: 'retention.ms', operation: 'set', value: 'soon' }] },
          { type: 'topic', name: 'missing', changes: [{ name: 'retention.ms', operation: 'set', value: '1' }] },
          { type: 'broker', name: '2', changes: [{ name: 'log.cleaner.threads', operation: 'set', value: '2' }] },
          { type: 'broker', name: '', changes: [{ name: 'log.retention.ms', operation: 'set', value: '7200000' }] },
        ]),
      ),
  },
  {
    name: 'describeConfigs',
    run: async ({ admin }) => {
      const look = () =>
        settled(
          admin.describeConfigs(
            [
              { type: 'topic', name: 'orders', keys: ['cleanup.policy', 'retention.ms'] },
              { type: 'topic', name: 'missing' },
              { type: 'broker', name: '2', keys: ['log.cleaner.threads', 'log.retention.ms'] },
              { type: 'broker', name: '', keys: ['log.retention.ms'] },
            ],
            { includeSynonyms: true },
          ),
          (entries) => Object.fromEntries([...entries].map(([name, entry]) => [name, shown(entry)]).sort()),
        )
      const applied = (value: Record<string, any>): boolean =>
        value['broker:2']['log.cleaner.threads'].value === '2' &&
        value['broker:2']['log.retention.ms'].value === '7200000' &&
        value['topic:orders']['retention.ms'].value === '7200000' &&
        value['topic:orders']['cleanup.policy'].value === 'delete,compact'
      return eventually(look, applied)
    },
  },
]

const partitions: Step[] = [
  {
    name: 'listOffsets',
    run: async (lab) => {
      await produce(lab, 'orders', 0, [START + 1000, START + 5000, START + 3000])
      const { admin } = lab
      const at = async (spec: 'earliest' | 'latest' | 'max-timestamp' | number): Promise<unknown> => {
        const offsets = await admin.listOffsets([
          { topic: 'orders', partition: 0, at: spec },
          { topic: 'orders', partition: 1, at: spec },
        ])
        return Object.fromEntries(offsets)
      }
      return [
        await at('earliest'),
        await at('latest'),
        await at('max-timestamp'),
        await at(START + 2000),
        await at(START + 9000),
      ]
    },
  },
  {
    name: 'listOffsets: of what is not there',
    run: async ({ admin }) =>
      settled(
        admin.listOffsets(
          [
            { topic: 'missing', partition: 0, at: 'latest' },
            { topic: 'orders', partition: 77, at: 'latest' },
          ],
          SOON,
        ),
      ),
    shows: { 'missing-0': 'REQUEST_TIMED_OUT', 'orders-77': 'REQUEST_TIMED_OUT' },
  },
  {
    name: 'deleteRecords',
    run: async ({ admin }) => ({
      one: await settled(admin.deleteRecords([{ topic: 'orders', partition: 0, before: 1 }])),
      all: await settled(
        admin.deleteRecords([
          { topic: 'orders', partition: 0, before: -1 },
          { topic: 'orders', partition: 1, before: 9 },
        ]),
      ),
    }),
    shows: {
      one: { 'orders-0': { topic: 'orders', partition: 0, lowWatermark: 1 } },
      all: { 'orders-0': { topic: 'orders', partition: 0, lowWatermark: 3 }, 'orders-1': 'OFFSET_OUT_OF_RANGE' },
    },
  },
  {
    name: 'describeProducers',
    run: async ({ admin }) => {
      const [leader] = (await admin.describeTopics(['orders'])).get('orders')!.partitions
      const show = ({ producers }: { readonly producers: readonly object[] }): object[] =>
        producers.map((producer: any) => ({
          ...producer,
          producerId: producer.producerId >= 0,
          lastTimestamp: producer.lastTimestamp >= 0,
        }))
      return {
        leaders: await settled(admin.describeProducers(partitionsOf('orders', 0, 1)), show),
        follower: await settled(
          admin.describeProducers(partitionsOf('orders', 0), { broker: (leader!.leader % 3) + 1 }),
          show,
        ),
        missing: await settled(admin.describeProducers(partitionsOf('missing', 0), SOON)),
      }
    },
  },
]

export const stepsOfTopics: readonly Step[] = [...topics, ...configs, ...partitions]
