/**
 * Groups in which members of our client and of Java's share the partitions, on Troupe and on Apache Kafka, while they come
 * and go and records keep coming; and what becomes of producers and members that have been replaced, step by step the same
 * with both clients.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Consumer, KafkaError, Producer, type GroupMetadata } from '@troupe/client'
import { until } from '@troupe/tools/cluster'
import { startTarget, targets, type Brokers } from './support/client-targets.ts'
import { javaTalker, type Talker } from './support/client-peers.ts'
import { javaClients } from './support/tools.ts'

const java = javaClients()
const why = typeof java === 'string' ? '' : ` (skipped: ${java.skipped})`

const PARTITIONS = 6

const strategies = {
  range: 'RangeAssignor',
  roundrobin: 'RoundRobinAssignor',
  sticky: 'StickyAssignor',
  'cooperative-sticky': 'CooperativeStickyAssignor',
} as const

interface MemberState {
  readonly by: 'Troupe' | 'Java'
  readonly owned: readonly number[]
  /** Partition, offset, when. */
  readonly consumed: readonly (readonly [number, number, number])[]
  readonly failure: string | null
}

interface Member {
  state(): Promise<MemberState>
  leave(): Promise<MemberState>
}

describe.skipIf(typeof java !== 'string').each(targets)(`on %s${why}`, (target) => {
  let brokers: Brokers
  let talker: Talker
  beforeAll(async () => {
    brokers = await startTarget(target)
    talker = javaTalker(java as string, brokers.bootstrap)
  }, 60_000)
  afterAll(async () => {
    await talker?.close()
    await brokers?.stop()
  }, 60_000)

  const groupOf = (group: string, strategy: string): Record<string, string> => ({
    'group.id': group,
    'auto.offset.reset': 'earliest',
    'auto.commit.interval.ms': '100',
    'heartbeat.interval.ms': '200',
    'session.timeout.ms': '10000',
    'partition.assignment.strategy': strategy,
  })

  test.each(Object.entries(strategies))(
    'a mixed group, %s',
    async (strategy, assignor) => {
      const topic = await brokers.topic(`shared-${strategy}`, PARTITIONS)
      const group = `group-${strategy}`
      const flow = new Flow(brokers.bootstrap, topic)
      const ours = (): Member =>
        new OurMember({ 'bootstrap.servers': brokers.bootstrap, ...groupOf(group, strategy) }, topic)
      const javas = (name: string): Promise<Member> =>
        javaMember(talker, name, topic, groupOf(group, `org.apache.kafka.clients.consumer.${assignor}`))
      const gone: MemberState[] = []
      let members: Member[] = []
      const settled = async (): Promise<void> => {
        const states = (): Promise<MemberState[]> => Promise.all(members.map((member) => member.state()))
        await until(async () => isShared(await states()), 30_000, () => `${strategy}: not shared`) // prettier-ignore
        // Records that come from now on go to these owners.
        const sent = flow.sent
        await until(() => flow.sent > sent + 50, 30_000, () => 'nothing is sent') // prettier-ignore
      }
      const leaves = async (index: number): Promise<void> => {
        const [member] = members.splice(index, 1)
        gone.push(await member!.leave())
      }

      members = [ours()]
      await settled()
      members.push(await javas(`${group}-a`))
      await settled()
      members.push(ours(), await javas(`${group}-b`))
      await settled()
      await leaves(0)
      await settled()
      await leaves(0)
      members.push(ours())
      await settled()
      await flow.stop()
      const all = async (): Promise<Set<string>> => {
        const states = [...gone, ...(await Promise.all(members.map((member) => member.state())))]
        return new Set(
          states.flatMap(({ consumed }) => consumed.map(([partition, offset]) => `${partition}@${offset}`)),
        )
      }
      await until(
        async () => (await all()).size === flow.sent,
        30_000,
        () => 'not all is consumed',
      )
      while (members.length > 0) await leaves(0)
      expect(gone.map(({ failure }) => failure).filter((failure) => failure !== null)).toEqual([])
      // Automatic commits come when a rebalance begins. Under the cooperative protocol members of both kinds read on
      // meanwhile, and what they read of a partition that they then have to give up comes again.
      if (strategy !== 'cooperative-sticky') expect(twice(gone)).toEqual([])

      // Where the group has got to, both say the same: the end.
      const ends = Object.fromEntries([...flow.ends].sort(([a], [b]) => a - b))
      const asked = { topic, partitions: [...Array(PARTITIONS).keys()], properties: { 'group.id': group } }
      expect(await talker.ask('committed', asked)).toEqual(ends)
      await using consumer = new Consumer({ 'bootstrap.servers': brokers.bootstrap, 'group.id': group })
      const committed = await consumer.committed(asked.partitions.map((partition) => ({ topic, partition })))
      expect(Object.fromEntries(committed.map(({ partition, offset }) => [partition, offset]))).toEqual(ends)
    },
    120_000,
  )

  describe('what has been replaced', () => {
    const pairs = [['Troupe', 'Troupe'], ['Troupe', 'Java'], ['Java', 'Troupe'], ['Java', 'Java']] as const // prettier-ignore

    test('a producer whose transactional.id another one has taken: all four pairs fare alike', async () => {
      const topic = await brokers.topic('fenced', 1)
      const told: Record<string, string[]> = {}
      for (const [old, young] of pairs) {
        const id = `fenced-${old}-${young}`
        const zombie = await openProducer(old, `${id}-old`, id)
        const outcomes = [
          await zombie('initTransactions'),
          await zombie('beginTransaction'),
          await zombie('send', topic),
        ]
        const usurper = await openProducer(young, `${id}-young`, id)
        outcomes.push(await usurper('initTransactions'))
        for (const step of ['send', 'commitTransaction', 'abortTransaction', 'beginTransaction'] as const)
          outcomes.push(await zombie(step, topic))
        for (const step of ['beginTransaction', 'send', 'commitTransaction'] as const)
          outcomes.push(await usurper(step, topic))
        for (const each of [zombie, usurper]) await each('close')
        told[id] = outcomes
      }
      const [first, ...others] = Object.values(told)
      expect(first!.slice(0, 4)).toEqual(['ok', 'ok', 'ok', 'ok'])
      expect(first![5], JSON.stringify(told)).toMatch(/FENCED|EPOCH/)
      for (const other of others) expect(other, JSON.stringify(told)).toEqual(first)
    }, 60_000)

    test.each([
      [
        'an earlier generation',
        (now: GroupMetadata) => ({ ...now, generationId: now.generationId - 1 }),
        'ILLEGAL_GENERATION',
      ],
      ['an unknown member', (now: GroupMetadata) => ({ ...now, memberId: 'nobody' }), 'UNKNOWN_MEMBER_ID'],
      [
        'a static member that was replaced',
        (now: GroupMetadata) => ({ ...now, memberId: 'former' }),
        'FENCED_INSTANCE_ID',
      ],
      ['the member that it says it is', (now: GroupMetadata) => now, 'ok'],
    ])(
      'offsets of %s in a transaction',
      async (what, change, expected) => {
        const topic = await brokers.topic(`offsets-${expected}`, 1)
        const group = `offsets-${expected}`
        await using member = new Consumer({
          ...groupOf(group, 'range'),
          'bootstrap.servers': brokers.bootstrap,
          'enable.auto.commit': 'false',
          ...(what.includes('static') ? { 'group.instance.id': 'i' } : {}),
        })
        member.subscribe([topic])
        const owns = async (): Promise<boolean> => (
          await member.poll({ timeoutMs: 50 }),
          member.assignment().length === 1
        )
        await until(owns, 20_000, () => 'it does not join')
        const metadata = change(await member.groupMetadata())
        const told: string[][] = []
        for (const [round, client] of (['Troupe', 'Java'] as const).entries()) {
          const producer = await openProducer(client, `${group}-${client}`, `${group}-${client}`)
          const outcomes: string[] = []
          for (const step of ['initTransactions', 'beginTransaction', 'send'] as const)
            outcomes.push(await producer(step, topic))
          outcomes.push(await producer('sendOffsets', topic, { group: metadata, offset: round + 1 }))
          for (const step of [
            'commitTransaction',
            'abortTransaction',
            'beginTransaction',
            'send',
            'commitTransaction',
          ] as const)
            outcomes.push(await producer(step, topic))
          await producer('close')
          told.push(outcomes.map((each) => each.replace('CommitFailedException', expected)))
        }
        expect(told[0]![3]).toBe(expected)
        expect(told[0]).toEqual(told[1])
      },
      60_000,
    )
  })

  type Take = (op: string, topic?: string, change?: object) => Promise<string>

  async function openProducer(client: 'Troupe' | 'Java', name: string, id: string): Promise<Take> {
    const properties = { 'transactional.id': id, 'linger.ms': '0', 'max.block.ms': '20000' }
    const record = { timestamp: 1, key: null, value: '00', headers: [] }
    if (client === 'Java') {
      await talker.ask('open', { name, properties })
      return (op, topic, change = {}) => talker.ask(op, { name, topic, partition: 0, record, ...change })
    }
    const producer = new Producer({ 'bootstrap.servers': brokers.bootstrap, ...properties })
    return async (op, topic, change = {}) => {
      try {
        await take(producer, op, topic!, change as { group: GroupMetadata; offset: number })
        return 'ok'
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        return error.name
      }
    }
  }
})

