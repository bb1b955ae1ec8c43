/**
 * Random requests against lost, late, doubled and failing markers, leaders that move, appends that fail, reloads.
 *
 * After every step: the legal automaton (T5), one fate in all partitions (T2), owners that only grow (T6), and a state
 * equal to the replay of the log. After healing: nobody waits, nothing stays prepared (L5, L7).
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coordinatorHarness, type Harness } from '@troupe/coordinator/harness'
import { parseStep } from '@troupe/coordinator/transcript'
import type { Address, Message, TopicView } from '@troupe/actor'
import { KafkaError } from '@troupe/wire/errors'
import type { WriteTxnMarker } from '@troupe/replication/messages'
import type { TransactionShardState } from '../src/shard-state.ts'
import { isPrepared, stateOfId, transactionEdges, type TransactionState } from '../src/transaction-state.ts'
import { defaults, given, moveLeader, nameOf, request, scripted, topic } from './stage.ts'

interface SentMarker {
  readonly id: number
  readonly partition: string
  readonly marker: WriteTxnMarker
}

/** One record of the log, and what followed from it. */
interface Fate {
  state: TransactionState
  producerId: number
  producerEpoch: number
  partitions: string[]
  readonly written: Set<string>
}

class World {
  readonly topics = new Map<string, TopicView>([topic('t', 3), topic('u', 1), topic('__consumer_offsets', 4)])
  readonly harness: Harness<TransactionShardState>
  readonly sent: SentMarker[] = []
  /** Sent and not answered. */
  readonly markers: SentMarker[] = []
  readonly log = new Map<string, Fate>()
  readonly replies = new Map<number, number>()
  /** What the clients believe of their ids. */
  readonly owners = new Map<string, { producerId: number; producerEpoch: number }>()
  readonly askedBy = new Map<number, string>()
  ids: number[] = []
  nextProducerId = 100
  lastCoordinatorEpoch = -1
  asked = 0

  constructor(version: number) {
    this.harness = coordinatorHarness(scripted, {
      config: defaults,
      cluster: { topic: (name) => this.topics.get(name), features: new Map([['transaction.version', version]]) },
      showTimers: false,
      onSend: (to, message) => this.onSend(to, message),
    })
    // Every test meets the end of the epochs.
    this.see(
      this.harness.deliver({
        kind: 'given',
        metadata: given(parseStep(`given id=b state=EMPTY pid=7 epoch=32762 tv=${version === 2 ? 2 : 0}`)),
      }),
    )
    this.owners.set('b', { producerId: 7, producerEpoch: 32762 })
  }

  onSend({ actor }: Address, message: Message): string {
    if (message.kind === 'nextProducerId') {
      this.ids.push(message.replyTo!.id)
      return 'ask'
    }
    const sent = { id: message.replyTo!.id, partition: nameOf(actor, this.topics), marker: message as WriteTxnMarker }
    return `marker ${this.sent.push(sent) - 1}`
  }

  /** T2: a marker says what the PREPARE record says, and none goes out before or after. */
  onMarker(sent: SentMarker): void {
    const { marker } = sent
    const fate = [...this.log.values()].find(({ producerId }) => producerId === marker.producerId)!
    expect(fate.state).toBe(marker.commit ? 'PREPARE_COMMIT' : 'PREPARE_ABORT')
    expect(fate.producerEpoch).toBe(marker.producerEpoch)
    expect(marker.coordinatorEpoch).toBeGreaterThanOrEqual(this.lastCoordinatorEpoch)
    this.lastCoordinatorEpoch = marker.coordinatorEpoch
    this.markers.push(sent)
  }

  see(lines: readonly string[]): void {
    for (const line of lines) {
      const reply = /^reply (\d+)/.exec(line)
      if (reply !== null) this.onReply(Number(reply[1]))
      const marker = /^marker (\d+)$/.exec(line)
      if (marker !== null) this.onMarker(this.sent[Number(marker[1])])
      const record = /^append TransactionLog transactionalId=(\S+) = \{(.*)\}$/.exec(line)
      if (record !== null) this.onRecord(record[1], record[2])
    }
    const { shard, state } = this.harness
    if (shard.phase !== 'active') return
    const withoutLastEpoch = ({ transactions }: TransactionShardState): unknown =>
      [...transactions].map(([id, metadata]) => [id, { ...metadata, lastProducerEpoch: 0 }])
    expect(withoutLastEpoch(state)).toEqual(withoutLastEpoch(this.harness.replayed()))
  }

