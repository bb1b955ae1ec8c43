/**
 * Runs a scenario of one replica and writes down all that it does.
 *
 * A scenario file holds several, each headed by a line `scenario: …`. A line at the margin is what happens to the
 * replica, `verb name key=value …`; the indented lines below are its effects, every one. `UPDATE=1` rewrites them.
 *
 *   given key=value …            configuration, or `safeguard.name=off`, before the first event
 *   at=N on any event            moves the clock there
 *   timer NAME                   fires a timer that is set, and moves the clock to it
 *   produce p1 records=2         p1 names the waiting front; its reply is printed under that name
 *   reply N key=value …          the answer to the replica's own request number N
 *   disk fault=append            from now on these calls fail with EIO; `disk` heals it
 *   sync                         fsyncs that are under way end
 *   restart                      a new life of the actor over the same directory
 */
import type { Effect, Message, ReplyToken } from '@troupe/actor'
import { MemoryFileSystem, type FileOperation } from '@troupe/log/memory-file-system'
import { errorName, KafkaError, type ErrorCode } from '@troupe/wire/errors'
import * as recordBatch from '@troupe/wire/record-batch'
import { replicaActor } from '../src/replica.ts'
import type { ReplicaMessage, ReplicaState } from '../src/state.ts'
import {
  batch,
  openDirectory,
  Recorder,
  replicaArgs,
  replicaConfig,
  testEnv,
  TOPIC_ID,
  type TestEnv,
} from './harness.ts'

type Fields = Record<string, string>

interface Line {
  readonly verb: string
  readonly name: string | null
  readonly fields: Fields
}

const SELF = 1

class Stage {
  readonly fs = new MemoryFileSystem()
  readonly out = new Recorder()
  readonly names = new Map<number, string>()
  readonly timers = new Map<string, { at: number; message: Message }>()
  readonly overrides: Fields = {}
  readonly safeguards: Record<string, boolean> = {}
  env: TestEnv | null = null
  state: ReplicaState | null = null
  config = replicaConfig()

  run(line: Line): string[] {
    if (line.verb === 'given') return this.given(line.fields)
    if (line.verb === 'disk') return this.disk(line.fields)
    if (this.state === null || line.verb === 'restart') this.start()
    const env = this.env as TestEnv
    if (line.fields.at !== undefined) env.now = Number(line.fields.at)
    if (line.verb === 'restart') return this.render()
    if (line.verb === 'sync') {
      this.fs.completeSyncs()
      return []
    }
    replicaActor.step(this.state as ReplicaState, this.message(line), env, this.out)
    replicaActor.invariants?.(this.state as ReplicaState)
    return this.render()
  }

  private given(fields: Fields): string[] {
    for (const [key, value] of Object.entries(fields)) {
      if (key.startsWith('safeguard.')) this.safeguards[key.slice('safeguard.'.length)] = value !== 'off'
      else this.overrides[key] = value
    }
    return []
  }

  private disk({ fault }: Fields): string[] {
    this.fs.fault = fault === undefined ? null : (operation: FileOperation) => (operation === fault ? 'EIO' : undefined)
    return []
  }

  private start(): void {
    const now = this.env?.now ?? 0
    this.timers.clear()
    this.config = replicaConfig(this.overrides)
    this.env = testEnv(SELF, this.directory(), { safeguards: this.safeguards, properties: this.overrides })
    this.env.now = now
    const isFirst = this.state === null
    this.state = replicaActor.start(replicaArgs(this.overrides), this.env, this.out)
    // Every life begins with it; only later ones are answered.
    if (isFirst) this.out.effects = this.out.effects.filter((effect) => !isRefresh(effect))
  }

  /** The broker's own files are read before the disk fails; what fails is the log. */
  private directory() {
    const { fault } = this.fs
    this.fs.fault = null
    const directory = openDirectory(this.fs, SELF)
    this.fs.fault = fault
    return directory
  }

  private token(name: string | null): ReplyToken {
    if (name === null) throw new SyntaxError('this request needs a name')
    const id = 1000 + this.names.size
    this.names.set(id, name)
    return { broker: SELF, actor: 'front', id }
  }

  private message({ verb, name, fields }: Line): ReplicaMessage {
    const build = messages[verb]
    if (verb === 'timer') return this.fire(String(name))
    if (build === undefined) throw new SyntaxError(`unknown verb ${verb}`)
    const message = build(fields, this, name)
    return (verb === 'partition' || verb === 'reply' || verb === 'unwatch' || verb === 'maintain'
      ? message
      : { ...message, replyTo: this.token(name) }) as unknown as ReplicaMessage
  }