async function take(
  producer: Producer,
  op: string,
  topic: string,
  { group, offset }: { group: GroupMetadata; offset: number },
): Promise<void> {
  if (op === 'send') await producer.send({ topic, partition: 0, value: 'x' })
  else if (op === 'sendOffsets') await producer.sendOffsetsToTransaction([{ topic, partition: 0, offset }], group)
  else if (op === 'close') await producer.close({ timeoutMs: 0 })
  else await producer[op as 'initTransactions']()
}

/** What came a second time, and whose commit was missing. */
function twice(states: readonly MemberState[]): string[] {
  const first = new Map<string, { at: number; by: string }>()
  const found: string[] = []
  const read = states.flatMap(({ consumed, by }) =>
    consumed.map(([partition, offset, at]) => ({ partition, offset, at, by })),
  )
  for (const { partition, offset, at, by } of read.sort((a, b) => a.at - b.at)) {
    const key = `${partition}@${offset}`
    const before = first.get(key)
    if (before === undefined) first.set(key, { at, by })
    else found.push(`${key}: ${before.by}, then ${by}`)
  }
  return found
}

/** Every partition has one owner, every member something to do. */
function isShared(states: readonly MemberState[]): boolean {
  const owned = states.flatMap((state) => state.owned)
  return (
    owned.length === PARTITIONS && new Set(owned).size === PARTITIONS && states.every((state) => state.owned.length > 0)
  )
}

