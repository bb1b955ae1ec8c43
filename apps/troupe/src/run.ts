/**
 * From the command line to a cluster that serves, and back to an ordered end.
 *
 * The order is for speed: workers are launched as soon as their number and directories are known and load their
 * modules while this thread goes on; Effect, fastify and pino are loaded while the brokers find each other.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { Command } from 'commander'
import { definitions } from '@troupe/config'
import type { Cluster } from '@troupe/runtime/cluster'
import { lockDirectory, type DirectoryLock } from '@troupe/runtime/lock-file'
import { ProcessLog } from '@troupe/runtime/logger'
import { hostAndPort, makeCluster, startBrokers, stopBrokers } from '@troupe/runtime/start-brokers'
import type { Supervisor } from '@troupe/runtime/supervisor'
import type { Admin } from './admin-http.ts'
import { environmentProperties, parseProperties } from './properties.ts'
import { defaultDirectory, InvalidSettings, resolveSettings, type Settings } from '@troupe/runtime/settings'

const exitCodes = { failed: 1, invalid: 2, interrupted: 130 } as const
const adminHost = '127.0.0.1'

interface CommandLine {
  readonly file: string | undefined
  readonly overrides: readonly string[]
}

export async function run(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<void> {
  let settings: Settings
  try {
    settings = resolveSettings(collectProperties(parseCommandLine(argv), environment))
  } catch (error) {
    if (!(error instanceof InvalidSettings)) throw error
    process.stderr.write(`${error.message.replace(/^/gm, 'troupe: ')}\n`)
    process.exit(exitCodes.invalid)
  }
  const log = new ProcessLog(settings.level)
  for (const warning of settings.warnings) log.write('warn', warning)
  const troupe = new Troupe(settings, log)
  try {
    await troupe.start()
  } catch (error) {
    // Somebody has ended it before it was ready: that stop is under way, and ends the process.
    if (troupe.isEnding) return
    await log.open()
    log.write('error', 'start failed', { error: error instanceof Error ? error.message : String(error) })
    await troupe.abandon()
    process.exit(error instanceof InvalidSettings ? exitCodes.invalid : exitCodes.failed)
  }
}

function parseCommandLine(argv: readonly string[]): CommandLine {
  const command = new Command('troupe')
    .description('An exactly-once event log: a cluster for Apache Kafka clients in one process.')
    .argument('[server.properties]', "a file in Java's properties format, with Kafka's property names")
    .option('--override <key=value>', 'sets a property; wins over the file, may be repeated', collect, [])
    .addHelpText(
      'after',
      `
Properties are Apache Kafka's, from the file, from the environment (KAFKA_LOG_DIRS is log.dirs) and from --override; and
  troupe.brokers      number of brokers (default 3)
  troupe.admin.port   admin HTTP port on ${adminHost} (default 9644, 0: any free one)
  troupe.watchdog.ms  a broker that does not answer for so long is replaced (default 15000)
  troupe.log.level    debug, info, warn or error (default info)
  listeners           PLAINTEXT://127.0.0.1:9092 gives broker i port 9092 + i - 1; port 0 gives each a free one
  log.dirs            DIR gives broker i DIR/broker-i (default ${defaultDirectory})`,
    )
    .allowExcessArguments(false)
  command.parse([...argv])
  return { file: command.args[0], overrides: command.opts<{ override: string[] }>().override }
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

function collectProperties({ file, overrides }: CommandLine, environment: NodeJS.ProcessEnv): Map<string, string> {
  const properties = file === undefined ? new Map<string, string>() : parseProperties(readPropertiesFile(file))
  const isKnown = (name: string): boolean =>
    definitions.broker.has(name) || /^troupe\.(watchdog\.ms|log\.level)$/.test(name)
  for (const [name, value] of environmentProperties(environment, isKnown)) properties.set(name, value)
  for (const override of overrides) {
    const at = override.indexOf('=')
    if (at <= 0) throw new InvalidSettings(`invalid value ${override} for --override: allowed is key=value`)
    properties.set(override.slice(0, at).trim(), override.slice(at + 1))
  }
  return properties
}

function readPropertiesFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InvalidSettings(`cannot read ${file}: ${(error as Error).message}`)
  }
}

class Troupe {
  readonly #settings: Settings
  readonly #log: ProcessLog
  readonly #cluster: Cluster
  #lock: DirectoryLock | null = null
  #supervisor: Supervisor | null = null
  #admin: Admin | null = null
  #ending: Promise<void> | null = null

  constructor(settings: Settings, log: ProcessLog) {
    this.#settings = settings
    this.#log = log
    this.#cluster = makeCluster(settings, { onReports: (reports) => log.reports(reports) })
  }

  get isEnding(): boolean {
    return this.#ending !== null
  }

  async start(): Promise<void> {
    const settings = this.#settings
    const cluster = this.#cluster
    this.#onSignals()
    mkdirSync(settings.directory, { recursive: true })
    this.#lock = lockDirectory(settings.directory)
    process.on('exit', () => this.#lock?.release())
    const clusterId = await startBrokers(cluster, settings)
    await Promise.all([cluster.whenAllRunning, this.#supervise(clusterId)])
    const bootstrap = [...cluster.slots.values()].map(({ listeners: [first] }) => hostAndPort(first!)).join(',')
    process.stdout.write(`troupe ready bootstrap.servers=${bootstrap}\n`)
    this.#log.write('info', 'ready', {
      sinceStartMs: Math.round(performance.now()),
      clusterId,
      directory: settings.directory,
      admin: this.#admin?.url,
    })
    module.flushCompileCache()
  }

  /** Loads what is large while the brokers elect a controller and register. */
  async #supervise(clusterId: string): Promise<void> {
    const [{ Supervisor }, { startAdmin }] = await Promise.all([
      import('@troupe/runtime/supervisor'),
      import('./admin-http.ts'),
      this.#log.open(),
    ])
    const cluster = this.#cluster
    this.#supervisor = new Supervisor({
      cluster,
      watchdogMs: this.#settings.watchdogMs,
      log: (level, event, fields) => this.#log.write(level, event, fields),
      onGiveUp: (broker, reason) => void this.#giveUp(broker, reason),
    })
    this.#supervisor.start()
    const { adminPort: port } = this.#settings
    this.#admin = await startAdmin({ cluster, clusterId, supervisor: this.#supervisor, host: adminHost, port })
  }

  #onSignals(): void {
    const onSignal = (signal: NodeJS.Signals): void => {
      if (this.#ending !== null) process.exit(exitCodes.interrupted)
      this.#log.write('info', 'stopping', { signal })
      this.#ending = this.#stop().then(
        () => process.exit(0),
        (error: unknown) => {
          this.#log.write('error', 'the stop was not clean', { error: String(error) })
          process.exit(exitCodes.failed)
        },
      )
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  }

  /** The whole cluster stops: no leader has anywhere to move to. */
  async #stop(): Promise<void> {
    const { slots } = this.#cluster
    await this.#log.open()
    for (const slot of slots.values()) slot.wanted = 'stopped'
    await this.#admin?.close()
    await this.#supervisor?.release()
    await stopBrokers(this.#cluster)
    this.#lock?.release()
    this.#log.write('info', 'stopped')
  }

  /** Repeated failure escalates: a broker that cannot be kept alive ends the process, for whoever supervises that. */
  async #giveUp(broker: number, reason: string): Promise<void> {
    this.#log.write('error', 'broker given up, the process ends', { broker, reason })
    await this.abandon()
    process.exit(exitCodes.failed)
  }

  async abandon(): Promise<void> {
    const { slots } = this.#cluster
    for (const slot of slots.values()) slot.wanted = 'stopped'
    await Promise.all([...slots.values()].map(({ process: worker }) => worker?.terminate()))
    this.#lock?.release()
  }
}