  private fire(name: string): ReplicaMessage {
    const timer = this.timers.get(name)
    if (timer === undefined) throw new SyntaxError(`no timer ${name} is set`)
    this.timers.delete(name)
    const env = this.env as TestEnv
    env.now = Math.max(env.now, timer.at)
    return timer.message as ReplicaMessage
  }

  private render(): string[] {
    return this.out.take().map((effect) => this.renderEffect(effect))
  }

  private renderEffect(effect: Effect): string {
    switch (effect.kind) {
      case 'send': {
        const { kind, replyTo, ...rest } = effect.message as Message & Record<string, unknown>
        const actor = effect.to.actor.startsWith('replica:') ? 'replica' : effect.to.actor
        return `send ${effect.to.broker}/${actor} ${kind}${replyTo ? ` #${replyTo.id}` : ''} ${render(rest)}`
      }
      case 'reply':
        return `reply ${this.names.get(effect.token.id) ?? `?${effect.token.id}`} ${render(effect.body)}`
      case 'setTimer':
        this.timers.set(effect.name, { at: effect.at, message: effect.message })
        return `timer ${effect.name} at=${effect.at}`
      case 'cancelTimer':
        this.timers.delete(effect.name)
        return `cancel ${effect.name}`
      case 'trace':
        return `trace ${effect.event} ${render(effect.fields)}`
      default:
        return JSON.stringify(effect)
    }
  }

  nameOf(name: string): ReplyToken {
    for (const [id, known] of this.names) if (known === name) return { broker: SELF, actor: 'front', id }
    throw new SyntaxError(`nobody is called ${name}`)
  }
}

const isRefresh = (effect: Effect): boolean => effect.kind === 'send' && effect.message.kind === 'refreshPartition'

const number = (fields: Fields, key: string, otherwise: number): number =>
  fields[key] === undefined ? otherwise : Number(fields[key])
const list = (text: string): number[] => (text === '' ? [] : text.split(',').map(Number))
/** `1:7,2:8`: broker 1 in epoch 7, broker 2 in epoch 8. */
const epochs = (text: string): Map<number, number> =>
  new Map(text.split(',').map((pair) => pair.split(':').map(Number) as [number, number]))
const code = (name: string | undefined): ErrorCode => KafkaError[(name ?? 'NONE') as keyof typeof KafkaError]

