/**
 * Three replicas of one partition, a controller, and a network that delays, reorders between pairs, drops and cuts:
 * everything from one seed. The replicas are the real actors over the real log on disks in memory.
 *
 * The controller here is the smallest one that keeps KRaft's promises: it elects from the ISR only, compares partition
 * epochs and broker epochs in AlterPartition, and fences brokers that are gone. It has no ELR; instead no disk is lost
 * while fewer than two other members of the ISR would keep what was acknowledged.
 */
import type { Effect, Message, ReplyToken, Safeguards } from '@troupe/actor'
import type { ControllerRequest } from '@troupe/controller/messages'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'
import { KafkaError } from '@troupe/wire/errors'
import type { AlterPartitionRequest } from '@troupe/wire/messages'
import type { Produced, ReplicaArgs } from '../src/messages.ts'
import { replicaActor } from '../src/replica.ts'
import type { ReplicaMessage, ReplicaState } from '../src/state.ts'
import { Checker } from './checker.ts'
import { batch, openDirectory, randomOf, Recorder, replicaArgs, testEnv, type TestEnv } from './harness.ts'

const BROKERS = [1, 2, 3]

export interface ClusterOptions {
  readonly seed: number
  readonly minIsr: number
  readonly safeguards?: Partial<Safeguards>
  /** Share of messages that get lost, 0…1. */
  readonly loss: number
  /** What happens beside produces: mostly crashes and cuts, or mostly elections among brokers that live. */
  readonly weather: 'failures' | 'elections'
}

interface Broker {
  readonly id: number
  readonly fs: MemoryFileSystem
  epoch: number
  /** null while it is down. */
  running: {
    state: ReplicaState
    env: TestEnv
    timers: Map<string, { at: number; message: Message }>
    life: number
  } | null
  /** Counts its starts: what was sent to an earlier life is lost. */
  life: number
}

interface Partition {
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  isr: number[]
}

type Event = { at: number; order: number; run: () => void }

