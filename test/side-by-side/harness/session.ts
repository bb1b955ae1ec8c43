/**
 * One scenario played against one cluster: every request that a script asks is a step with its normalised outcome.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { KafkaError, errorName } from '@troupe/wire/errors'
import { api, Connection, type Message as AnyMessage, decodeAnswer, type Frame } from './connection.ts'
import { Names, normalise } from './normalise.ts'

export type Message = AnyMessage

export interface Target {
  readonly name: 'Apache Kafka' | 'Troupe'
  /** Of every broker, by id. */
  readonly addresses: ReadonlyMap<number, { readonly host: string; readonly port: number }>
}

export interface Scenario {
  readonly name: string
  run(session: Session): Promise<void>
}

export function scenario(name: string, run: (session: Session) => Promise<void>): Scenario {
  return { name, run }
}

export interface AskOptions {
  /** Which connection; each has its own place in line. */
  readonly on?: string
  /** Errors that pass by themselves: ask again until they are gone. */
  readonly whileAny?: readonly number[]
  /** Ask again until the answer is so. */
  readonly until?: (answer: Message) => boolean
  /** What of the answer is compared; all of it unless told. */
  readonly view?: (answer: Message) => unknown
  readonly timeoutMs?: number
  /** Fields, wherever they are, that are not compared. */
  readonly strip?: readonly string[]
  /** Nothing of it is compared. */
  readonly quiet?: boolean
}

export interface EveryOptions extends AskOptions {
  readonly from?: number
  readonly to?: number
}

export interface Step {
  readonly label: string
  outcome: unknown
  tookMs?: number
}

/** A single broker coordinates everything: these only say that it is still starting to. */
const startingUp: readonly number[] = [
  KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaError.COORDINATOR_NOT_AVAILABLE,
  KafkaError.NOT_COORDINATOR,
]

const patienceMs = 5_000
/** A handler that died leaves its client without an answer. */
const answerMs = 4_000

export class Session {
  readonly target: Target
  readonly steps: Step[] = []
  readonly names = new Names()
  readonly #connections = new Map<string, Promise<Connection>>()
  readonly #labels = new Map<string, number>()

  constructor(target: Target) {
    this.target = target
  }

  /** The connection of that name, opened when it is first used; `2:x` goes to broker 2. */
  async connection(name = 'main', clientId: string | null = 'side-by-side'): Promise<Connection> {
    const known = this.#connections.get(name)
    if (known && !(await known).closed) return known
    const broker = Number(/^(\d+):/.exec(name)?.[1] ?? 1)
    const { host, port } = this.target.addresses.get(broker)!
    const opened = Connection.open(host, port, clientId)
    this.#connections.set(name, opened)
    return opened
  }

  async closeAll(): Promise<void> {
    for (const connection of this.#connections.values()) (await connection).close()
  }

  /** A step whose outcome the script worked out itself. */
  note(label: string, outcome: unknown): void {
    this.#step(label).outcome = normalise(outcome, this.names)
  }

  #step(label: string): Step {
    const count = (this.#labels.get(label) ?? 0) + 1
    this.#labels.set(label, count)
    const step: Step = { label: count === 1 ? label : `${label} #${count}`, outcome: undefined }
    this.steps.push(step)
    return step
  }

  /** Sends a request and compares the answer; returns it as it came, or null when there was none. */
  async ask(
    label: string,
    name: string,
    version: number,
    request: Message,
    options: AskOptions = {},
  ): Promise<Message> {
    const step = options.quiet ? undefined : this.#step(`${label} · ${name} v${version}`)
    const began = Date.now()
    const deadline = began + patienceMs
    for (;;) {
      const { outcome, message } = await this.#once(name, version, request, options)
      const again =
        message !== null &&
        Date.now() < deadline &&
        (errorsIn(message).some((code) => startingUp.includes(code) || options.whileAny?.includes(code)) ||
          options.until?.(message) === false)
      if (!again) {
        if (step) {
          step.outcome = outcome
          step.tookMs = Date.now() - began
        }
        return message
      }
      await delay(20)
    }
  }

  async #once(
    name: string,
    version: number,
    request: Message,
    options: AskOptions,
  ): Promise<{ outcome: unknown; message: Message }> {
    const connection = await this.connection(options.on)
    const { frame, correlationId } = connection.send(name, version, request, options.timeoutMs ?? answerMs)
    const came = await frame
    // Whatever else was sent here would wait behind it.
    if (came.kind === 'silent') connection.close()
    if (came.kind !== 'frame') return { outcome: came.kind, message: null }
    const { message, outcome } = this.read(name, version, came, correlationId, options)
    return { outcome, message }
  }

