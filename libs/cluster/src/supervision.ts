/**
 * Which brokers run. The first start of the workers is plain code; what comes after is the supervisor's that production
 * has (restarts with a budget), loaded when it is first needed, which in most tests is never: Effect takes a while.
 *
 * A broker that a test has crashed or stopped stays down until the test starts it. One that ends by itself (its disk is
 * full) is tried again. A broker that does not answer is left alone: a paused one, or a debugger's.
 */
import { describeEnd, type Cluster as Brokers, type Slot } from '@troupe/runtime/cluster'
import type { Supervisor } from '@troupe/runtime/supervisor'

/** A test waits for it: tried again soon, and for ever. */
const diskBudget = { restarts: Infinity, windowMs: 600_000, firstPauseMs: 50, longestPauseMs: 200 }

type Log = (level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown>) => void

export class Supervision {
  readonly #brokers: Brokers
  readonly #log: Log
  #supervisor: Promise<Supervisor> | null = null
  #ended = false

  constructor(brokers: Brokers, log: Log) {
    this.#brokers = brokers
    this.#log = log
  }

  /** Once the workers of the first start are launched. */
  watch(): void {
    for (const slot of this.#brokers.slots.values()) {
      void slot.process?.ended.then((end) => {
        if (slot.wanted !== 'running' || this.#ended) return
        this.#log('error', 'broker-worker-ended', { broker: slot.plan.broker, reason: describeEnd(end) })
        void this.#load()
      })
    }
  }

  #load(): Promise<Supervisor> {
    return (this.#supervisor ??= import('@troupe/runtime/supervisor').then(({ Supervisor }) => {
      const supervisor = new Supervisor({
        cluster: this.#brokers,
        watchdogMs: Infinity,
        diskBudget,
        log: this.#log,
        onGiveUp: (broker, reason) => this.#log('error', 'broker-given-up', { broker, reason }),
      })
      if (!this.#ended) supervisor.start()
      return supervisor
    }))
  }

  /** Gone at once. */
  async crash(slot: Slot): Promise<void> {
    slot.wanted = 'stopped'
    const { process } = slot
    await process?.terminate()
    await process?.ended
    slot.state = 'stopped'
  }

  async stop({ plan: { broker } }: Slot, controlled: boolean): Promise<void> {
    await (await this.#load()).stopBroker(broker, controlled)
  }

  async start({ plan: { broker } }: Slot): Promise<void> {
    ;(await this.#load()).startBroker(broker)
  }

  /** Nothing is replaced any more. */
  async end(): Promise<void> {
    this.#ended = true
    for (const slot of this.#brokers.slots.values()) slot.wanted = 'stopped'
    await (await this.#supervisor)?.release()
  }
}
