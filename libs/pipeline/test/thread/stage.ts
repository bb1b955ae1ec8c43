/**
 * A thread alone: what it is told on the left, what it does indented below, complete but for its timers.
 *
 *     config a.property=value
 *     begin                                    the topics are there, its clients are started
 *     answer poll assigned=t-0 · records=t-0:5=a · revoking=t-0 · revoked=t-0 · lost=t-0 · standbys=0_1 · error=X
 *     answer committed t-0=5 · ends app-s-changelog-0=3 · position app-s-changelog-0=3
 *     answer restorePoll records=app-s-changelog-0:0=a
 *     answer group gen=1 [rebalancing]
 *     answer init|begin|send|flush|sendOffsets|commitTransaction|abortTransaction [severity ERROR]
 *     answer commit [ERROR] · sinkOffsets 5 · apply [refused|failed] · crashed KIND
 *     advance 100 · close
 *
 * A record's value is its key as well; in changelogs it is the count 1.
 */
import type { Env, Message, Outbox, ReplyToken } from '@troupe/actor'
import { allSafeguards } from '@troupe/actor/safeguards'
import { int64, string } from '@troupe/client/serdes'
import { KafkaError, type ErrorName } from '@troupe/wire/errors'
import { pipeline } from '../../src/dsl/pipeline.ts'
import { partitionCounts } from '../../src/engine/partitions.ts'
import type { Topology } from '../../src/topology.ts'
import { encodeAssignmentData } from '../../src/thread/assignor-data.ts'
import { pipelineThreadActor, type ThreadState } from '../../src/thread/pipeline-thread.ts'
import { show, showTrace } from './notation.ts'

const text = { key: string, value: string }

const apps = {
  /** A store with its changelog. */
  count: pipeline('app', (p) => {
    p.stream('t', text).groupByKey(text).count({ store: 's' }).toStream().to('out', { key: string, value: int64 })
  }),
  /** Nothing to restore; `bad` is poison. */
  copy: pipeline('app', (p) => {
    p.stream('t', text)
      .mapValues((value: string) => {
        if (value === 'bad') throw new RangeError('bad')
        return value
      })
      .to('out', text)
  }),
  /** Ends outside. */
  sink: pipeline('app', (p) => {
    p.stream('t', text).toSink({ name: 'outside', open: () => Promise.reject(new RangeError('never')) })
  }),
}

interface Open {
  readonly kind: string
  readonly id: number
}

const bytes = (value: string): Uint8Array => string.serialize(value)!

export class ThreadStage {
  now = 1_000_000
  readonly #lines: string[] = []
  readonly #open: Open[] = []
  readonly #timers = new Map<string, { at: number; message: Message }>()
  readonly #properties: Record<string, unknown> = { 'processing.guarantee': 'exactly_once_v2' }
  #app: keyof typeof apps = 'count'
  #state: ThreadState | null = null
  #silent = false

  perform(script: string): string {
    for (const line of script.split('\n')) {
      if (line.startsWith('    ')) continue
      this.#lines.push(line)
      if (line.startsWith('  ')) this.#command(line.trim())
    }
    return this.#lines.join('\n')
  }

