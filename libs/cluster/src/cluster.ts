/**
 * A cluster of real brokers in this process: the workers that production runs, with a test's hands on them.
 *
 *     await using cluster = await Cluster.start({ brokers: 3 })
 *     await cluster.producer().send({ topic: 'greetings', value: 'hello' })
 *     await cluster.crash(await cluster.leader('greetings', 0))
 *
 * Controls resolve when what they do is done. Every one has its undo, and `heal` undoes them all.
 */
import { Admin, Consumer, Producer } from '@troupe/client'
import type { AdminClientOptions, Connector, ConsumerOptions, ProducerOptions } from '@troupe/client'
import type { AdminConfig, ConsumerConfig, ProducerConfig, Properties } from '@troupe/client'
import { portConnector } from '@troupe/client/shell/port-connector'
import { KafkaError, type ErrorName } from '@troupe/wire/errors'
import { createTopic, type NewTopicOptions } from './create-topic.ts'
import { EmbeddedBrokers } from './embedded-brokers.ts'
import { expireProducer } from './expire-producer.ts'
import type { BrokerFaults, Failure, Hindrance } from './faults.ts'
import { moveLeader } from './move-leader.ts'
import type { EmbeddedOptions } from './options.ts'
import * as questions from './questions.ts'
import { apiOf } from './requests.ts'
import { until, type UntilOptions } from './until.ts'

/** Requests that are going to be refused. */
export interface FailingRequests {
  /** How many more. */
  readonly left: number
  /** The rest is served again. */
  stop(): Promise<void>
}

const isCut: Hindrance = { isCut: true, delayMs: 0 }

export class Cluster {
  readonly #brokers: EmbeddedBrokers
  /** For `new Producer(properties, { connector })`: connections without TCP. It knows the TCP addresses too. */
  readonly connector: Connector

  private constructor(brokers: EmbeddedBrokers) {
    this.#brokers = brokers
    this.connector = portConnector((host, port) => brokers.dial(host, port))
  }

  /** Resolves when every broker serves clients. */
  static async start(options: EmbeddedOptions = {}): Promise<Cluster> {
    const brokers = new EmbeddedBrokers(options)
    try {
      await brokers.start()
    } catch (error) {
      await brokers.end()
      throw error
    }
    return new Cluster(brokers)
  }

  /** Ends all of it: afterwards no worker, timer, port or temporary directory is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#brokers.end()
  }

  // --- clients

  get clusterId(): string {
    return this.#brokers.clusterId
  }

  /** Ids, whether they run or not. */
  get brokers(): readonly number[] {
    return this.#brokers.ids
  }

  /** Where the brokers' data is. */
  get directory(): string {
    return this.#brokers.data.path
  }

  /** For any client over TCP; without TCP listeners, names that only `connector` understands. */
  get bootstrapServers(): string {
    return this.#brokers.bootstrap
  }

