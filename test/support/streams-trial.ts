/** A cluster with its input, both engines on it, and what is seen of an application afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Producer } from '@troupe/client'
import { decodeOffsetMetadata } from '@troupe/pipeline/engine/offset-metadata'
import { until } from '@troupe/tools/cluster'
import { startTarget, type Brokers, type Target } from './client-targets.ts'
import { OurEngine, outputsOf, StreamsEngine, topologyOf, type Engine } from './streams-engines.ts'
import { inputs, inputTopics, PARTITIONS, type InputRecord } from './streams-input.ts'
import { readTopic, utf8, type Row } from './streams-records.ts'

const SEED = Number(process.env.SEED ?? 43)
const PER_HALF = 40
const outputNames = ['out', 'views', 'stored', 'none']

export interface SeenTopic {
  readonly rows: readonly Row[]
  readonly partitions: number
  readonly replicas: number
  /** What it was created with, by name, sorted. */
  readonly configs: readonly string[]
}

export interface Seen {
  /** By name without the application's id. */
  readonly topics: ReadonlyMap<string, SeenTopic>
  /** Of the input: what is committed, and the time that is kept beside it. */
  readonly offsets: readonly string[]
}

export class Trial {
  readonly bootstrap: string
  readonly ours: OurEngine
  readonly streams: Engine
  readonly #brokers: Brokers
  readonly #admin: Admin
  readonly #stateDirectory: string
  readonly #halves: [InputRecord[], InputRecord[]]
  readonly fed: InputRecord[] = []

  private constructor(brokers: Brokers, classpath: string) {
    const { bootstrap } = brokers
    this.bootstrap = bootstrap
    this.#brokers = brokers
    this.#admin = new Admin({ 'bootstrap.servers': bootstrap })
    this.#stateDirectory = mkdtempSync(join(tmpdir(), 'troupe-streams-'))
    this.ours = new OurEngine(bootstrap)
    this.streams = new StreamsEngine(classpath, bootstrap, this.#stateDirectory, outputNames)
    // Recent enough that no broker deletes it for its age, and where all windows begin.
    this.#halves = inputs(SEED, Math.floor(Date.now() / 60_000) * 60_000 - 600_000, PER_HALF)
  }

  static async start(target: Target, classpath: string): Promise<Trial> {
    const trial = new Trial(await startTarget(target), classpath)
    for (const topic of inputTopics) await trial.#brokers.topic(topic, PARTITIONS)
    return trial
  }

  async close(): Promise<void> {
    await this.ours.close()
    await this.streams.close()
    await this.#admin.close()
    await this.#brokers.stop()
    rmSync(this.#stateDirectory, { recursive: true, force: true })
  }

  async feed(half: 0 | 1): Promise<void> {
    await using producer = new Producer<Uint8Array | null, Uint8Array | null>({ 'bootstrap.servers': this.bootstrap })
    const bytes = (text: string | null): Uint8Array | null => (text === null ? null : utf8(text))
    const sent = this.#halves[half].map(({ key, value, n, ...rest }) => {
      const headers = [{ key: 'n', value: utf8(String(n)) }]
      return producer.send({ ...rest, key: bytes(key), value: bytes(value), headers })
    })
    await producer.flush()
    await Promise.all(sent)
    this.fed.push(...this.#halves[half])
  }

  async createOutputs(topology: string, applicationId: string): Promise<void> {
    for (const topic of outputsOf(topologyOf(topology, applicationId))) await this.#brokers.topic(topic, PARTITIONS)
  }

  /** Runs until everything there is has been processed and committed, and stops. */
  async run(engine: Engine, topology: string, applicationId: string, idleMs = 0): Promise<void> {
    await engine.start(topology, applicationId, idleMs)
    let behind = ''
    await until(
      async () => {
        behind = await this.behind(topology, applicationId)
        return behind === '' || engine.failure(applicationId) !== null
      },
      60_000,
      () => `${engine.name}: ${applicationId} has not come to the end of ${behind}`,
    )
    const failure = engine.failure(applicationId)
    if (failure !== null) throw new Error(`${engine.name}: ${applicationId}: ${failure}`)
    await engine.stop(applicationId)
  }

  /** The last member of the group is gone: farewell or not. */
  deserted(applicationId: string): Promise<void> {
    const isEmpty = async (): Promise<boolean> => {
      const groups = await this.#admin.describeClassicGroups([applicationId])
      return groups.get(applicationId)!.members.length === 0
    }
    return until(isEmpty, 30_000, () => `the group ${applicationId} has members still`)
  }

  /** The first source that is not read to its end, or ''. Repartition topics end when those before them do. */
  async behind(name: string, applicationId: string): Promise<string> {
    const groups = await this.#admin.listConsumerGroupOffsets([{ groupId: applicationId }])
    const { subtopologies, internalTopics } = topologyOf(name, applicationId)
    const sources = subtopologies.flatMap(({ sourceTopics }) => sourceTopics)
    const committed = (topic: string, partition: number): number =>
      groups.get(applicationId)?.get(`${topic}-${partition}`)?.offset ?? 0
    const inOrder = [...new Set(sources)].sort((a, b) => Number(internalTopics.has(a)) - Number(internalTopics.has(b)))
    for (const topic of inOrder) {
      const rows = internalTopics.has(topic) ? await this.#read(topic) : null
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const fed = this.fed.filter((each) => each.topic === topic && each.partition === partition).length
        const last = rows?.findLast((row) => row.partition === partition)?.offset ?? -1
        const end = rows === null ? fed : last + 1
        if (committed(topic, partition) < end) return `${topic}-${partition}`
      }
    }
    return ''
  }

  #read(topic: string): Promise<Row[]> {
    return readTopic(this.bootstrap, this.#admin, topic, PARTITIONS)
  }

  /** All topics that belong to the application. */
  async see(applicationId: string): Promise<Seen> {
    const listed = await this.#admin.listTopics()
    const names = listed.map(({ name }) => name).filter((name) => new RegExp(`^${applicationId}[.-]`).test(name))
    const described = await this.#admin.describeTopics(names)
    const configs = await this.#admin.describeConfigs(names.map((name) => ({ type: 'topic', name })))
    const seen = await Promise.all(
      names.sort().map(async (name): Promise<[string, SeenTopic]> => {
        const { partitions } = described.get(name)!
        const set = [...configs.get(`topic:${name}`)!.values()].filter(
          ({ source }) => source === 'DYNAMIC_TOPIC_CONFIG',
        )
        return [
          name.slice(applicationId.length + 1),
          {
            rows: await this.#read(name),
            partitions: partitions.length,
            replicas: partitions[0]!.replicas.length,
            configs: set.map((each) => `${each.name}=${each.value}`).sort(),
          },
        ]
      }),
    )
    return { topics: new Map(seen), offsets: await this.#offsets(applicationId) }
  }

  async #offsets(applicationId: string): Promise<string[]> {
    const groups = await this.#admin.listConsumerGroupOffsets([{ groupId: applicationId }])
    const committed = [...groups.get(applicationId)!.values()].filter(({ topic }) => inputTopics.includes(topic as 'a'))
    return committed
      .map(({ topic, partition, offset, metadata }) => {
        return `${topic}-${partition} ${offset} @${decodeOffsetMetadata(metadata).partitionTime}`
      })
      .sort()
  }
}
