/**
 * The supervision tree of the process: one fiber for each broker's worker. A worker that ends, or whose event loop does
 * not turn any more, is replaced after a pause; one that keeps failing uses up its budget and ends the process.
 *
 * Effect is here and at the edges only. Workers do not load it, and the first start of the workers does not wait for it.
 */
import * as Deferred from 'effect/Deferred'
import * as Effect from 'effect/Effect'
import * as Fiber from 'effect/Fiber'
import { describeEnd, type Cluster, type Slot } from './cluster.ts'
import { exitCodeStorage } from './control.ts'
import { RestartHistory, storageBudget, workerBudget, type RestartBudget } from '@troupe/actor/host/restart-policy'
import type { BrokerProcess } from './worker-launch.ts'

export interface SupervisorOptions {
  readonly cluster: Cluster
  /** A worker that does not answer for so long while it runs is ended; Infinity: never, for this reason. */
  readonly watchdogMs: number
  /** The same while it starts: recovering logs after a crash is one long piece of work. */
  readonly startLimitMs?: number
  readonly budget?: RestartBudget
  /** Of a broker whose disk has failed or is full. */
  readonly diskBudget?: RestartBudget
  readonly log: (level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>) => void
  /** A broker cannot be kept alive. */
  readonly onGiveUp: (broker: number, reason: string) => void
}

type Ending =
  | { readonly kind: 'ended'; readonly reason: string; readonly code?: number }
  | { readonly kind: 'unresponsive' }

