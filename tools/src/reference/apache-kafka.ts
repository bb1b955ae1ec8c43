/**
 * Starts Apache Kafka itself: one node, or three in a KRaft cluster, each broker and controller, as Troupe's are.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { JavaFailed } from './java.ts'

export interface ApacheKafka {
  readonly bootstrap: string
  readonly clusterId: string
  readonly processes: readonly ChildProcess[]
  /** Log directory of node i (1-based). */
  directory(node: number): string
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface ApacheKafkaOptions {
  readonly classpath: string
  readonly directory: string
  readonly nodes: 1 | 3
  readonly properties?: Record<string, string>
  /** The shipped start script's heap is 1 GiB; that is the default here too. */
  readonly heap?: string
  /** Skip formatting: the directories hold data already. */
  readonly formatted?: boolean
  readonly clusterId?: string
  /** Further listeners of a broker, `NAME://host:port`; `properties` says what they are. */
  readonly listeners?: readonly string[]
  /** Where the controllers listen; free ports unless the caller has to know them beforehand. */
  readonly controllerPorts?: readonly number[]
  /** Called after formatting, right before the processes start: where a start-up time begins. */
  readonly beforeStart?: () => void
  /** Its complaints are not wanted: it is provoked on purpose. */
  readonly silent?: boolean
}

export async function startApacheKafka(options: ApacheKafkaOptions): Promise<ApacheKafka> {
  const { classpath, nodes } = options
  const clusterId = options.clusterId ?? randomUuid()
  const ports = await freePorts(nodes * 2)
  const ids = Array.from({ length: nodes }, (_, index) => index + 1)
  const directory = (node: number): string => join(options.directory, `broker-${node}`)
  const controllers = ids.map((id) => ({
    id,
    port: options.controllerPorts?.[id - 1] ?? ports[nodes + id - 1]!,
    directoryId: randomUuid(),
  }))
  const initial = controllers.map(({ id, port, directoryId }) => `${id}@127.0.0.1:${port}:${directoryId}`).join(',')
  const bootstrap = ids.map((id) => `127.0.0.1:${ports[id - 1]}`).join(',')

  const files = ids.map((id) => {
    const file = join(options.directory, `server-${id}.properties`)
    mkdirSync(directory(id), { recursive: true })
    const replication = Math.min(3, nodes)
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': id,
      listeners: [
        `PLAINTEXT://127.0.0.1:${ports[id - 1]}`,
        `CONTROLLER://127.0.0.1:${controllers[id - 1]!.port}`,
        ...(options.listeners ?? []),
      ].join(','),
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      'controller.quorum.bootstrap.servers': controllers.map(({ port }) => `127.0.0.1:${port}`).join(','),
      'log.dirs': directory(id),
      'offsets.topic.replication.factor': replication,
      'transaction.state.log.replication.factor': replication,
      'transaction.state.log.min.isr': Math.min(2, replication),
      'share.coordinator.state.topic.replication.factor': replication,
      'share.coordinator.state.topic.min.isr': Math.min(2, replication),
      'group.initial.rebalance.delay.ms': 0,
      ...options.properties,
    }
    writeFileSync(
      file,
      Object.entries(properties)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    if (!options.formatted) {
      const kind = nodes === 1 ? ['--standalone'] : ['--initial-controllers', initial]
      const { status, stderr, stdout } = spawnSync(
        'java',
        ['-cp', classpath, 'kafka.tools.StorageTool', 'format', '-t', clusterId, ...kind, '-c', file],
        { encoding: 'utf8' },
      )
      if (status !== 0) throw new JavaFailed(`formatting failed: ${stdout}${stderr}`)
    }
    return file
  })

  const heap = options.heap ?? '1G'
  options.beforeStart?.()
  const processes = files.map((file) =>
    spawn(
      'java',
      [
        `-Xmx${heap}`,
        `-Xms${heap}`,
        '-server',
        '-XX:+UseG1GC',
        '-XX:MaxGCPauseMillis=20',
        '-XX:InitiatingHeapOccupancyPercent=35',
        '-cp',
        classpath,
        'kafka.Kafka',
        file,
      ],
      { stdio: ['ignore', 'ignore', options.silent ? 'ignore' : 'inherit'] },
    ),
  )
  const kafka: ApacheKafka = {
    bootstrap,
    clusterId,
    processes,
    directory,
    stop: (signal = 'SIGTERM') => stopAll(processes, signal),
  }
  try {
    for (const id of ids) await untilListening(ports[id - 1]!, processes[id - 1]!)
  } catch (error) {
    await stopAll(processes, 'SIGKILL')
    throw error
  }
  return kafka
}

function randomUuid(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'a')
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** A started broker opens its port only when it has joined the cluster. */
async function untilListening(port: number, process: ChildProcess, deadline = Date.now() + 120_000): Promise<void> {
  while (Date.now() < deadline) {
    if (process.exitCode !== null) throw new JavaFailed(`Apache Kafka ended with code ${process.exitCode}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => (socket.destroy(), resolve(true)))
      socket.on('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new JavaFailed('Apache Kafka did not open its port within two minutes')
}

async function stopAll(processes: readonly ChildProcess[], signal: NodeJS.Signals): Promise<void> {
  await Promise.all(
    processes.map((process) => {
      if (process.exitCode !== null || process.signalCode !== null) return
      return new Promise((resolve) => {
        process.once('exit', resolve)
        process.kill(signal)
      })
    }),
  )
}