/** How each verb's fields become a message; what is not said has the value that matters least. */
const messages: Record<string, (fields: Fields, stage: Stage, name: string | null) => Record<string, unknown>> = {
  partition: (fields, stage) => ({
    kind: 'partition',
    view: {
      partition: 0,
      leader: number(fields, 'leader', -1),
      leaderEpoch: number(fields, 'epoch', 0),
      partitionEpoch: number(fields, 'partitionEpoch', 0),
      replicas: list(fields.replicas ?? '1,2,3'),
      isr: list(fields.isr ?? fields.replicas ?? '1,2,3'),
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leaderRecoveryState: number(fields, 'recovery', 0),
    },
    config: stage.config,
    eligibleBrokers: epochs(fields.alive ?? '1:1,2:1,3:1'),
    brokerEpoch: 1,
  }),
  produce: (fields) => ({
    kind: 'produce',
    ...records(fields),
    acks: number(fields, 'acks', -1),
    timeoutMs: number(fields, 'timeout', 30_000),
    transaction: transaction(fields),
  }),
  append: (fields) => ({
    kind: 'append',
    ...records(fields),
    leaderEpoch: number(fields, 'epoch', 0),
    guard: number(fields, 'guard', 0),
  }),
  writeTxnMarker: (fields) => ({
    kind: 'writeTxnMarker',
    ...producer(fields),
    coordinatorEpoch: number(fields, 'coordinatorEpoch', 0),
    commit: fields.commit !== 'false',
    transactionVersion: number(fields, 'version', 2),
  }),
  verifyTransaction: (fields) => ({ kind: 'verifyTransaction', ...producer(fields), transaction: transaction(fields) }),
  fetch: (fields) => ({
    kind: 'fetch',
    offset: number(fields, 'offset', 0),
    maxBytes: number(fields, 'maxBytes', 1e6),
    minOneBatch: true,
    isolation: fields.isolation ?? 'read_uncommitted',
    currentLeaderEpoch: number(fields, 'epoch', -1),
    lastFetchedEpoch: number(fields, 'lastFetchedEpoch', -1),
  }),
  watch: (fields) => ({
    kind: 'watch',
    offset: number(fields, 'offset', 0),
    isolation: fields.isolation ?? 'read_uncommitted',
  }),
  unwatch: (_fields, stage, name) => ({ kind: 'unwatch', token: stage.nameOf(String(name)) }),
  followerFetch: (fields) => ({
    kind: 'followerFetch',
    replica: number(fields, 'replica', 2),
    brokerEpoch: number(fields, 'brokerEpoch', 1),
    leaderEpoch: number(fields, 'epoch', 0),
    offset: number(fields, 'offset', 0),
    lastFetchedEpoch: number(fields, 'lastFetchedEpoch', -1),
    logStartOffset: number(fields, 'logStart', 0),
    highWatermark: number(fields, 'hw', 0),
    maxBytes: number(fields, 'maxBytes', 1e6),
    maxWaitMs: number(fields, 'wait', 500),
  }),
  listOffset: (fields) => ({
    kind: 'listOffset',
    timestamp: number(fields, 'timestamp', -1),
    isolation: fields.isolation ?? 'read_uncommitted',
    currentLeaderEpoch: number(fields, 'epoch', -1),
  }),
  offsetForLeaderEpoch: (fields) => ({
    kind: 'offsetForLeaderEpoch',
    leaderEpoch: number(fields, 'of', 0),
    currentLeaderEpoch: number(fields, 'epoch', -1),
  }),
  deleteRecords: (fields) => ({
    kind: 'deleteRecords',
    offset: number(fields, 'offset', -1),
    timeoutMs: number(fields, 'timeout', 30_000),
  }),
  describe: () => ({ kind: 'describe' }),
  describeProducers: () => ({ kind: 'describeProducers' }),
  readLog: (fields) => ({
    kind: 'readLog',
    leaderEpoch: number(fields, 'epoch', 0),
    offset: number(fields, 'offset', -1),
    maxBytes: 1e6,
  }),
  awaitCommitted: (fields) => ({
    kind: 'awaitCommitted',
    offset: number(fields, 'offset', 0),
    leaderEpoch: number(fields, 'epoch', 0),
  }),
  maintain: () => ({ kind: 'maintain' }),
  reply: (fields, _stage, name) => ({ kind: 'reply', id: Number(name), body: answerBody(fields) }),
}

function producer(fields: Fields): { producerId: number; producerEpoch: number } {
  const [id, epoch] = (fields.producer ?? '7/0').split('/').map(Number)
  return { producerId: id, producerEpoch: epoch }
}

/** `records=2`, or `marker=commit` of a producer as a coordinator would append it. */
function records(fields: Fields): { records: Uint8Array } {
  if (fields.marker !== undefined) {
    return {
      records: recordBatch.buildEndTxnMarker({
        ...producer(fields),
        coordinatorEpoch: 0,
        commit: fields.marker === 'commit',
        timestamp: 1000,
      }),
    }
  }
  const identity =
    fields.producer === undefined
      ? {}
      : {
          ...producer(fields),
          baseSequence: number(fields, 'sequence', 0),
        }
  return {
    records: batch({
      values: values(number(fields, 'records', 1)),
      timestamp: number(fields, 'timestamp', 1000),
      ...identity,
      isTransactional: fields.txn !== undefined,
    }),
  }
}

const values = (count: number): string[] => Array.from({ length: count }, (_, index) => `value-${index}`)

/** `txn=v2` adds the partition on the way, `txn=v1` only asks; `coordinator=none` knows nobody to ask. */
function transaction(fields: Fields): Record<string, unknown> | null {
  if (fields.txn === undefined || fields.txn === 'none') return null
  return {
    transactionalId: 'tx',
    coordinator: fields.coordinator === 'none' ? null : { broker: 2, actor: 'transactions:0' },
    addPartition: fields.txn === 'v2',
    supportsAbortable: fields.txn === 'v2',
  }
}