const defaultStartLimitMs = 10 * 60_000
/** How often a worker is asked whether it is there, as a part of the watchdog's time. */
const beatsPerWatchdog = 5

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #fibers = new Map<number, Fiber.Fiber<void>>()
  readonly #startRequests = new Map<number, Deferred.Deferred<void>>()
  /** Brokers whose crash somebody has asked for: that says nothing about their health and costs no budget. */
  readonly #crashRequests = new Set<number>()

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /** Takes over the workers that are launched (and perhaps booted) already. */
  start(): void {
    for (const slot of this.#options.cluster.slots.values()) {
      this.#fibers.set(slot.plan.broker, Effect.runFork(this.#life(slot)))
    }
  }

  /** The worker is gone at once; the supervisor replaces it. */
  async crash(broker: number): Promise<void> {
    const { process, state } = this.#slot(broker)
    if (process === null) throw new BrokerNotRunning(`broker ${broker} is ${state}: there is nothing to crash`)
    this.#crashRequests.add(broker)
    await process.terminate()
  }

  /** Controlled shutdown; the broker stays away until `startBroker`. */
  async stopBroker(broker: number, controlled = true): Promise<void> {
    const slot = this.#slot(broker)
    slot.wanted = 'stopped'
    const { process } = slot
    if (process === null) {
      slot.state = 'stopped'
      return
    }
    slot.state = 'stopping'
    await Promise.race([process.remote.stop(controlled), process.ended])
    await process.terminate()
    await process.ended
    slot.state = 'stopped'
  }

  /** Does nothing to a broker that runs. */
  startBroker(broker: number): void {
    const slot = this.#slot(broker)
    slot.wanted = 'running'
    const request = this.#startRequests.get(broker)
    if (request !== undefined) Effect.runSync(Deferred.succeed(request, undefined))
  }

  /** Ends all supervision: nothing is replaced any more. */
  async release(): Promise<void> {
    await Effect.runPromise(Effect.forEach(this.#fibers.values(), Fiber.interrupt, { concurrency: 'unbounded' }))
  }

  #slot(broker: number): Slot {
    const slot = this.#options.cluster.slot(broker)
    if (slot === undefined) throw new NoSuchBroker(`there is no broker ${broker}`)
    return slot
  }

  /** A broker from here to the end of the process. */
  #life(slot: Slot): Effect.Effect<void> {
    const { broker } = slot.plan
    const { log, onGiveUp, budget, diskBudget } = this.#options
    const history = new RestartHistory(budget ?? workerBudget)
    const diskHistory = new RestartHistory(diskBudget ?? storageBudget)
    return Effect.gen({ self: this }, function* () {
      // Stopped before there was a supervisor.
      if (slot.process === null && slot.wanted === 'stopped') yield* this.#startRequest(broker)
      for (let process = slot.process; ; process = null) {
        // The first worker was launched and booted before this supervisor was loaded.
        const ending = yield* process === null ? this.#newWorker(slot) : this.#watch(process)
        if (slot.wanted === 'stopped') {
          yield* this.#startRequest(broker)
          continue
        }
        const reason = ending.kind === 'ended' ? ending.reason : 'its event loop does not turn'
        const isStorage = ending.kind === 'ended' && ending.code === exitCodeStorage
        const pauseMs = this.#crashRequests.delete(broker)
          ? workerBudget.firstPauseMs
          : (isStorage ? diskHistory : history).failed(performance.now())
        log('error', 'broker-worker-ended', { broker, reason, pauseMs })
        if (pauseMs === null) {
          slot.state = 'failed'
          onGiveUp(broker, reason)
          return
        }
        yield* Effect.sleep(pauseMs)
        // Nobody asked for it meanwhile.
        if ((slot.wanted as string) === 'stopped') yield* this.#startRequest(broker)
      }
    })
  }

  /** Launches, boots and watches a worker; it does not outlive this effect. */
  #newWorker(slot: Slot): Effect.Effect<Ending> {
    const { cluster, log, startLimitMs = defaultStartLimitMs } = this.#options
    const { broker } = slot.plan
    const launch = Effect.acquireRelease(
      Effect.sync(() => cluster.launch(slot)),
      (process) => Effect.promise(() => process.terminate()),
    )
    const bring = Effect.tryPromise(async () => {
      const startedAt = performance.now()
      await cluster.boot(slot)
      await cluster.ready(slot)
      log('info', 'broker-restarted', {
        broker,
        starts: slot.starts,
        tookMs: Math.round(performance.now() - startedAt),
      })
    }).pipe(
      Effect.timeout(startLimitMs),
      Effect.as<Ending | null>(null),
      Effect.catchCause((cause) => Effect.succeed<Ending | null>({ kind: 'ended', reason: String(cause) })),
    )
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const process = yield* launch
        const failed = yield* bring
        // It ended by itself: that says more than the call that failed.
        if (failed !== null && slot.process === null) return yield* this.#watch(process)
        if (failed !== null) return failed
        return yield* this.#watch(process)
      }),
    )
  }

  /** Until the worker ends or is found unresponsive (and then ended). */
  #watch(process: BrokerProcess): Effect.Effect<Ending> {
    let unresponsive = false
    const ended = Effect.promise(async (): Promise<Ending> => {
      const { code, error } = await process.ended
      if (unresponsive) return { kind: 'unresponsive' }
      return { kind: 'ended', reason: describeEnd({ code, error }), code }
    })
    const { watchdogMs, startLimitMs = defaultStartLimitMs } = this.#options
    const slot = this.#slot(process.broker)
    const beat = Effect.promise(async () => void (await process.remote.heartbeat()))
    const watchdog = Effect.gen(function* () {
      for (;;) {
        yield* Effect.sleep(watchdogMs / beatsPerWatchdog)
        const limitMs = slot.state === 'running' ? watchdogMs : startLimitMs
        const answer = yield* Effect.timeoutOption(beat, limitMs)
        if (answer._tag === 'None') break
      }
      unresponsive = true
      yield* Effect.promise(() => process.terminate())
      return { kind: 'unresponsive' } as Ending
    })
    return watchdogMs === Infinity ? ended : Effect.raceFirst(ended, watchdog)
  }

  #startRequest(broker: number): Effect.Effect<void> {
    const request = Deferred.makeUnsafe<void>()
    this.#startRequests.set(broker, request)
    return Effect.ensuring(
      Deferred.await(request),
      Effect.sync(() => this.#startRequests.delete(broker)),
    )
  }
}

export class NoSuchBroker extends Error {}

/** What was asked for needs a worker, and the broker has none. */
export class BrokerNotRunning extends Error {}