  producer<K = string | Uint8Array | null, V = string | Uint8Array | null>(
    properties: ProducerConfig = {},
    options: ProducerOptions<K, V> = {},
  ): Producer<K, V> {
    return new Producer<K, V>(this.#reachedBy(properties), { connector: this.connector, ...options })
  }

  consumer<K = Uint8Array | null, V = Uint8Array | null>(
    properties: ConsumerConfig = {},
    options: ConsumerOptions<K, V> = {},
  ): Consumer<K, V> {
    return new Consumer<K, V>(this.#reachedBy(properties), { connector: this.connector, ...options })
  }

  admin(properties: AdminConfig = {}, options: AdminClientOptions = {}): Admin {
    return new Admin(this.#reachedBy(properties), { connector: this.connector, ...options })
  }

  #reachedBy<Config extends Properties>(properties: Config): Config {
    return { 'bootstrap.servers': this.#brokers.embeddedBootstrap, ...properties }
  }

  /** Resolves when all its partitions have leaders. Default: one partition, a replica on each of up to three brokers. */
  createTopic(name: string, options: NewTopicOptions = {}): Promise<void> {
    return createTopic(this.#brokers, name, options)
  }

  // --- controls of brokers

  /** Its worker is gone at once, whatever it was doing. It stays away until `start`. */
  async crash(broker: number): Promise<void> {
    await this.#brokers.supervision.crash(this.#brokers.slot(broker))
    this.#brokers.hands(broker).detach()
  }

  /** Its event loop stands still, like a process under SIGSTOP: connections stay, nothing is answered. Undo: `resume`. */
  async pause(broker: number): Promise<void> {
    await this.#brokers.hands(broker).pause()
  }

  async resume(broker: number): Promise<void> {
    this.#brokers.hands(broker).resume()
  }

  /** An ordered stop: its leaders move first, unless `controlled` is false. It stays away until `start`. */
  async stop(broker: number, { controlled = true }: { controlled?: boolean } = {}): Promise<void> {
    await this.#brokers.supervision.stop(this.#brokers.slot(broker), controlled)
    this.#brokers.hands(broker).detach()
  }

  /** Starts a broker that was crashed or stopped, on its data and its ports; resolves when it serves clients. */
  async start(broker: number): Promise<void> {
    const slot = this.#brokers.slot(broker)
    await this.#brokers.supervision.start(slot)
    await until(() => slot.state === 'running', { what: () => `broker ${broker} runs, it is ${slot.state}` })
  }

  /** Resolves when this broker leads the partition. One that has no replica gets one, in the place of the last. */
  moveLeader(topic: string, partition: number, broker: number): Promise<void> {
    this.#brokers.slot(broker)
    return moveLeader(this.#brokers, topic, partition, broker)
  }

  /** Nothing more can be written to its disk. The broker ends, and is tried again until `freeDisk`. */
  fillDisk(broker: number): Promise<void> {
    return this.#brokers.hands(broker).change({ isDiskFull: true })
  }

  freeDisk(broker: number): Promise<void> {
    return this.#brokers.hands(broker).change({ isDiskFull: false })
  }

  // --- controls of links

  /**
   * Nothing passes between two brokers, in either direction; what is sent waits, like TCP's retransmissions, and arrives
   * in order after `mend`. No connection is reported as lost, so what ends is decided by Kafka's own time-outs:
   * `broker.session.timeout.ms`, `replica.lag.time.max.ms`, the quorum's fetch and election time-outs.
   */
  async cut(one: number, other: number): Promise<void> {
    await this.#link(one, other, isCut)
  }

  /** Whatever passes between two brokers takes so much longer, in each direction. */
  async slow(one: number, other: number, delayMs: number): Promise<void> {
    await this.#link(one, other, { isCut: false, delayMs })
  }

  /** Undoes `cut` and `slow`. */
  async mend(one: number, other: number): Promise<void> {
    await this.#link(one, other, null)
  }

  async #link(one: number, other: number, hindrance: Hindrance | null): Promise<void> {
    const change = (broker: number, peer: number): Promise<void> => {
      const hands = this.#brokers.hands(broker)
      return hands.change({ links: withEntry(hands.faults.links, peer, hindrance) })
    }
    await Promise.all([change(one, other), change(other, one)])
  }

  /**
   * The connections of the clients with this `client.id`, to all brokers or one: nothing more is read from them, and
   * no answer leaves, on new connections either. Undo: `mendClient`; what waited passes then.
   */
  async cutClient(clientId: string, { broker }: { broker?: number } = {}): Promise<void> {
    await this.#client(clientId, isCut, broker)
  }

  /** Each answer to this client comes so much later. */
  async slowClient(clientId: string, delayMs: number, { broker }: { broker?: number } = {}): Promise<void> {
    await this.#client(clientId, { isCut: false, delayMs }, broker)
  }

  /** Undoes `cutClient` and `slowClient`. */
  async mendClient(clientId: string): Promise<void> {
    await this.#client(clientId, null)
  }

  async #client(clientId: string, hindrance: Hindrance | null, broker?: number): Promise<void> {
    await this.#change(broker, ({ clients }) => ({ clients: withEntry(clients, clientId, hindrance) }))
  }

  async #change(broker: number | undefined, change: (faults: BrokerFaults) => Partial<BrokerFaults>): Promise<void> {
    const all = broker === undefined ? [...this.#brokers.allHands()] : [this.#brokers.hands(broker)]
    await Promise.all(all.map((hands) => hands.change(change(hands.faults))))
  }

  // --- controls of requests and producers

  /**
   * The next `times` requests of an API (`Produce`, or its key) are refused with an error (`NOT_LEADER_OR_FOLLOWER`, or
   * its code), by all brokers together or one, in the shape that Kafka gives that answer in the version asked. They
   * have no effect.
   */
  async failRequests(
    api: string | number,
    error: ErrorName | number,
    { times = 1, broker }: { times?: number; broker?: number } = {},
  ): Promise<FailingRequests> {
    const left = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
    const cell = new Int32Array(left)
    cell[0] = times
    const code = typeof error === 'number' ? error : KafkaError[error]
    if (code === undefined) throw new TypeError(`there is no error ${error}`)
    const failure: Failure = { api: apiOf(api).key, error: code, left }
    await this.#change(broker, ({ failures }) => ({ failures: [...failures, failure] }))
    return {
      get left() {
        return Math.max(0, Atomics.load(cell, 0))
      },
      stop: async () => {
        Atomics.store(cell, 0, 0)
        await this.#change(broker, ({ failures }) => ({ failures: failures.filter((one) => one !== failure) }))
      },
    }
  }

  /**
   * As if its time were over: an open transaction is aborted and its producer fenced (`transaction.timeout.ms`); without
   * one the coordinator forgets the id (`transactional.id.expiration.ms`). The coordinator itself decides and writes it.
   * There is no way back: the producer calls `initTransactions` again, or is replaced.
   */
  expireProducer(transactionalId: string): Promise<'aborted' | 'forgotten'> {
    return expireProducer(this.#brokers, transactionalId)
  }

  /** Undoes everything above, and waits until every broker runs and every partition is whole (`whole`). */
  async heal(options: UntilOptions = {}): Promise<void> {
    for (const hands of this.#brokers.allHands()) hands.resume()
    await this.#change(undefined, () => ({ links: new Map(), clients: new Map(), failures: [], isDiskFull: false }))
    const down = this.brokers.filter((broker) => this.#brokers.slot(broker).wanted === 'stopped')
    await Promise.all(down.map((broker) => this.start(broker)))
    await this.whole(options)
  }

  /** Waits until every broker runs, and every partition has a leader and all its replicas in sync. */
  async whole(options: UntilOptions = {}): Promise<void> {
    await until(
      async () => {
        const { brokers, partitions } = await this.#brokers.status()
        return (
          brokers.every(({ state, fenced }) => state === 'running' && !fenced) &&
          partitions.every(({ leader, isr, replicas }) => leader >= 0 && isr.length === replicas.length)
        )
      },
      { what: 'the cluster is whole', ...options },
    )
  }

  // --- questions

  /** −1: none. */
  async leader(topic: string, partition: number): Promise<number> {
    return (await this.partition(topic, partition)).leader
  }

  async isr(topic: string, partition: number): Promise<readonly number[]> {
    return (await this.partition(topic, partition)).isr
  }

  /** Leader, epoch, replicas and ISR, as the best informed broker knows them. */
  partition(topic: string, partition: number): Promise<questions.PartitionState> {
    return questions.partitionState(this.#brokers, topic, partition)
  }

  /** Of one topic, or all. */
  partitions(topic?: string): Promise<questions.PartitionState[]> {
    return questions.partitions(this.#brokers, topic)
  }

  /** The log of each replica whose broker runs. */
  offsets(topic: string, partition: number): Promise<questions.ReplicaOffsets[]> {
    return questions.replicaOffsets(this.#brokers, topic, partition)
  }

  /** Every group with its members, what it has committed and how far that is behind. */
  groups(): Promise<questions.GroupState[]> {
    return questions.groups(this.#brokers)
  }

  async group(groupId: string): Promise<questions.GroupState | undefined> {
    return (await this.groups()).find((group) => group.groupId === groupId)
  }

  /** The broker that coordinates a group, or a transactional.id; −1: none at the moment. */
  coordinator(kind: 'group' | 'transaction', key: string): Promise<number> {
    return questions.coordinatorOf(this.#brokers, kind, key)
  }

  openTransactions(): Promise<questions.OpenTransaction[]> {
    return questions.openTransactions(this.#brokers)
  }

  /** How far readers of committed records get, and whose transaction holds them back. */
  lastStableOffset(topic: string, partition: number): Promise<questions.StableOffset> {
    return questions.stableOffset(this.#brokers, topic, partition)
  }

  /** The active controller; −1: none. */
  async controller(): Promise<number> {
    return (await this.#brokers.status()).controllerId
  }

  /** Waits for a condition; resolves with its first answer that is truthy. */
  until<Value>(condition: () => Value | Promise<Value>, options: UntilOptions = {}): ReturnType<typeof until<Value>> {
    return until(condition, options)
  }
}

/** `null` removes the entry. */
function withEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value | null): Map<Key, Value> {
  const changed = new Map(map)
  if (value === null) changed.delete(key)
  else changed.set(key, value)
  return changed
}