export class Cluster {
  readonly brokers = new Map<number, Broker>()
  readonly partition: Partition = { leader: 1, leaderEpoch: 0, partitionEpoch: 0, isr: [...BROKERS] }
  readonly checker: Checker
  readonly #events: Event[] = []
  readonly #random: () => number
  readonly #out = new Recorder()
  readonly #args: ReplicaArgs
  readonly #options: ClusterOptions
  readonly #safeguards: Partial<Safeguards>
  /** Pairs of brokers that cannot hear each other. */
  readonly #cut = new Set<string>()
  readonly #produced = new Map<number, { value: string; acks: number }>()
  #fenced = new Set<number>()
  #published = 0
  #order = 0
  #nextRequest = 1
  #nextEpoch = 10
  loss: number
  now = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#random = randomOf(options.seed)
    this.#safeguards = options.safeguards ?? {}
    this.loss = options.loss
    this.checker = new Checker(this)
    this.#args = replicaArgs({
      'min.insync.replicas': String(options.minIsr),
      'replica.lag.time.max.ms': '2000',
      'replica.fetch.wait.max.ms': '200',
      'replica.fetch.backoff.ms': '100',
      'request.timeout.ms': '2000',
    })
    for (const id of BROKERS) {
      this.brokers.set(id, {
        id,
        fs: new MemoryFileSystem({ syncAtOnce: true }),
        epoch: this.#nextEpoch++,
        running: null,
        life: 0,
      })
      this.#start(id)
    }
    this.#publish()
  }

  chance(probability: number): boolean {
    return this.#random() / 2 ** 32 < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.#random() % items.length]
  }

  /** One thing that clients, operators or misfortune do. */
  act(): void {
    const roll = this.#random() % 100
    if (roll < 60) this.produce(this.pick([-1, -1, -1, 1]))
    else if (this.#options.weather === 'elections' && this.chance(0.7)) this.reelect()
    else if (roll < 66) this.crash(this.pick(BROKERS))
    else if (roll < 76) this.restartSome()
    else if (roll < 80) this.#cut.add(this.pick(['1-2', '1-3', '2-3']))
    else if (roll < 88) this.#cut.clear()
    else if (roll < 91) this.reelect()
    else if (roll < 93) this.deleteRecords()
    this.run(this.#random() % 300)
  }

  produce(acks: number): void {
    const { leader } = this.partition
    if (leader < 0) return
    const id = this.#nextRequest++
    const value = `record-${id}`
    this.#produced.set(id, { value, acks })
    const message: Message = {
      kind: 'produce',
      replyTo: { broker: 0, actor: 'client', id },
      records: batch({ values: [value] }),
      acks,
      timeoutMs: 5_000,
      transaction: null,
    } as Message
    this.#after(1, () => this.#deliver(leader, message))
  }

  deleteRecords(): void {
    const { leader } = this.partition
    const state = this.brokers.get(leader)?.running?.state
    const log = state?.role === 'leader' ? state.log : null
    if (!log) return
    const id = this.#nextRequest++
    this.#deliver(leader, {
      kind: 'deleteRecords',
      replyTo: { broker: 0, actor: 'client', id },
      offset: Math.max(log.logStartOffset, log.highWatermark - 3),
      timeoutMs: 1_000,
    } as Message)
  }

  /** The process dies. Its disk forgets what was not synced when enough others remember. */
  crash(id: number): void {
    const broker = this.brokers.get(id) as Broker
    if (broker.running === null) return
    broker.running = null
    // What an ISR of fewer has acknowledged may be nowhere else; and who has lost something leaves the ISR first.
    if (this.partition.isr.filter((member) => member !== id).length >= 2 && this.chance(0.3)) {
      broker.fs.crash({ random: this.#random })
      return this.#fence(id)
    }
    this.#after(20 + (this.#random() % 200), () => {
      if (this.brokers.get(id)?.running === null) this.#fence(id)
    })
  }

  restartSome(): void {
    const down = BROKERS.filter((id) => this.brokers.get(id)?.running === null)
    if (down.length > 0) this.restart(this.pick(down))
  }

  restart(id: number): void {
    const broker = this.brokers.get(id) as Broker
    if (broker.running !== null) return
    // Registering anew fences the earlier incarnation first.
    this.#fence(id)
    broker.epoch = this.#nextEpoch++
    this.#fenced.delete(id)
    this.#start(id)
    if (this.partition.leader < 0) this.#elect()
    else this.#publish()
  }

  /** As when a preferred leader is elected, or the same one anew. */
  reelect(): void {
    const candidates = this.partition.isr.filter((id) => this.#isAlive(id))
    if (candidates.length === 0) return
    this.partition.leader = this.pick(candidates)
    this.partition.leaderEpoch++
    this.partition.partitionEpoch++
    this.#publish()
  }

  /** Everything heals. */
  heal(): void {
    this.#cut.clear()
    this.loss = 0
    for (const id of BROKERS) this.restart(id)
  }

  run(forMs: number): void {
    const until = this.now + forMs
    for (;;) {
      const next = this.#next()
      if (next === null || next.at > until) break
      this.#events.splice(this.#events.indexOf(next), 1)
      this.now = Math.max(this.now, next.at)
      next.run()
    }
    this.now = until
  }

  #next(): Event | null {
    let found: Event | null = null
    for (const event of this.#events) {
      if (found === null || event.at < found.at || (event.at === found.at && event.order < found.order)) found = event
    }
    return found
  }

  #after(delay: number, run: () => void): void {
    this.#events.push({ at: this.now + delay, order: this.#order++, run })
  }

  #isAlive(id: number): boolean {
    return this.brokers.get(id)?.running !== null && !this.#fenced.has(id)
  }

  #fence(id: number): void {
    if (this.#fenced.has(id)) return
    this.#fenced.add(id)
    const { partition } = this
    const rest = partition.isr.filter((member) => member !== id)
    // The last member stays: only it may lead.
    if (rest.length > 0 && rest.length < partition.isr.length) {
      partition.isr = rest
      partition.partitionEpoch++
    }
    if (partition.leader === id) this.#elect()
    else this.#publish()
  }

  #elect(): void {
    const { partition } = this
    const candidates = partition.isr.filter((id) => !this.#fenced.has(id))
    partition.leader = candidates.length > 0 ? this.pick(candidates) : -1
    partition.leaderEpoch++
    partition.partitionEpoch++
    this.#publish()
  }

  /** Each broker hears of new metadata at its own time, in order; of several changes perhaps only the last. */
  #publish(): void {
    const version = ++this.#published
    const { leader, leaderEpoch, partitionEpoch, isr } = this.partition
    const view = {
      partition: 0,
      leader,
      leaderEpoch,
      partitionEpoch,
      leaderRecoveryState: 0,
      replicas: BROKERS,
      isr: [...isr],
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
    }
    const alive = [...this.brokers.values()].filter(({ id }) => !this.#fenced.has(id))
    const eligibleBrokers = new Map(alive.map(({ id, epoch }) => [id, epoch]))
    for (const broker of this.brokers.values()) {
      const { running } = broker
      if (running === null) continue
      const { life } = running
      const message = {
        kind: 'partition',
        view,
        config: this.#args.config,
        eligibleBrokers,
        brokerEpoch: broker.epoch,
      } as Message
      this.#inOrder(0, broker.id, () => {
        if (this.#published > version && this.chance(0.5)) return
        if (this.brokers.get(broker.id)?.running?.life === life) this.#deliver(broker.id, message)
      })
    }
  }

  readonly #lastArrival = new Map<string, number>()

  /** Between two ends messages keep their order, as on a connection. */
  #inOrder(from: number, to: number, run: () => void): void {
    const key = `${from}→${to}`
    const at = Math.max(this.now + 1 + (this.#random() % 20), this.#lastArrival.get(key) ?? 0)
    this.#lastArrival.set(key, at)
    this.#events.push({ at, order: this.#order++, run })
  }

  #start(id: number): void {
    const broker = this.brokers.get(id) as Broker
    const env = testEnv(id, openDirectory(broker.fs, id), { safeguards: this.#safeguards, random: this.#random })
    env.now = this.now
    const state = replicaActor.start(this.#args, env, this.#out)
    broker.running = { state, env, timers: new Map(), life: ++broker.life }
    this.#perform(id)
  }

  #deliver(id: number, message: Message): void {
    const running = this.brokers.get(id)?.running
    if (!running) return
    running.env.now = this.now
    replicaActor.step(running.state, message as ReplicaMessage, running.env, this.#out)
    replicaActor.invariants?.(running.state)
    this.#perform(id)
    this.checker.afterStep(running.state)
  }

  #perform(id: number): void {
    for (const effect of this.#out.take()) this.#performOne(id, effect)
  }

  #performOne(id: number, effect: Effect): void {
    const running = this.brokers.get(id)?.running
    if (!running) return
    switch (effect.kind) {
      case 'send':
        if (effect.to.actor === 'controller') {
          this.#controller(id, effect.message as ControllerRequest<'AlterPartition', AlterPartitionRequest>)
        } else this.#carry(id, effect.to.broker, effect.message)
        return
      case 'reply':
        return this.#reply(id, effect.token, effect.body)
      case 'setTimer':
        return this.#setTimer(id, running.life, effect)
      case 'cancelTimer':
        return void running.timers.delete(effect.name)
    }
  }

  #setTimer(id: number, life: number, effect: Effect & { kind: 'setTimer' }): void {
    const timer = { at: effect.at, message: effect.message }
    this.brokers.get(id)?.running?.timers.set(effect.name, timer)
    this.#events.push({
      at: Math.max(effect.at, this.now),
      order: this.#order++,
      run: () => {
        const running = this.brokers.get(id)?.running
        if (running?.life !== life || running.timers.get(effect.name) !== timer) return
        running.timers.delete(effect.name)
        this.#deliver(id, timer.message)
      },
    })
  }

  #carry(from: number, to: number, message: Message): void {
    if (this.chance(this.loss) || this.#cut.has([from, to].sort().join('-'))) return
    // What lies in a file is read when the message leaves, as a shell does.
    const life = this.brokers.get(to)?.running?.life
    const sent = withBytes(message)
    this.#inOrder(from, to, () => {
      const running = this.brokers.get(to)?.running
      if (running?.life === life && running !== undefined && running !== null) return this.#deliver(to, sent)
      if (message.replyTo) this.#reply(to, message.replyTo, { kind: 'failed', reason: 'broker-down' })
    })
  }

  #reply(from: number, token: ReplyToken, body: unknown): void {
    if (token.broker === 0) return this.#answered(token.id, body)
    this.#carry(from, token.broker, { kind: 'reply', id: token.id, body } as Message)
  }

  #answered(id: number, body: unknown): void {
    const request = this.#produced.get(id)
    if (request === undefined) return
    const { error, baseOffset } = body as Produced
    if (error === KafkaError.NONE && request.acks === -1) this.checker.acknowledged(baseOffset, request.value)
  }

  #controller(from: number, request: ControllerRequest<'AlterPartition', AlterPartitionRequest>): void {
    if (this.chance(this.loss)) return
    const wanted = request.body.topics[0].partitions[0]
    this.#after(1 + (this.#random() % 20), () => {
      const answer = this.#alter(from, request.body.brokerEpoch, wanted)
      const { partition } = this
      if (this.chance(this.loss)) return
      this.#carry(from, from, {
        kind: 'reply',
        id: request.replyTo.id,
        body: {
          errorCode: 0,
          topics: [
            {
              topicId: request.body.topics[0].topicId,
              partitions: [
                {
                  partitionIndex: 0,
                  errorCode: answer,
                  leaderId: partition.leader,
                  leaderEpoch: partition.leaderEpoch,
                  isr: [...partition.isr],
                  partitionEpoch: partition.partitionEpoch,
                  leaderRecoveryState: 0,
                },
              ],
            },
          ],
        },
      } as Message)
    })
  }

  #alter(
    from: number,
    brokerEpoch: number,
    wanted: AlterPartitionRequest['topics'][number]['partitions'][number],
  ): number {
    const { partition } = this
    if (this.#fenced.has(from) || this.brokers.get(from)?.epoch !== brokerEpoch) return KafkaError.NETWORK_EXCEPTION
    if (partition.leader !== from || wanted.leaderEpoch < partition.leaderEpoch) return KafkaError.FENCED_LEADER_EPOCH
    if (wanted.partitionEpoch !== partition.partitionEpoch) return KafkaError.INVALID_UPDATE_VERSION
    for (const { brokerId, brokerEpoch: epoch } of wanted.newIsrWithEpochs) {
      if (this.#fenced.has(brokerId)) return KafkaError.INELIGIBLE_REPLICA
      if (epoch !== -1 && epoch !== this.brokers.get(brokerId)?.epoch) return KafkaError.INELIGIBLE_REPLICA
    }
    partition.isr = wanted.newIsrWithEpochs.map(({ brokerId }) => brokerId)
    partition.partitionEpoch++
    this.#publish()
    return KafkaError.NONE
  }

  get minIsr(): number {
    return this.#options.minIsr
  }
}

function withBytes(message: Message): Message {
  const body = (message as { body?: { records?: unknown } }).body
  const records = body?.records as
    | {
        sizeInBytes?: number
        readInto?(target: Uint8Array, at: number): number
      }
    | null
    | undefined
  if (!records?.readInto) return message
  const bytes = new Uint8Array(records.sizeInBytes ?? 0)
  const count = records.readInto(bytes, 0)
  return { ...message, body: { ...body, records: bytes.subarray(0, count) } } as Message
}