  #command(line: string): void {
    const [command, ...words] = line.split(' ') as [string, ...string[]]
    switch (command) {
      case 'app':
        this.#app = words[0] as keyof typeof apps
        return
      case 'config':
        for (const word of words) this.#configure(word)
        return
      case 'begin':
        return this.#begin()
      case 'answer':
        return this.#answer(words[0]!, words.slice(1))
      case 'crashed':
        return this.#reply(words[0]!, { kind: 'failed', reason: 'actor-crashed' })
      case 'advance':
        return this.#advance(Number(words[0]))
      case 'close':
        return this.#step({ kind: 'close', replyTo: this.#application(), timeoutMs: 10_000 } as never)
    }
    throw new RangeError(`what is ${command}?`)
  }

  #configure(word: string): void {
    const [name, value] = word.split('=') as [string, string]
    this.#properties[name] = /^-?\d+$/.test(value) ? Number(value) : value
  }

  #application(): ReplyToken {
    return { broker: 0, actor: 'application', id: 0 }
  }

  get #topology(): Topology {
    return apps[this.#app].topology()
  }

  /** Starts, and answers what every start asks. */
  #begin(): void {
    this.#silent = true
    const args = {
      topology: this.#topology,
      properties: this.#properties,
      thread: 'thread',
      index: 1,
      instance: 'i',
      producer: { 'transaction.timeout.ms': 10_000 },
      sinks: { broker: 0, actor: 'sinks' },
    }
    const [out, apply] = this.#outbox()
    this.#state = pipelineThreadActor.start(args as never, this.#env(), out)
    apply()
    const counts = partitionCounts(this.#topology, () => 2)
    const all = [...counts, ['out', 2], ['dead', 1]] as [string, number][]
    const items = all.map(([key, count]) => {
      return { key, error: 0, detail: null, value: { partitions: Array.from({ length: count }) } }
    })
    this.#reply('metadata', { items })
    if (this.#open.some(({ kind }) => kind === 'init')) this.#result('init', [])
    this.#silent = false
  }

  #answer(kind: string, words: readonly string[]): void {
    switch (kind) {
      case 'poll':
      case 'restorePoll':
        return this.#reply(kind, polled(words))
      case 'committed':
      case 'ends':
      case 'position':
      case 'lag':
        return this.#reply(kind, { error: 0, detail: null, offsets: offsets(words[0] ?? '') })
      case 'group':
        return this.#reply(kind, group(words))
      case 'send':
        return this.#sent(words)
      case 'commit':
        return this.#reply(kind, { error: codeOf(words[0]), detail: null, offsets: [], indefinite: false })
      case 'sinkOffsets':
        return this.#reply(kind, { error: null, offsets: words.map((word) => (word === 'none' ? null : Number(word))) })
      case 'apply': {
        const error = words[0] === 'failed' ? 'connection lost' : null
        return this.#reply(kind, { error, applied: words.length === 0 })
      }
      case 'closeClient':
        return this.#reply(kind, { events: [] })
    }
    this.#result(kind, words)
  }

  #result(kind: string, [severity = 'none', error]: readonly string[]): void {
    this.#reply(kind, { severity, error: codeOf(error), detail: error ?? null })
  }

  #sent([error]: readonly string[]): void {
    const failed = {
      error: codeOf(error),
      detail: null,
      topic: 'out',
      partition: 0,
      offset: -1,
      timestamp: 0,
      index: 0,
    }
    this.#reply('send', { firstError: error === undefined ? null : { ...failed, indefinite: false }, results: [] })
  }

  /** To the oldest question of the kind that nobody has answered. */
  #reply(kind: string, body: unknown): void {
    const index = this.#open.findIndex((each) => each.kind === kind)
    if (index < 0) throw new RangeError(`no ${kind} is open, but ${this.#open.map((each) => each.kind)}`)
    const [{ id }] = this.#open.splice(index, 1) as [Open]
    this.#step({ kind: 'reply', id, body } as never)
  }

  #advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const [due] = [...this.#timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)
      if (due === undefined) break
      this.#timers.delete(due[0])
      this.now = Math.max(this.now, due[1].at)
      this.#step(due[1].message)
    }
    this.now = until
  }

  #env(): Env {
    return { self: { broker: 1, actor: 'thread' }, now: this.now, random: () => 0, safeguards: allSafeguards }
  }

  #step(message: Message): void {
    const [out, apply] = this.#outbox()
    pipelineThreadActor.step(this.#state!, message as never, this.#env(), out)
    apply()
  }

  #outbox(): [Outbox, () => void] {
    const self: Message[] = []
    const say = (line: string): void => void (this.#silent || this.#lines.push(`    ${line}`))
    const out: Outbox = {
      send: ({ actor }, message) => {
        if (actor === 'thread') return void self.push(message)
        if (message.replyTo) this.#open.push({ kind: this.#kindOf(message.replyTo.id), id: message.replyTo.id })
        say(`→ ${roleOf(actor)} ${show(message)}`)
      },
      reply: (_token, body) => say(`answers ${JSON.stringify(body)}`),
      setTimer: (name, at, message) => void this.#timers.set(name, { at, message }),
      cancelTimer: (name) => void this.#timers.delete(name),
      spawn: (name, kind) => say(`spawn ${kind} ${name}`),
      stop: (name) => say(`stop ${name}`),
      trace: (event, fields) => say(`· ${showTrace(event, fields as never)}`),
    }
    return [out, () => self.forEach((message) => this.#step(message))]
  }

  /** As the thread itself calls it. While it starts there is no state to look into: the first question is known. */
  #kindOf(id: number): string {
    return this.#state?.asked.get(id)?.kind ?? 'metadata'
  }
}

/** Its own clients by what they are for. */
function roleOf(actor: string): string {
  return actor.endsWith(':thread-restore') ? 'restore' : actor.replace(':thread', '')
}

function codeOf(name: string | undefined): number {
  return name === undefined ? 0 : KafkaError[name as ErrorName]
}

function partitionsOf(list: string): { topic: string; partition: number }[] {
  return list.split(',').map((each) => {
    const dash = each.lastIndexOf('-')
    return { topic: each.slice(0, dash), partition: Number(each.slice(dash + 1)) }
  })
}

function offsets(list: string): object[] {
  if (list === '') return []
  return list.split(',').map((each) => {
    const [place, offset] = each.split('=') as [string, string]
    return { ...partitionsOf(place)[0], offset: Number(offset), leaderEpoch: -1, metadata: '' }
  })
}

function polled(words: readonly string[]): object {
  const said = new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
  const events = (['revoked', 'lost', 'assigned'] as const).flatMap((kind) => {
    const list = said.get(kind)
    if (list === undefined) return []
    const standbys = said.get('standbys')?.split(',') ?? []
    const userData = encodeAssignmentData({ standbys, error: '' })
    return [{ kind, partitions: list === '' ? [] : partitionsOf(list), generationId: 1, userData }]
  })
  return {
    error: codeOf(said.get('error')),
    detail: null,
    records: records(said.get('records')),
    events,
    revoking: said.has('revoking') ? partitionsOf(said.get('revoking')!) : [],
    truncations: said.has('truncated')
      ? partitionsOf(said.get('truncated')!).map((each) => ({
          ...each,
          offset: 0,
          leaderEpoch: 0,
          divergentOffset: 0,
          reset: true,
        }))
      : [],
  }
}

/** `t-0:5=a,t-0:6=b` */
function records(list: string | undefined): object[] {
  if (list === undefined) return []
  return list.split(',').map((each) => {
    const [place, key] = each.split('=') as [string, string]
    const [partition, offset] = place.split(':') as [string, string]
    const [at] = partitionsOf(partition)
    const value = at!.topic.endsWith('-changelog') ? int64.serialize(1 as never) : bytes(key)
    return { ...at, offset: Number(offset), leaderEpoch: -1, timestamp: 1000, key: bytes(key), value, headers: [] }
  })
}

function group(words: readonly string[]): object {
  const generationId = Number(words.find((word) => word.startsWith('gen='))?.slice(4) ?? 1)
  const rebalancing = words.includes('rebalancing') ? { rebalancing: true } : {}
  return { groupId: 'app', generationId, memberId: 'm', groupInstanceId: null, ...rebalancing }
}