  onReply(id: number): void {
    this.replies.set(id, (this.replies.get(id) ?? 0) + 1)
    expect(this.replies.get(id)).toBe(1)
    const body = this.harness.answers.get(id) as { errorCode?: number; producerId?: number; producerEpoch?: number }
    const owner = this.askedBy.get(id)
    if (owner === undefined || body.errorCode !== 0 || body.producerId === undefined || body.producerId < 0) return
    this.owners.set(owner, { producerId: body.producerId, producerEpoch: body.producerEpoch! })
  }

  onRecord(id: string, body: string): void {
    const field = (name: string): number => Number(new RegExp(`(?:^| )${name}=(-?\\d+)`).exec(body)![1])
    const next: Fate = {
      state: stateOfId(field('transactionStatus'))!,
      producerId: field('producerId'),
      producerEpoch: field('producerEpoch'),
      partitions: [...body.matchAll(/topic=(\S+) partitionIds=\[([\d ]*)\]/g)].flatMap(([, name, numbers]) =>
        numbers.split(' ').map((number) => `${name}:${number}`),
      ),
      written: new Set(),
    }
    const before = this.log.get(id)
    this.log.set(id, next)
    if (before === undefined) return
    expect(transactionEdges(before.state, next.state)).toBe(next.state)
    expect(next.producerId).toBeGreaterThanOrEqual(before.producerId)
    if (next.producerId === before.producerId) {
      expect(next.producerEpoch).toBeGreaterThanOrEqual(before.producerEpoch)
    } else expect(next.producerEpoch).toBe(0)
    expect(next.producerEpoch).toBeLessThanOrEqual(32767)
    if (isPrepared(before.state)) expect([...before.written].sort()).toEqual([...before.partitions].sort())
    if (next.state === 'ONGOING' && before.state === 'ONGOING') {
      expect(next.partitions).toEqual(expect.arrayContaining(before.partitions))
    }
  }

  ask(line: string): void {
    const id = ++this.asked
    const parsed = parseStep(line)
    if (parsed.verb === 'init' || (parsed.verb === 'end' && Number(parsed.args.version ?? 5) >= 5)) {
      this.askedBy.set(id, parsed.args.id)
    }
    this.see(this.harness.ask(request(parsed), id))
  }

  /** The leader writes the marker (or not), and its answer arrives (or not). */
  answer(choice: number, word: string, repeat: boolean): void {
    if (this.markers.length === 0) return
    const index = choice % this.markers.length
    const { id, partition, marker } = this.markers[index]
    if (!repeat) this.markers.splice(index, 1)
    const fate = [...this.log.values()].find(
      (each) =>
        each.producerId === marker.producerId && each.producerEpoch === marker.producerEpoch && isPrepared(each.state),
    )
    if (word === 'NONE' || word === 'lost') fate?.written.add(partition)
    if (word === 'lost') return
    const body =
      word in KafkaError ? { error: KafkaError[word as keyof typeof KafkaError] } : { kind: 'failed', reason: word }
    this.see(this.harness.deliver({ kind: 'reply', id, body }))
  }

  giveIds(error: number): void {
    for (const id of this.ids.splice(0)) {
      const body = error === 0 ? { error, producerId: this.nextProducerId++ } : { error, producerId: -1 }
      this.see(this.harness.deliver({ kind: 'reply', id, body }))
    }
  }

  step(line: string): void {
    this.see(this.harness.step(line)!)
  }

  settle(): void {
    for (let round = 0; round < 40; round++) {
      this.giveIds(0)
      while (this.markers.length > 0) this.answer(0, 'NONE', false)
      this.step('advance 1000')
    }
  }

  heal(): void {
    this.step('commit')
    this.step('refuse NONE')
    this.settle()
    // Before the reload, which would answer whoever was forgotten.
    expect(this.harness.unanswered()).toBe(0)
    // A coordinator that was told it is fenced leaves the transaction to the next one.
    this.step('reload')
    this.settle()
    expect(this.replies.size).toBe(this.asked)
    expect([...this.harness.state.transactions.values()].filter(({ state }) => isPrepared(state))).toEqual([])
    expect(this.harness.state.completions.size + this.harness.state.parked.size + this.harness.state.asks.size).toBe(0)
  }
}