  /** The comparable form of a frame that came. */
  read(
    name: string,
    version: number,
    frame: Frame,
    correlationId: number,
    options: AskOptions = {},
  ): { outcome: unknown; message: Message } {
    if (frame.kind !== 'frame') return { outcome: frame.kind, message: null }
    const { message, correlationId: echoed, canonical } = decodeAnswer(name, version, frame.bytes)
    this.names.learn(message)
    const viewed = without(normalise(options.view ? options.view(message) : message, this.names), options.strip)
    const wrong = {
      ...(canonical ? {} : { notAsKafkaWrites: true }),
      ...(echoed === correlationId ? {} : { correlationId: 'not ours' }),
    }
    return { message, outcome: Object.keys(wrong).length === 0 ? viewed : { ...wrong, answer: viewed } }
  }

  /** Without comparison: what a script needs to have happened. */
  async do(name: string, version: number, request: Message, options: AskOptions = {}): Promise<Message> {
    const answer = await this.ask('', name, version, request, { ...options, quiet: true })
    const codes = answer === null ? [] : errorsIn(answer)
    if (answer === null || codes.length > 0)
      throw new ScriptFailed(`${name}: ${answer === null ? 'no answer' : codes.map(errorName).join(', ')}`)
    return answer
  }

  /** The same request at every version of an API. */
  async every(
    label: string,
    name: string,
    request: (version: number) => Message,
    options: EveryOptions = {},
  ): Promise<void> {
    for (const version of versionsOf(name, options)) await this.ask(label, name, version, request(version), options)
  }

  /** Creates a topic and waits until it can be written to; returns its id. */
  async topic(
    name: string,
    options: { partitions?: number; replicas?: number; configs?: Record<string, string> } = {},
  ): Promise<string> {
    const configs = Object.entries(options.configs ?? {}).map(([key, value]) => ({ name: key, value }))
    const partitions = options.partitions ?? 1
    const created = await this.do('CreateTopics', 7, {
      topics: [{ name, numPartitions: partitions, replicationFactor: options.replicas ?? 1, configs }],
      timeoutMs: 15_000,
    })
    await this.leaders(name, partitions)
    return created.topics[0].topicId
  }

  /** Until Metadata names a leader for every partition. */
  async leaders(name: string, partitions: number): Promise<void> {
    for (let index = 0; index < partitions; index++) {
      await this.ask(
        '',
        'OffsetForLeaderEpoch',
        4,
        { replicaId: -1, topics: [{ topic: name, partitions: [{ partition: index, leaderEpoch: 0 }] }] },
        {
          quiet: true,
          whileAny: [
            KafkaError.UNKNOWN_TOPIC_OR_PARTITION,
            KafkaError.NOT_LEADER_OR_FOLLOWER,
            KafkaError.LEADER_NOT_AVAILABLE,
          ],
        },
      )
    }
  }
}

export class ScriptFailed extends Error {}

export function versionsOf(name: string, options: { readonly from?: number; readonly to?: number } = {}): number[] {
  const spec = api(name)
  const last = spec.latestVersionUnstable ? spec.maxVersion - 1 : spec.maxVersion
  const from = Math.max(spec.minVersion, options.from ?? 0)
  const to = Math.min(last, options.to ?? last)
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}

/** Every error code in an answer, however deep. */
export function errorsIn(message: Message): number[] {
  if (message === null || typeof message !== 'object' || message instanceof Uint8Array) return []
  const codes: number[] = []
  for (const [name, value] of Object.entries(message)) {
    if (/errorCode$/i.test(name) && typeof value === 'number' && value !== 0) codes.push(value)
    else if (typeof value === 'object') codes.push(...errorsIn(value))
  }
  return codes
}

function without(value: unknown, fields: readonly string[] = []): unknown {
  if (fields.length === 0 || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => without(item, fields))
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !fields.includes(name))
      .map(([name, field]) => [name, without(field, fields)]),
  )
}
