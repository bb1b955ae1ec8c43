/**
 * Plays the consumer's transcripts: the left column is what happens to the actor, the indented lines all that it did.
 * Timers are not shown; `advance` lets them fire. The network is scripted: requests wait until the scenario answers or
 * drops them.
 *
 *     config a=b …            restarts the consumer with properties (group.id is g)
 *     metadata t=1@3,2@3 …    leaders and epochs of the topics' partitions; `all`: there are no others; `!t`: internal
 *     subscribe t,u [data=said] · subscribe - match=regex · enforceRebalance · assign t-0 · unsubscribe
 *     seek t-0=5@2 · seek t-0=- at=700 · pause t-0 · resume t-0
 *     close
 *     poll [max=n] [timeout=ms] · commit [t-0=5@2] [once] · committed t-0 · position t-0
 *     endOffsets t-0 · offsetsForTimes t-0=700 · groupMetadata
 *     answer API […]          the oldest request of that API that waits, see `responseTo`
 *     drop API                … is never answered: disconnected
 *     advance ms · off safeguard
 */
import { allSafeguards, type Message, type Outbox, type ReplyToken, type Safeguards } from '@troupe/actor'
import {
  consumerActor,
  type Committed,
  type ConsumerMessage,
  type ConsumerProperties,
  type ConsumerState,
  type OffsetsAnswer,
  type Polled,
} from '../../src/consumer.ts'
import { tellingAssignors } from './telling-assignors.ts'
import type { NetworkAnswer, NetworkRequest, WatchMetadata } from '../../src/messages.ts'
import {
  apiNames,
  data,
  error,
  listed,
  metadataOf,
  offsetsOf,
  partitionsOf,
  place,
  responseTo,
  show,
  showRequest,
  type Words,
} from './notation.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly message: ConsumerMessage
}

export class Stage {
  private now = 0
  private state: ConsumerState
  private safeguards: Safeguards = allSafeguards
  private readonly timers = new Map<string, Timer>()
  private waiting: NetworkRequest[] = []
  private readonly assignors = tellingAssignors((line) => this.done.push(line))
  private readonly questions = new Map<number, string>()
  private nextId = 1
  private order = 0
  private version = 0
  private done: string[] = []
  private readonly history: string[] = []

  constructor() {
    this.state = this.start({})
  }

  /** Everything that this one line causes. */
  play(line: string): readonly string[] {
    this.done = []
    const [command, ...rest] = line.split(' ')
    const words: Words = new Map(rest.map((word) => [word.split('=')[0], word.slice(word.indexOf('=') + 1)]))
    this.history.push(line)
    this.run(command, rest, words)
    this.history.push(...this.done)
    return this.done
  }

  private run(command: string, rest: readonly string[], words: Words): void {
    const [first = ''] = rest
    switch (command) {
      case 'config':
        this.state = this.start(Object.fromEntries([...words].map(([name, value]) => [name, typed(name, value)])))
        return
      case 'off':
        this.safeguards = { ...this.safeguards, [first]: false }
        return
      case 'advance':
        return this.advance(Number(first))
      case 'metadata':
        return this.step({ kind: 'metadataChanged', metadata: metadataOf(rest, ++this.version) })
      case 'answer':
        return this.answer(first, words)
      case 'drop':
        return this.reply(this.take(first), { kind: 'unanswered', reason: 'disconnected', broker: 1 })
      case 'subscribe':
        return this.step({
          kind: 'subscribe',
          topics: first.split(','),
          ...(words.has('match') ? { topics: [], pattern: { source: words.get('match')! } } : {}),
          ...(words.has('data') ? { userData: new TextEncoder().encode(words.get('data')) } : {}),
        })
      case 'enforceRebalance':
        return this.step({ kind: 'enforceRebalance', ...(first === '' ? {} : { reason: first }) })
      case 'assign':
        return this.step({ kind: 'assign', partitions: partitionsOf(first) })
      case 'pause':
      case 'resume':
        return this.step({ kind: command, partitions: partitionsOf(first) })
      case 'seek': {
        const [{ topic, partition, offset, leaderEpoch }] = offsetsOf(first)
        const at = words.get('at')
        const to = at === undefined ? offset : { timestamp: Number(at) }
        return this.step({ kind: 'seek', topic, partition, to, leaderEpoch })
      }
    }
    this.ask(command, first, words)
  }

  private ask(command: string, first: string, words: Words): void {
    const id = this.nextId++
    this.questions.set(id, command)
    const replyTo: ReplyToken = { broker: 100, actor: 'application', id }
    const partitions = partitionsOf(first)
    switch (command) {
      case 'poll': {
        const max = words.get('max')
        return this.step({
          kind: 'poll',
          replyTo,
          timeoutMs: Number(words.get('timeout') ?? 60_000),
          ...(max ? { maxRecords: Number(max) } : {}),
        })
      }
      case 'commit': {
        const offsets = first.includes('=') ? offsetsOf(first).map((each) => ({ ...each, metadata: '' })) : null
        return this.step({ kind: 'commit', replyTo, offsets, once: words.has('once') })
      }
      case 'committed':
      case 'endOffsets':
        return this.step({ kind: command, replyTo, partitions })
      case 'offsetsForTimes': {
        const timed = offsetsOf(first).map(({ topic, partition, offset }) => ({ topic, partition, timestamp: offset }))
        return this.step({ kind: command, replyTo, partitions: timed })
      }
      case 'position':
        return this.step({ kind: 'position', replyTo, ...partitions[0] })
      case 'groupMetadata':
      case 'unsubscribe':
        return this.step({ kind: command, replyTo })
      case 'close':
        return this.step({ kind: 'close', replyTo, timeoutMs: 10_000 })
    }
    throw new Error(`what is ${command}?`)
  }