const ids = fc.constantFrom('a', 'b', 'c')
const partitions = fc.constantFrom('t:0', 't:1', 't:0,1,2', 'u:0')
/** Mostly what the owner would say, sometimes what a zombie would. */
const staleness = fc.constantFrom(0, 0, 0, 0, 1, 2, -1)
const answers = fc.constantFrom(
  'NONE',
  'NONE',
  'NONE',
  'NONE',
  'lost',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS',
  'UNKNOWN_SERVER_ERROR',
  'TRANSACTION_COORDINATOR_FENCED',
  'actor-crashed',
  'broker-down',
)

/** A walk is a list of these lines: what fast-check prints when it fails is what happened. */
function commands(version: number): fc.Arbitrary<string> {
  const addVersion = version === 2 ? fc.constantFrom(5, 5, 5, 3) : fc.constant(3)
  const endVersion = version === 2 ? fc.constantFrom(5, 5, 5, 5, 4) : fc.constantFrom(4, 1)
  const line = (weight: number, verb: string, ...words: fc.Arbitrary<unknown>[]) => ({
    weight,
    arbitrary: fc.tuple(...words).map((each) => [verb, ...each].join(' ')),
  })
  return fc.oneof(
    line(3, 'init', ids),
    line(2, 'bump', ids, staleness),
    line(8, 'add', ids, staleness, addVersion, partitions),
    line(2, 'verify', ids, staleness, fc.constant(5), partitions),
    line(2, 'offsets', ids, staleness, fc.constant(3)),
    line(8, 'end', ids, staleness, endVersion, fc.constantFrom('commit', 'abort')),
    line(1, 'list'),
    line(14, 'answer', fc.nat(20), answers, fc.constantFrom('once', 'once', 'once', 'twice')),
    line(6, 'ids', fc.constantFrom(0, 0, 0, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)),
    line(5, 'advance', fc.constantFrom(10, 50, 100, 1000, 12_000, 31_000)),
    line(1, 'hold'),
    line(2, 'commit'),
    line(1, 'reload'),
    line(1, 'refuse NOT_ENOUGH_REPLICAS'),
    line(2, 'leader', fc.constantFrom('t:0', 't:1', 'u:0'), fc.constantFrom(-1, 1, 2, 3)),
  )
}

function carryOut(world: World, command: string): void {
  const [verb, ...words] = command.split(' ')
  const owner = (): string => {
    const { producerId, producerEpoch } = world.owners.get(words[0]) ?? { producerId: 5, producerEpoch: 0 }
    return `id=${words[0]} pid=${producerId} epoch=${Math.max(producerEpoch - Number(words[1]), 0)}`
  }
  switch (verb) {
    case 'init':
      return world.ask(`init id=${words[0]} timeout=20000`)
    case 'bump':
      return world.ask(`init ${owner()}`)
    case 'add':
    case 'verify':
    case 'end':
      return world.ask(`${verb} ${owner()} version=${words[2]} ${words[3]}`)
    case 'offsets':
      return world.ask(`offsets ${owner()} group=g`)
    case 'list':
      return world.ask('list')
    case 'answer':
      return world.answer(Number(words[0]), words[1], words[2] === 'twice')
    case 'ids':
      return world.giveIds(Number(words[0]))
    case 'leader':
      return moveLeader(world.topics, words[0], Number(words[1]))
    default:
      return world.step(command)
  }
}

for (const version of [2, 1]) {
  test(`transaction.version ${version}: random requests, faults and reloads`, () => {
    const property = fc.property(fc.array(commands(version), { minLength: 20, maxLength: 120 }), (run) => {
      const world = new World(version)
      for (const command of run) carryOut(world, command)
      for (const name of ['t:0', 't:1', 'u:0']) moveLeader(world.topics, name, 1)
      world.heal()
    })
    fc.assert(property, { numRuns: 150, seed: 4_3_1 + version })
  })
}

test('the walks reach every state, rotation and parking (the property is not vacuous)', () => {
  const seen = new Set<string>()
  const property = fc.property(fc.array(commands(2), { minLength: 100, maxLength: 120 }), (run) => {
    const world = new World(2)
    for (const command of run) {
      carryOut(world, command)
      for (const { state, producerId } of world.log.values()) seen.add(state).add(producerId > 7 ? 'rotated' : '')
      if (world.harness.shard.phase === 'active' && world.harness.state.parked.size > 0) seen.add('parked')
    }
  })
  fc.assert(property, { numRuns: 30, seed: 7 })
  expect(seen).toEqual(
    new Set([
      '',
      'rotated',
      'parked',
      'EMPTY',
      'ONGOING',
      'PREPARE_COMMIT',
      'PREPARE_ABORT',
      'COMPLETE_COMMIT',
      'COMPLETE_ABORT',
    ]),
  )
})
