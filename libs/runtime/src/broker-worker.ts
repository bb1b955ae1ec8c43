/**
 * Entry of a worker thread: one broker. Puts the host, the bus, the sockets and the timers together, and the actors
 * that the assembly names on top; answers the main thread's calls.
 */
import module from 'node:module'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import v8 from 'node:v8'
import { actorNames, allSafeguards, isFailed, type Message } from '@troupe/actor'
import { StorageError } from '@troupe/log/file-system'
import { ActorHost } from '@troupe/actor/host/actor-host'
import type { Assemble, BrokerAssembly } from './broker-assembly.ts'
import { Bus, type MeshLink } from './bus.ts'
import { MonotonicClock } from '@troupe/actor/host/clock.node'
import { expose, nodeEndpoint } from './comlink.ts'
import type { BootOptions, BootResult, BrokerControl, BrokerDescription, BrokerMetrics, WorkerSeed } from './control.ts'
import { exitCodeGivenUp, exitCodeStorage } from './control.ts'
import { chooseAdapter, type AcceptAdapter } from './onread.ts'
import type { JobAnswer } from './job-channel.ts'
import { jobsActor, type JobDone } from './jobs-actor.ts'
import { Reporter } from './reporter.ts'
import { askMessage, shellActor, shellActorName } from './shell-actor.ts'
import { Sockets, type SocketLimits } from './sockets.ts'
import { SyncClient } from './sync-client.ts'
import { Alarm } from '@troupe/actor/host/alarm.node'
import { Turn } from '@troupe/actor/host/turn.node'

const seed = workerData as WorkerSeed
const startedAt = performance.now()
const assembling = import(seed.assembly) as Promise<{ assemble: Assemble }>
const adapting = chooseAdapter()

const controlledShutdownLimitMs = 30_000