/** Records for all partitions in turn, a few at a time, until it is stopped. */
class Flow {
  readonly ends = new Map<number, number>()
  sent = 0
  readonly #producer: Producer
  readonly #topic: string
  readonly #running: Promise<void>
  #stopped = false

  constructor(bootstrap: string, topic: string) {
    this.#producer = new Producer({ 'bootstrap.servers': bootstrap })
    this.#topic = topic
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.all(
        Array.from({ length: PARTITIONS }, async (_, partition) => {
          const { offset } = await this.#producer.send({ topic: this.#topic, partition, value: `${this.sent}` })
          this.ends.set(partition, offset + 1)
          this.sent++
        }),
      )
      await sleep(5)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await this.#producer.close()
  }
}

class OurMember implements Member {
  readonly #consumer: Consumer
  readonly #consumed: [number, number, number][] = []
  readonly #polling: Promise<void>
  #left = false
  #failure: string | null = null

  constructor(properties: Record<string, string>, topic: string) {
    this.#consumer = new Consumer(properties)
    this.#consumer.subscribe([topic])
    this.#polling = this.#poll()
  }

  async #poll(): Promise<void> {
    try {
      while (!this.#left)
        for (const { partition, offset } of await this.#consumer.poll({ timeoutMs: 50 }))
          this.#consumed.push([partition, offset, Date.now()])
      await this.#consumer.close()
    } catch (error) {
      this.#failure = String(error)
    }
  }

  state(): Promise<MemberState> {
    const owned = this.#left ? [] : this.#consumer.assignment().map(({ partition }) => partition)
    return Promise.resolve({ by: 'Troupe', owned, consumed: this.#consumed, failure: this.#failure })
  }

  async leave(): Promise<MemberState> {
    this.#left = true
    await this.#polling
    return this.state()
  }
}

async function javaMember(talker: Talker, name: string, topic: string, properties: object): Promise<Member> {
  await talker.ask('join', { name, topic, properties })
  const ask = async (op: string): Promise<MemberState> => ({
    ...(await talker.ask<MemberState>(op, { name })),
    by: 'Java',
  })
  return { state: () => ask('member'), leave: () => ask('leave') }
}
