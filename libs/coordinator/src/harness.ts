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
 * `refuse <ERROR>` (the next append fails), `reload` (elected again: the state is built anew from the bytes of the log),
 * `lose` (what is not committed is truncated, then elected again), `resign`.
 */
import {
  actorNames, allSafeguards, type Address, type ClusterView, type Message, type Outbox, type ReplyToken, type Safeguards,
} from '@troupe/actor'
import type { Appended, LogRead, ReplicaRequest } from '@troupe/replication/messages'
import { KafkaError, errorName, type ErrorCode } from '@troupe/wire/errors'
import {
  baseOffset, buildEndTxnMarker, isControl, isTransactional, iterateRecords, nextOffset, producerEpoch, producerId, setBaseOffset,
} from '@troupe/wire/record-batch'
import type { Coordinator, CoordinatorEnv, CoordinatorRecord } from './contract.ts'
import { replayBatches, replayInto } from './load.ts'
import { decodeRecord, type RecordFamily } from './record-codec.ts'
import { coordinatorShard } from './shard.ts'
import type { Shard } from './shard-state.ts'
import { parseStep, show, showFields } from './transcript.ts'

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
  /** The same for a message that nobody waits for. */
  tell(message: object): string[]
  /** Delivers a message as it is: an answer to something that was sent. */
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
const self: Address = { broker: 1, actor: 'coordinator' }
const client: Address = { broker: 1, actor: 'client' }

interface Timer { readonly at: number; readonly message: Message }

export function coordinatorHarness<State, Request extends Message>(
  coordinator: Coordinator<State, Request>, options: HarnessOptions = {},
): Harness<State> {
  const family: RecordFamily = coordinator.recordFamily ?? (coordinator.kind === 'transactions' ? 'transaction' : 'group')
  const actor = coordinatorShard(coordinator)
  const queue: Message[] = []
  const timers = new Map<string, Timer>()
  const answers = new Map<number, unknown>()
  let lines: string[] = []
  let asked = 0
  let randomState = options.seed ?? 1
  const clock = { now: options.now ?? 0 }
  const env: CoordinatorEnv = {
    self,
    get now() { return clock.now },
    random() {
      // Marsaglia's xorshift: enough for ids that must differ.
      randomState ^= randomState << 13
      randomState ^= randomState >>> 17
      randomState ^= randomState << 5
      return randomState >>> 0
    },
    safeguards: { ...allSafeguards, ...options.safeguards },
    cluster: { ...emptyCluster, ...options.cluster },
    config: options.config ?? {},
  }
  const log = memoryReplica(family, (token, body) => queue.push({ kind: 'reply', id: token.id, body } as Message), (line) => lines.push(line))
  const replica = actorNames.replica(TOPIC_ID, PARTITION)
  const out: Outbox = {
    send(to, message) {
      if (to.actor === replica) log.receive(message as ReplicaRequest, clock.now)
      else if (to.actor === self.actor && to.broker === self.broker) queue.push(message)
      else {
        const shown = options.onSend?.(to, message) ?? null
        if (shown !== null) {
          lines.push(shown)
          return
        }
        const { kind, replyTo, ...fields } = message
        const id = replyTo === undefined ? '' : ` id=${replyTo.id}`
        lines.push(`send ${to.actor}@${to.broker} ${kind} ${showFields(fields, errorName)}${id}`.trimEnd())
      }
    },
    reply(token, body) {
      answers.set(token.id, body)
      lines.push(`reply ${token.id} ${showFields(body as object, errorName) || 'ok'}`)
    },
    setTimer(name, at, message) {
      timers.set(name, { at, message })
      if (options.showTimers !== false && message.kind === 'coordinatorTimer') lines.push(`timer ${name} +${at - clock.now}`)
    },
    cancelTimer(name) {
      timers.delete(name)
      if (options.showTimers !== false) lines.push(`cancel ${name}`)
    },
    spawn() {},
    stop() {},
    trace() {},
  }
  const shard = actor.start({ partition: PARTITION, topicId: TOPIC_ID, topic: options.topic ?? '__internal' }, env, out)
  const run = (message?: Message): string[] => {
    lines = []
    if (message !== undefined) queue.push(message)
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      actor.step(shard, next as never, env, out)
      actor.invariants!(shard)
    }
    return lines
  }
  const advance = (ms: number): string[] => {
    const until = clock.now + ms
    const said: string[] = []
    for (;;) {
      const due = [...timers].filter(([, timer]) => timer.at <= until).sort((a, b) => a[1].at - b[1].at)[0]
      if (due === undefined) break
      timers.delete(due[0])
      clock.now = Math.max(clock.now, due[1].at)
      said.push(...run(due[1].message))
    }
    clock.now = until
    return said
  }
  const elect = (): string[] => run({ kind: 'elected', leaderEpoch: shard.leaderEpoch + 1 } as Message)
  const steps: Record<string, (words: readonly string[]) => string[]> = {
    advance: ([ms]) => advance(Number(ms)),
    hold: () => { log.held = true; return [] },
    commit: () => { log.commit(); return run() },
    refuse: ([name]) => { log.nextError = KafkaError[name as keyof typeof KafkaError]; return [] },
    reload: elect,
    lose: () => { log.lose(); return elect() },
    resign: () => run({ kind: 'resigned', leaderEpoch: shard.leaderEpoch } as Message),
  }
  elect()
  return {
    shard,
    get state() { return shard.state! },
    get now() { return clock.now },
    set now(ms: number) { clock.now = ms },
    answers,
    ask(message, id = ++asked) {
      return run({ ...message, replyTo: { ...client, id } } as unknown as Message)
    },
    deliver: (message) => run(message as Message),
    burst(messages) {
      for (const message of messages) queue.push({ ...message, replyTo: { ...client, id: ++asked } } as unknown as Message)
      return run()
    },
    tell: (message) => run(message as Message),
    step(line) {
      const { verb, words } = parseStep(line)
      return Object.hasOwn(steps, verb) ? steps[verb](words) : null
    },
    replayed() {
      const state = coordinator.create(PARTITION, env, shard.leaderEpoch)
      replayBatches(log.bytes(), family, replayInto(coordinator as Coordinator<State, never>, state))
      return state
    },
    unanswered: () => shard.outstanding.size,
    batches: () => log.count(),
    records() {
      const records: CoordinatorRecord[] = []
      replayBatches(log.bytes(), family, { record: (record) => records.push(record), endTxn: () => {} })
      return records
    },
  }
}