class BrokerWorker implements BrokerControl {
  readonly #turn = new Turn()
  readonly #sync = new SyncClient(seed.sync)
  readonly #clock = new MonotonicClock()
  readonly #reporter = new Reporter(seed.broker, seed.reports as MessagePort, this.#turn.wake)
  readonly #bus = new Bus(seed.broker, this.#busReceiver(), this.#turn.wake, (error, kind) => {
    this.#reporter.report('error', 'bus', 'message-not-cloneable', { kind, error: String(error) })
  })
  #host!: ActorHost
  #sockets!: Sockets
  #assembly!: BrokerAssembly
  #alarm!: Alarm
  readonly #early: MeshLink[] = []
  #booted = false
  #directory = ''
  #isrShrinks = 0
  #isrExpands = 0

  async boot(options: BootOptions): Promise<BootResult> {
    const [{ assemble }, { adapter, name }] = await Promise.all([assembling, adapting])
    this.#reporter.level = options.level
    this.#directory = options.directory
    this.#sockets = this.#makeSockets(options, adapter)
    const listeners = await this.#sockets.listen(options.listeners)
    // From here to the end in one go: whoever connects meanwhile finds the actors.
    const advertised = options.advertised.map((address, index) =>
      address.port === 0 ? { ...address, port: listeners[index]!.port } : address,
    )
    this.#assembly = this.#withDisk(() =>
      assemble({
        broker: seed.broker,
        config: options.config,
        boot: options,
        listeners,
        advertised,
        transport: this.#sockets,
        sync: this.#sync,
        closeConnections: (reason) => this.#sockets.closeAll(reason),
        acceptPort: (port, listener, remoteAddress) => this.#sockets.acceptPort(port, listener, remoteAddress),
        ask: (actor, message) => this.#ask(actor, message, false),
        attachment: seed.attachment,
        now: () => this.#clock.now(),
        report: (level, event, fields) => this.#reporter.report(level, 'shell', event, fields),
      }),
    )
    this.#host = this.#makeHost(options)
    this.#alarm = new Alarm(this.#host.timers, this.#clock, () => {
      this.#host.drain()
      this.#turn.wake()
    })
    this.#turn.atEnd(() => this.#host.turn())
    this.#turn.atEnd(() => this.#sockets.flush())
    this.#turn.atEnd(() => this.#bus.flush())
    this.#turn.atEnd(() => this.#alarm.arm())
    this.#turn.atEnd(() => this.#reporter.flush())
    for (const link of [...options.links, ...this.#early]) this.#connect(link)
    this.#booted = true
    this.#host.spawn(shellActorName, shellActorName, null)
    this.#host.spawn(actorNames.jobs, actorNames.jobs, null)
    this.#listenToJobs()
    // The quorum's store is opened here.
    this.#withDisk(() => {
      for (const { name: actor, kind, args } of this.#assembly.roots) this.#host.spawn(actor, kind, args)
    })
    this.#host.drain()
    this.#turn.wake()
    return { listeners: advertised, adapter: name, bootMs: performance.now() - startedAt }
  }

  connect(link: MeshLink): void {
    if (this.#booted) this.#connect(link)
    else this.#early.push(link)
    this.#turn.wake()
  }

  #connect(link: MeshLink): void {
    this.#bus.connect(this.#assembly.throughLink?.(link) ?? link)
  }

  async ready(): Promise<void> {
    await this.#ask(actorNames.broker, { kind: 'awaitReady' }, true)
    this.#sockets.serve()
    // For the next start; a worker that is terminated would not write it.
    module.flushCompileCache()
  }

  async stop(controlled: boolean): Promise<void> {
    this.#sockets.stopListening()
    if (controlled) {
      // Without a controller there is nobody to move the leaders; the directory is closed cleanly all the same.
      const limit = new Promise((resolve) => setTimeout(resolve, controlledShutdownLimitMs))
      await Promise.race([this.#ask(actorNames.broker, { kind: 'beginShutdown' }, false), limit])
    }
    this.#turn.wake()
    // The last answers leave first.
    await new Promise((resolve) => setImmediate(resolve))
    this.#sockets.closeAll('the broker stops')
    this.#host.stopAll()
    this.#alarm.stop()
    this.#assembly.closeCleanly()
    this.#reporter.flush()
  }

  describe(): BrokerDescription {
    return this.#assembly.describe()
  }

  heartbeat(): void {}

  metrics(): BrokerMetrics {
    const sockets = this.#sockets.statistics()
    const host = this.#host.describe()
    const bus = this.#bus.statistics
    return {
      id: seed.broker,
      connections: sockets.connections,
      connectionsAccepted: sockets.accepted,
      connectionsRefused: sockets.refused,
      frames: sockets.frames,
      bytesIn: sockets.bytesIn,
      bytesOut: sockets.bytesOut,
      requests: [...sockets.requests],
      isrShrinks: this.#isrShrinks,
      isrExpands: this.#isrExpands,
      traffic: this.#assembly.traffic?.() ?? { topics: [], requestTimes: [] },
      groupStates: this.#assembly.groupStates?.((actor) => this.#host.inspect(actor)) ?? {},
      actors: host.actors,
      actorRestarts: host.restarts,
      timers: host.timers,
      owed: host.owed,
      messages: host.delivered,
      busBatches: bus.batches,
      busMessages: bus.messages,
      busPayloadBytes: bus.payloadBytes,
      busCopiedPayloads: bus.copiedPayloads,
      heapUsedBytes: v8.getHeapStatistics().used_heap_size,
      eventLoopUtilization: performance.eventLoopUtilization().utilization,
    }
  }

  #makeSockets({ config }: BootOptions, adapter: AcceptAdapter): Sockets {
    const limits: SocketLimits = {
      maxFrameBytes: config['socket.request.max.bytes'],
      maxConnections: config['max.connections'],
      maxConnectionsPerIp: config['max.connections.per.ip'],
      maxIdleMs: config['connections.max.idle.ms'],
      backlog: config['socket.listen.backlog.size'],
    }
    return new Sockets({
      limits,
      adapter,
      now: () => this.#clock.now(),
      wake: this.#turn.wake,
      deliver: (message) => {
        this.#host.deliver(actorNames.front, message)
        this.#host.drain()
      },
      trace: (event, fields) => this.#reporter.trace('sockets', event, fields),
    })
  }

  #makeHost(options: BootOptions): ActorHost {
    return new ActorHost({
      broker: seed.broker,
      firstIncarnation: options.firstIncarnation,
      seed: options.seed,
      clock: this.#clock,
      safeguards: allSafeguards,
      kinds: new Map([
        ...this.#assembly.kinds,
        [actorNames.jobs, { definition: jobsActor, ports: () => ({ port: seed.jobs }) }],
        [shellActorName, { definition: shellActor, ports: () => this.#shellPorts() }],
      ]),
      remote: this.#bus,
      trace: (actor, event, fields) => {
        if (event === 'isr.shrink') this.#isrShrinks++
        else if (event === 'isr.expand') this.#isrExpands++
        this.#reporter.trace(actor, event, fields)
      },
      wake: this.#turn.wake,
      onGiveUp: (actor, error) => this.#giveUp(actor, error),
    })
  }

  #busReceiver(): ConstructorParameters<typeof Bus>[1] {
    return {
      message: (actor, message) => this.#host.deliver(actor, message),
      reply: (from, token, body) => this.#host.deliverReply(from, token, body),
      moved: (from, token, broker) => this.#host.questionMoved(from, token, broker),
      batchEnd: () => {
        this.#host.drain()
        this.#turn.wake()
      },
      down: (peer, incarnationId) => {
        this.#host.brokerDown(peer)
        // Faster than any session timeout: this process knows when one of its workers is gone.
        this.#host.deliver(actorNames.controller, { kind: 'brokerDown', broker: peer, incarnationId } as Message)
        this.#turn.wake()
      },
    }
  }

  /** Asks an actor until it answers with something else than `Failed` (if `insist`). */
  async #ask(actor: string, message: Message, insist: boolean): Promise<unknown> {
    for (;;) {
      const body = await new Promise<unknown>((resolve) => {
        this.#host.deliver(shellActorName, askMessage({ broker: seed.broker, actor }, message, resolve))
        this.#turn.wake()
      })
      if (!insist || !isFailed(body)) return body
    }
  }

  #listenToJobs(): void {
    seed.jobs.on('message', (answer: JobAnswer) => {
      this.#host.deliver(actorNames.jobs, { kind: 'jobDone', answer } as JobDone)
      this.#host.drain()
      this.#turn.wake()
    })
    seed.jobs.unref()
  }

  #shellPorts(): { endWorker(reason: string): void } {
    return { endWorker: (reason) => this.#storageFailed(reason) }
  }

  #withDisk<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      if (error instanceof StorageError) this.#storageFailed(error.message)
      throw error
    }
  }

  /** Nothing that this broker holds can be relied on to be written: it ends, and is tried again later. */
  #storageFailed(reason: string): never {
    this.#reporter.report('error', 'shell', 'broker-ends', {
      reason: `its log directory has failed: ${reason}`,
      directory: this.#directory,
    })
    this.#reporter.flush()
    return process.exit(exitCodeStorage)
  }

  /** An actor that cannot be kept alive: the worker ends, its supervisor replaces it. */
  #giveUp(actor: string, error: unknown): void {
    this.#reporter.report('error', actor, 'actor-given-up', {
      error: error instanceof Error ? error.stack : String(error),
    })
    if (error instanceof StorageError) this.#storageFailed(error.message)
    this.#reporter.flush()
    process.exit(exitCodeGivenUp)
  }
}

expose(new BrokerWorker(), nodeEndpoint(parentPort as never))
