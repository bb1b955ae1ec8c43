/** The two that run the same topologies: Kafka Streams in one JVM for all of them, and ours in this process. */
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Properties } from '@troupe/client/shell/property'
import { run, type Pipeline, type Running } from '@troupe/pipeline'
import type { Topology, TopologyNode } from '@troupe/pipeline/topology'
import { until } from '@troupe/tools/cluster'
import { compileJava, javaOptions, startJava } from '@troupe/tools/reference/java'
import { streamsClasspath, type Skipped } from '@troupe/tools/reference/maven'
import { topologies } from '../../libs/pipeline/test/engine/topologies.ts'

const root = join(import.meta.dirname, '../..')

export interface Engine {
  readonly name: string
  /** Resolves when the application runs; it writes to `APPLICATION_ID.TOPIC` what the topology sends to `TOPIC`. */
  start(topology: string, applicationId: string, idleMs: number): Promise<void>
  /** A clean stop: everything is committed, and the group is left. */
  stop(applicationId: string): Promise<void>
  /** Why the application has ended by itself; null: it has not. */
  failure(applicationId: string): string | null
  close(): Promise<void>
}

/** Class path of both Java programs: StreamsPeer here, and the topologies, which the pipeline library keeps. */
export function streamsPeer(): string | Skipped {
  const classpath = streamsClasspath()
  if (typeof classpath !== 'string') return classpath
  const oracle = compileJava(join(root, 'libs/pipeline/test/java'), classpath)
  return compileJava(join(root, 'test/java'), oracle)
}

/** The application's own output topics in the place of those that the topology names. */
export function topologyOf(name: string, applicationId: string): Topology {
  const topology = topologies.get(name)!.topology({ 'application.id': applicationId })
  const own = (topic: string): string => (topology.internalTopics.has(topic) ? topic : `${applicationId}.${topic}`)
  const nodes = [...topology.nodes].map(([id, node]): [string, TopologyNode] => [
    id,
    node.kind === 'sink' && typeof node.topic === 'string' ? { ...node, topic: own(node.topic) } : node,
  ])
  const subtopologies = topology.subtopologies.map((each) => ({
    ...each,
    sinkTopics: each.sinkTopics.map(own),
    countedTopics: each.countedTopics.map(own),
  }))
  return { ...topology, nodes: new Map(nodes), subtopologies }
}

export function outputsOf({ subtopologies, internalTopics }: Topology): string[] {
  const sinks = subtopologies.flatMap(({ sinkTopics }) => sinkTopics)
  return [...new Set(sinks)].filter((topic) => !internalTopics.has(topic))
}

export class OurEngine implements Engine {
  readonly name = 'Troupe'
  readonly #bootstrap: string
  readonly #running = new Map<string, Running>()

  constructor(bootstrap: string) {
    this.#bootstrap = bootstrap
  }

  async start(name: string, applicationId: string, idleMs: number, more: Properties = {}): Promise<void> {
    const app: Pipeline = { ...topologies.get(name)!, topology: () => topologyOf(name, applicationId) }
    const running = await run(app, {
      'application.id': applicationId,
      'bootstrap.servers': this.#bootstrap,
      'processing.guarantee': 'exactly_once_v2',
      'max.task.idle.ms': idleMs,
      'repartition.purge.interval.ms': 3_600_000,
      ...more,
    })
    this.#running.set(applicationId, running)
    await running.becomes('RUNNING')
  }

  /** Dies in the middle of its work: some of it is committed, and a transaction is open. */
  async startAndCrash(name: string, applicationId: string): Promise<void> {
    await this.start(name, applicationId, 0, {
      'main.consumer.max.poll.records': 7,
      'commit.interval.ms': 1,
      'consumer.session.timeout.ms': 6000,
      'producer.transaction.timeout.ms': 3000,
    })
    const running = this.#running.get(applicationId)!
    this.#running.delete(applicationId)
    const processed = async (): Promise<boolean> => (await running.metrics()).processed > 60
    await until(processed, 30_000, () => `${applicationId} does nothing`)
    await running.crash()
  }

  failure(applicationId: string): string | null {
    const [error] = this.#running.get(applicationId)?.errors ?? []
    return error === undefined ? null : String(error)
  }

  async stop(applicationId: string): Promise<void> {
    const running = this.#running.get(applicationId)!
    this.#running.delete(applicationId)
    if (!(await running.close())) throw new Error(`${applicationId} did not commit everything`)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.close()))
  }
}

export class StreamsEngine implements Engine {
  readonly name = 'Kafka Streams'
  readonly #child: ReturnType<typeof startJava>
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
  readonly #failures = new Map<string, string>()
  #stderr = ''

  constructor(classpath: string, bootstrap: string, stateDirectory: string, outputs: readonly string[]) {
    const options = [...javaOptions, '-Xmx256m', '-Dtroupe.log.level=error']
    this.#child = startJava(classpath, 'StreamsPeer', [bootstrap, stateDirectory, ...outputs], options)
    this.#child.stderr.setEncoding('utf8').on('data', (text) => (this.#stderr = (this.#stderr + text).slice(-5000)))
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line))
    this.#child.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Kafka Streams has ended: ${this.#stderr}`))
    })
  }

  start(topology: string, applicationId: string, idleMs: number): Promise<void> {
    return this.#ask(applicationId, `start ${topology} ${applicationId} ${idleMs}`)
  }

  stop(applicationId: string): Promise<void> {
    return this.#ask(applicationId, `stop ${applicationId}`)
  }

  failure(applicationId: string): string | null {
    return this.#failures.get(applicationId) ?? null
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.exitCode !== null) return resolve()
      this.#child.on('close', () => resolve())
      this.#child.stdin.end()
    })
  }

  #ask(applicationId: string, line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(applicationId, { resolve, reject })
      this.#child.stdin.write(`${line}\n`)
    })
  }

  #hear(line: string): void {
    const [, kind, applicationId = '', why = ''] = /^(ok|failed) (\S+) ?(.*)$/.exec(line) ?? []
    if (kind === 'failed') this.#failures.set(applicationId, `${why}\n${this.#stderr}`)
    const waiting = this.#waiting.get(applicationId)
    this.#waiting.delete(applicationId)
    if (kind === 'ok') waiting?.resolve()
    else waiting?.reject(new Error(`${line}\n${this.#stderr}`))
  }
}