/** The local replica, as far as a shard talks to it. */
function memoryReplica(
  family: RecordFamily, answer: (token: ReplyToken, body: unknown) => void, say: (line: string) => void,
) {
  let batches: Uint8Array[] = []
  let endOffset = 0
  let waiting: { token: ReplyToken; body: unknown }[] = []
  const append = (token: ReplyToken, records: Uint8Array): void => {
    const first = endOffset
    setBaseOffset(records, 0, first)
    batches.push(records)
    endOffset = nextOffset(records, 0)
    const body: Appended = { error: KafkaError.NONE, baseOffset: first, nextOffset: endOffset }
    if (replica.held) waiting.push({ token, body })
    else answer(token, body)
  }
  const refused = (token: ReplyToken): boolean => {
    const error = replica.nextError
    if (error === KafkaError.NONE) return false
    replica.nextError = KafkaError.NONE
    answer(token, { error, baseOffset: -1, nextOffset: -1 } satisfies Appended)
    return true
  }
  const replica = {
    held: false,
    nextError: KafkaError.NONE as ErrorCode,
    bytes(): Uint8Array {
      const all = new Uint8Array(batches.reduce((sum, batch) => sum + batch.length, 0))
      let at = 0
      for (const batch of batches) {
        all.set(batch, at)
        at += batch.length
      }
      return all
    },
    count: () => batches.length,
    /** What was not committed is cut off, as when another broker led meanwhile. */
    lose(): void {
      endOffset = waiting.reduce((end, { body }) => Math.min(end, (body as Appended).baseOffset ?? end), endOffset)
      batches = batches.filter((batch) => baseOffset(batch, 0) < endOffset)
      waiting = []
      replica.held = false
    },
    commit(): void {
      replica.held = false
      for (const { token, body } of waiting.splice(0)) answer(token, body)
    },
    receive(message: ReplicaRequest, now: number): void {
      switch (message.kind) {
        case 'append':
          if (refused(message.replyTo)) return
          for (const line of showBatch(message.records, family)) say(line)
          return append(message.replyTo, message.records)
        case 'writeTxnMarker':
          if (refused(message.replyTo)) return
          say(`append ${message.commit ? 'commit' : 'abort'} producer=${message.producerId}/${message.producerEpoch}`)
          return append(message.replyTo, buildEndTxnMarker({ ...message, timestamp: now }))
        case 'readLog': {
          const body: LogRead = {
            error: KafkaError.NONE,
            records: endOffset === 0 ? null : replica.bytes(),
            nextOffset: endOffset,
            logEndOffset: endOffset,
            highWatermark: waiting.length > 0 ? (waiting[0].body as Appended).baseOffset : endOffset,
          }
          return answer(message.replyTo, body)
        }
        case 'awaitCommitted':
          waiting.push({ token: message.replyTo, body: { error: KafkaError.NONE } })
      }
    },
  }
  return replica
}

function* showBatch(batch: Uint8Array, family: RecordFamily): Generator<string> {
  const producer = isTransactional(batch, 0) ? ` producer=${producerId(batch, 0)}/${producerEpoch(batch, 0)}` : ''
  if (isControl(batch, 0)) return
  for (const { key, value } of iterateRecords(batch)) yield `append${producer} ${showRecord(decodeRecord(family, key!, value)!)}`
}

export function showRecord({ key, value }: CoordinatorRecord): string {
  const name = key.type.replace(/Key$/, '')
  return `${name} ${showFields(key.value as object)} ${value === null ? 'tombstone' : `= ${show(value.value)}`}`
}

const emptyCluster: ClusterView = {
  clusterId: 'test',
  offset: 0,
  epoch: 0,
  controllerId: -1,
  brokers: new Map(),
  topic: () => undefined,
  topicById: () => undefined,
  topics: () => [],
  configs: () => new Map(),
  features: new Map(),
}
