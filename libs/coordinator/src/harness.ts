/**
 * A stage for a coordinator's transcripts: the real shard actor over a partition in memory, a clock that is advanced by
 * hand, and a list of all that happens.
 *
 *   append <type> <key> = <value>       a record reached the log, decoded from its bytes; `tombstone` without a value
 *   append commit|abort producer=…      a marker
 *   reply <id> …                        an answer to the request with that id
 *   send <actor>@<broker> <kind> …      a message to someone else
 *   timer <name> +<ms>                  set; fired by `advance`
 *   cancel <name>
 *
 * Steps that every stage understands: `advance <ms>`, `hold` (appends are not committed), `commit` (they are),
 * `refuse <ERROR>` (the next append fails), `reload` (elected again: the state is built anew from the bytes of
 * the log),
 * `lose` (what is not committed is truncated, then elected again), `resign`.
 */
import {
  actorNames,
  allSafeguards,
  type ActorDefinition,
  type Address,
  type ClusterView,
  type Message,
  type Outbox,
  type Safeguards,
} from '@troupe/actor'
import type { ReplicaRequest } from '@troupe/replication/messages'
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { Coordinator, CoordinatorEnv, CoordinatorRecord } from './contract.ts'
import { replayBatches, replayInto } from './load.ts'
import { memoryReplica, type MemoryReplica } from './memory-replica.ts'
import type { RecordFamily } from './record-codec.ts'
import { coordinatorShard } from './shard.ts'
import type { Shard, ShardArgs, ShardOwnMessage } from './shard-state.ts'
import { parseStep, showFields } from './transcript.ts'

export { showRecord } from './memory-replica.ts'

export interface HarnessOptions {
  readonly config?: Readonly<Record<string, unknown>>
  readonly cluster?: Partial<ClusterView>
  readonly safeguards?: Partial<Safeguards>
  readonly topic?: string
  readonly now?: number
  readonly seed?: number
  /** Off: an effect is only said by whoever looks for it. */
  readonly showTimers?: boolean
  /** Sees every message to someone else; says how it is shown, or null for as above. */
  readonly onSend?: (to: Address, message: Message) => string | null
}

export interface Harness<State> {
  readonly shard: Shard<State>
  readonly state: State
  now: number
  /** Delivers a message (a `replyTo` with the given id is added) and everything that follows from it in this turn. */
  ask(message: object, id?: number): string[]
  /** Several requests that arrive in one turn. */
  burst(messages: readonly object[]): string[]
  /** Delivers a message as it is: one that nobody waits for, or an answer to something that was sent. */
  deliver(message: object): string[]
  /** One of the steps above; null if it is none of them. */
  step(line: string): string[] | null
  /** A fresh state made of the log's bytes up to here. */
  replayed(): State
  /** Requests that have no answer yet. */
  unanswered(): number
  /** Records in the log, markers left out. */
  records(): CoordinatorRecord[]
  /** Batches in the log. */
  batches(): number
  /** Bodies of the answers given, by id. */
  readonly answers: Map<number, unknown>
}

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const PARTITION = 0
const REPLICA = actorNames.replica(TOPIC_ID, PARTITION)
const self: Address = { broker: 1, actor: 'coordinator' }
const client: Address = { broker: 1, actor: 'client' }

interface Timer {
  readonly at: number
  readonly message: Message
}

export function coordinatorHarness<State, Request extends Message>(
  coordinator: Coordinator<State, Request>,
  options: HarnessOptions = {},
): Harness<State> {
  return new InMemory(coordinator, options)
}

class InMemory<State, Request extends Message> implements Harness<State>, Outbox {
  readonly shard: Shard<State>
  readonly answers = new Map<number, unknown>()
  now: number
  private readonly coordinator: Coordinator<State, Request>
  private readonly options: HarnessOptions
  private readonly family: RecordFamily
  private readonly actor: ActorDefinition<Shard<State>, ShardOwnMessage | Request, CoordinatorEnv, ShardArgs>
  private readonly env: CoordinatorEnv
  private readonly log: MemoryReplica
  private readonly queue: Message[] = []
  private readonly timers = new Map<string, Timer>()
  private lines: string[] = []
  private asked = 0

  constructor(coordinator: Coordinator<State, Request>, options: HarnessOptions) {
    this.coordinator = coordinator
    this.options = options
    this.now = options.now ?? 0
    this.family = coordinator.recordFamily ?? (coordinator.kind === 'transactions' ? 'transaction' : 'group')
    this.actor = coordinatorShard(coordinator)
    this.env = environment(options, () => this.now)
    this.log = memoryReplica(
      this.family,
      (token, body) => this.queue.push({ kind: 'reply', id: token.id, body } as Message),
      (line) => this.lines.push(line),
    )
    const args = { partition: PARTITION, topicId: TOPIC_ID, topic: options.topic ?? '__internal' }
    this.shard = this.actor.start(args, this.env, this)
    this.elect()
  }