  private start(properties: object): ConsumerState {
    this.timers.clear()
    const plain: Partial<ConsumerProperties> = {
      'group.id': 'g',
      'enable.auto.commit': false,
      'auto.offset.reset': 'earliest',
    }
    return consumerActor.start(
      {
        properties: { ...plain, 'partition.assignment.strategy': ['range'], ...properties },
        assignors: this.assignors,
      },
      this.env(),
      this.out(),
    )
  }

  private step(message: ConsumerMessage): void {
    // A state must survive being copied: the model checker does so before every step.
    const { customAssignors, ...plain } = this.state
    this.state = { ...structuredClone(plain), customAssignors }
    consumerActor.step(this.state, message, this.env(), this.out())
    consumerActor.invariants!(this.state)
  }

  private env(): Parameters<typeof consumerActor.step>[2] {
    const self = { broker: 100, actor: 'consumer:c' }
    return { self, now: this.now, random: () => 0x8000_0000, safeguards: this.safeguards }
  }

  private out(): Outbox {
    const never = (): never => {
      throw new Error('a consumer spawns nothing')
    }
    return {
      send: (_, message) => this.sent(message as NetworkRequest | WatchMetadata | Message),
      reply: (token, body) =>
        this.done.push(`${this.questions.get(token.id)}: ${said(this.questions.get(token.id)!, body)}`.trimEnd()),
      setTimer: (name, at, message) =>
        this.timers.set(name, { at, order: this.order++, message: message as ConsumerMessage }),
      cancelTimer: (name) => this.timers.delete(name),
      spawn: never,
      stop: () => this.done.push('stop'),
      trace: () => {},
    }
  }

  private sent(message: Message): void {
    if (message.kind === 'request') {
      const request = message as NetworkRequest
      this.waiting.push(request)
      const to = typeof request.to === 'object' ? request.to.id : request.to
      this.done.push(`→ ${to} ${apiNames[request.api]} ${showRequest(request.api, request.body)}`.trimEnd())
    } else if (message.kind === 'watchMetadata') {
      this.done.push(`watch ${(message as WatchMetadata).topics ?? 'all'}`.trimEnd())
    } else if (message.kind === 'closeChannel') {
      const { channel } = message as Message & { channel: string }
      this.done.push(`close ${channel}`)
    } else {
      this.done.push(message.kind)
    }
  }

  private take(api: string): NetworkRequest {
    const found = this.waiting.find((request) => apiNames[request.api] === api)
    if (found === undefined) throw new Error(`no ${api} waits; done: ${this.history.slice(-12).join(' | ')}`)
    this.waiting = this.waiting.filter((each) => each !== found)
    return found
  }

  private answer(api: string, words: Words): void {
    const request = this.take(api)
    const body = responseTo(request.api, request.body, words)
    this.reply(request, { kind: 'response', version: 0, body, broker: 1 })
  }

  private reply({ replyTo }: NetworkRequest, body: NetworkAnswer): void {
    this.step({ kind: 'reply', id: replyTo.id, body })
  }

  private advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end)
      due.sort(([, a], [, b]) => a.at - b.at || a.order - b.order)
      if (due.length === 0) break
      const [name, { at, message }] = due[0]
      this.timers.delete(name)
      this.now = Math.max(this.now, at)
      this.step(message)
    }
    this.now = end
  }
}

function typed(name: string, value: string): unknown {
  if (name === 'partition.assignment.strategy') return value.split(',')
  if (value === 'null') return null
  if (value === 'true' || value === 'false') return value === 'true'
  return /^\d+$/.test(value) ? Number(value) : value
}

function time(timestamp: number | undefined): string {
  return timestamp === undefined ? '' : ` of ${timestamp}`
}

function said(command: string, body: unknown): string {
  switch (command) {
    case 'poll': {
      const { records, events, revoking, truncations, ...polled } = body as Polled
      const text = new TextDecoder()
      return show({
        error: error(polled.error),
        records: records
          .map(
            ({ topic, partition, offset, leaderEpoch, value }) =>
              `${topic}-${partition}:${place(offset, leaderEpoch)}=${text.decode(value!)}`,
          )
          .join(' '),
        events: events
          .map(
            ({ kind, partitions, generationId, userData }) =>
              `${kind}(${listed(partitions)})/${generationId}${data(userData)}`,
          )
          .join(' '),
        revoking: listed(revoking),
        truncated: truncations
          .map(
            ({ offset, leaderEpoch, divergentOffset, reset, ...each }) =>
              `${listed([each])}:${place(offset, leaderEpoch)}→${divergentOffset}${reset ? '' : ' unresolved'}`,
          )
          .join(' '),
      })
    }
    case 'commit': {
      const { error: number, indefinite } = body as Committed
      return number === 0 ? 'ok' : `${error(number)}${indefinite ? ' (indefinite)' : ''}`
    }
    case 'committed':
    case 'position':
    case 'endOffsets':
    case 'offsetsForTimes': {
      const { error: number, offsets } = body as OffsetsAnswer
      return number === 0
        ? offsets
            .map((each) => `${listed([each])}=${place(each.offset, each.leaderEpoch)}${time(each.timestamp)}`)
            .join(' ') || 'none'
        : error(number)
    }
    case 'close':
    case 'unsubscribe': {
      const { events } = body as Pick<Polled, 'events'>
      return events
        .map(({ kind, partitions, generationId }) => `${kind}(${listed(partitions)})/${generationId}`)
        .join(' ')
    }
  }
  return show(body as Record<string, unknown>)
}