/** `isr=…` is the controller's answer, `verified=…` a coordinator's, `failed=…` the shell's; the rest the leader's. */
function answerBody(fields: Fields): unknown {
  if (fields.failed !== undefined) return { kind: 'failed', reason: fields.failed }
  if (fields.refused !== undefined) return { kind: 'refused', error: code(fields.refused) }
  if (fields.verified !== undefined) {
    return {
      error: KafkaError.NONE,
      partitionErrors: [{ topic: 'events', partition: 0, error: code(fields.verified) }],
    }
  }
  if (fields.isr !== undefined) {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      topics: [
        {
          topicId: TOPIC_ID,
          partitions: [
            {
              partitionIndex: 0,
              errorCode: code(fields.error),
              leaderId: SELF,
              leaderEpoch: number(fields, 'epoch', 0),
              isr: list(fields.isr),
              leaderRecoveryState: 0,
              partitionEpoch: number(fields, 'partitionEpoch', 0),
            },
          ],
        },
      ],
    }
  }
  const offset = number(fields, 'offset', 0)
  const [divergingEpoch, endOffset] = (fields.diverging ?? '').split('/').map(Number)
  return {
    error: code(fields.error),
    leaderEpoch: number(fields, 'epoch', 0),
    offset,
    records: copied(fields, offset),
    highWatermark: number(fields, 'hw', 0),
    logStartOffset: number(fields, 'logStart', 0),
    logEndOffset: number(fields, 'logEnd', -1),
    divergingEpoch: fields.diverging === undefined ? null : { epoch: divergingEpoch, endOffset },
  }
}

/** One batch of `records=N`, or `batches=N` of one record each, as the leader has stamped them. */
function copied(fields: Fields, offset: number): Uint8Array | null {
  const leaderEpoch = number(fields, 'recordEpoch', number(fields, 'epoch', 0))
  const base = number(fields, 'base', offset)
  if (fields.records !== undefined) {
    return batch({ values: values(number(fields, 'records', 1)), baseOffset: base, leaderEpoch })
  }
  const batches = values(number(fields, 'batches', 0)).map((value, index) =>
    batch({
      values: [value],
      baseOffset: base + index,
      leaderEpoch,
    }),
  )
  return batches.length === 0 ? null : new Uint8Array(batches.flatMap((each) => [...each]))
}

/** Plain data on one line: errors by name, batches as `[first…last @ leader epoch]`, nothing said about nulls. */
function render(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .filter(([, field]) => field !== null && field !== undefined && !(Array.isArray(field) && field.length === 0))
    .map(([key, field]) => `${key}=${renderField(key, field)}`)
    .join(' ')
}

function renderField(key: string, field: unknown): string {
  if (key === 'error') return errorName(field as ErrorCode)
  if (typeof field === 'string') return /^[\w.:/-]+$/.test(field) ? field : JSON.stringify(field)
  if (typeof field !== 'object' || field === null) return String(field)
  if (field instanceof Uint8Array) return renderBatches(field)
  if ('readInto' in field) {
    const slice = field as { sizeInBytes: number; readInto(target: Uint8Array, at: number): number }
    const bytes = new Uint8Array(slice.sizeInBytes)
    slice.readInto(bytes, 0)
    return renderBatches(bytes)
  }
  if (Array.isArray(field)) return `[${field.map((each) => renderField('', each)).join(',')}]`
  if (key === 'body') {
    return `{${render((field as { topics?: { partitions?: unknown[] }[] }).topics?.[0].partitions?.[0] ?? field)}}`
  }
  return `{${render(field)}}`
}

function renderBatches(bytes: Uint8Array): string {
  const found: string[] = []
  recordBatch.forEachBatch(bytes, (at) => {
    const { baseOffset, lastOffset, partitionLeaderEpoch } = recordBatch
    found.push(`[${baseOffset(bytes, at)}…${lastOffset(bytes, at)} @${partitionLeaderEpoch(bytes, at)}]`)
  })
  return found.join('')
}

function parse(text: string): Line {
  const [verb, ...words] = text.trim().split(/\s+/)
  const name = words.length > 0 && !words[0].includes('=') ? (words.shift() ?? null) : null
  const fields: Fields = {}
  for (const word of words) {
    const at = word.indexOf('=')
    if (at < 0) throw new SyntaxError(`${word} in: ${text}`)
    fields[word.slice(0, at)] = word.slice(at + 1)
  }
  return { verb, name, fields }
}

export interface Scenario {
  readonly title: string
  readonly lines: readonly string[]
}

export function scenariosOf(text: string): Scenario[] {
  const found: { title: string; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('scenario: ')) found.push({ title: line.slice('scenario: '.length), lines: [] })
    else found.at(-1)?.lines.push(line)
  }
  return found
}

/** The scenario with the effects that it has now. */
export function perform({ title, lines }: Scenario): string {
  const stage = new Stage()
  const written = [`scenario: ${title}`]
  for (const line of lines) {
    if (line.startsWith('  ')) continue
    written.push(line)
    if (line !== '' && !line.startsWith('#')) written.push(...stage.run(parse(line)).map((effect) => `  ${effect}`))
  }
  return written.join('\n')
}