  get state(): State {
    return this.shard.state!
  }

  // What a test does.

  ask(message: object, id = ++this.asked): string[] {
    return this.deliver({ ...message, replyTo: { ...client, id } })
  }

  deliver(message: object): string[] {
    this.queue.push(message as Message)
    return this.run()
  }

  burst(messages: readonly object[]): string[] {
    for (const message of messages) {
      this.queue.push({ ...message, replyTo: { ...client, id: ++this.asked } } as unknown as Message)
    }
    return this.run()
  }

  step(line: string): string[] | null {
    const { verb, words } = parseStep(line)
    switch (verb) {
      case 'advance':
        return this.advance(Number(words[0]))
      case 'hold':
        this.log.held = true
        return []
      case 'commit':
        this.log.commit()
        return this.run()
      case 'refuse':
        this.log.nextError = KafkaError[words[0] as keyof typeof KafkaError]
        return []
      case 'reload':
        return this.elect()
      case 'lose':
        this.log.lose()
        return this.elect()
      case 'resign':
        return this.deliver({ kind: 'resigned', leaderEpoch: this.shard.leaderEpoch })
      default:
        return null
    }
  }

  replayed(): State {
    const state = this.coordinator.create(PARTITION, this.env, this.shard.leaderEpoch)
    replayBatches(this.log.bytes(), this.family, replayInto(this.coordinator as Coordinator<State, never>, state))
    return state
  }

  unanswered(): number {
    return this.shard.outstanding.size
  }

  batches(): number {
    return this.log.count()
  }

  records(): CoordinatorRecord[] {
    const records: CoordinatorRecord[] = []
    replayBatches(this.log.bytes(), this.family, { record: (record) => records.push(record), endTxn: () => {} })
    return records
  }

  private elect(): string[] {
    return this.deliver({ kind: 'elected', leaderEpoch: this.shard.leaderEpoch + 1 })
  }

  private run(): string[] {
    this.lines = []
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      this.actor.step(this.shard, next as never, this.env, this)
      this.actor.invariants!(this.shard)
    }
    return this.lines
  }

  private advance(ms: number): string[] {
    const until = this.now + ms
    const said: string[] = []
    for (;;) {
      const [due] = [...this.timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)
      if (due === undefined) break
      const [name, { at, message }] = due
      this.timers.delete(name)
      this.now = Math.max(this.now, at)
      said.push(...this.deliver(message))
    }
    this.now = until
    return said
  }

  // What the shard does.

  send(to: Address, message: Message): void {
    if (to.actor === REPLICA) this.log.receive(message as ReplicaRequest, this.now)
    else if (to.actor === self.actor && to.broker === self.broker) this.queue.push(message)
    else this.lines.push(this.options.onSend?.(to, message) ?? shownMessage(to, message))
  }

  reply(token: { readonly id: number }, body: unknown): void {
    this.answers.set(token.id, body)
    this.lines.push(`reply ${token.id} ${showFields(body as object, errorName) || 'ok'}`)
  }

  setTimer(name: string, at: number, message: Message): void {
    this.timers.set(name, { at, message })
    if (message.kind === 'coordinatorTimer') this.sayOfTimer(`timer ${name} +${at - this.now}`)
  }

  cancelTimer(name: string): void {
    this.timers.delete(name)
    this.sayOfTimer(`cancel ${name}`)
  }

  spawn(): void {}
  stop(): void {}
  trace(): void {}

  private sayOfTimer(line: string): void {
    if (this.options.showTimers !== false) this.lines.push(line)
  }
}

function shownMessage(to: Address, { kind, replyTo, ...fields }: Message): string {
  const id = replyTo === undefined ? '' : ` id=${replyTo.id}`
  return `send ${to.actor}@${to.broker} ${kind} ${showFields(fields, errorName)}${id}`.trimEnd()
}

function environment({ seed = 1, safeguards, cluster, config }: HarnessOptions, now: () => number): CoordinatorEnv {
  let random = seed
  return {
    self,
    get now() {
      return now()
    },
    random() {
      // Marsaglia's xorshift: enough for ids that must differ.
      random ^= random << 13
      random ^= random >>> 17
      random ^= random << 5
      return random >>> 0
    },
    safeguards: { ...allSafeguards, ...safeguards },
    cluster: { ...emptyCluster, ...cluster },
    config: config ?? {},
  }
}

const emptyCluster: ClusterView = {
  clusterId: 'test',
  offset: 0,
  epoch: 0,
  controllerId: -1,
  brokers: new Map(),
  lostAt: new Map(),
  topic: () => undefined,
  topicById: () => undefined,
  topics: () => [],
  configs: () => new Map(),
  features: new Map(),
}
