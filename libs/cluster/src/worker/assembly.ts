/**
 * The real brokers' actors with a test's hands on them: what `Cluster` launches its workers with instead of the assembly
 * of production, which knows nothing of any of this.
 */
import type { MessagePort } from 'node:worker_threads'
import { actorNames, isFailed, type Message } from '@troupe/actor'
import type { MeshLink } from '@troupe/runtime/bus'
import type { BrokerAssembly, BrokerContext } from '@troupe/runtime/broker-assembly'
import { assemble as assembleReal } from '@troupe/runtime/assembly'
import { expose, nodeEndpoint } from '@troupe/runtime/comlink'
import { KafkaError } from '@troupe/wire/errors'
import {
  embeddedListener,
  embeddedPort,
  pauseCells,
  type BrokerFaults,
  type ExpireAnswer,
  type WorkerAttachment,
  type WorkerControls,
} from '../faults.ts'
import { ClientGate } from './client-gate.ts'
import { expiringTransactionsActor } from './expiring.ts'
import { FailingRequests } from './failing-requests.ts'
import { FillableFileSystem, setDiskFull } from './full-disk.ts'
import { LinkGate } from './link-gate.ts'

/** As group members and DescribeGroups show the clients of this process. */
const clientAddress = '127.0.0.1'

class Controls implements WorkerControls {
  readonly #context: BrokerContext
  readonly #attachment: WorkerAttachment
  readonly gate: ClientGate
  readonly #failing: FailingRequests
  readonly #links = new Map<number, LinkGate>()
  #faults!: BrokerFaults

  constructor(context: BrokerContext) {
    this.#context = context
    this.#attachment = context.attachment as WorkerAttachment
    this.gate = new ClientGate(context.transport)
    this.#failing = new FailingRequests(this.gate)
    this.#failing.install()
    this.apply(this.#attachment.faults)
  }

  apply(faults: BrokerFaults): void {
    this.#faults = faults
    setDiskFull(faults.isDiskFull)
    this.#failing.failures = faults.failures
    this.gate.set(faults.clients)
    for (const link of this.#links.values()) link.set(faults.links.get(link.peer))
  }

  throughLink(link: MeshLink): MeshLink {
    const gate = new LinkGate(link)
    this.#links.set(link.peer, gate)
    gate.set(this.#faults.links.get(link.peer))
    return { ...link, port: gate.port }
  }

  accept(port: MessagePort): void {
    this.#context.acceptPort(port, embeddedListener, clientAddress)
  }

  pause(): void {
    const cells = new Int32Array(this.#attachment.pause)
    Atomics.store(cells, pauseCells.isPaused, 1)
    Atomics.notify(cells, pauseCells.isPaused)
    while (Atomics.load(cells, pauseCells.wanted) === 1) Atomics.wait(cells, pauseCells.wanted, 1)
    Atomics.store(cells, pauseCells.isPaused, 0)
  }

  async expireProducer(partition: number, transactionalId: string): Promise<ExpireAnswer> {
    const message = { kind: 'expireProducer', transactionalId } as Message
    const answer = await this.#context.ask(actorNames.transactions(partition), message)
    return isFailed(answer) ? { error: KafkaError.NOT_COORDINATOR } : (answer as ExpireAnswer)
  }
}

export function assemble(context: BrokerContext): BrokerAssembly {
  const controls = new Controls(context)
  const { host, port } = context.attachment as WorkerAttachment
  const advertised = [...context.advertised, { name: embeddedListener, host, port: embeddedPort }]
  const real = assembleReal({ ...context, advertised, transport: controls.gate }, FillableFileSystem)
  const kinds = new Map(real.kinds)
  kinds.set('transactions', { ...real.kinds.get('transactions')!, definition: expiringTransactionsActor })
  const front = real.kinds.get('front')!
  const { definition } = front
  kinds.set('front', {
    ...front,
    definition: {
      ...definition,
      step(state, message, env, out) {
        if (message.kind === 'connectionClosed') controls.gate.forget(message.connection)
        definition.step(state, message, env, out)
      },
    },
  })
  expose(controls, nodeEndpoint(port as never))
  return { ...real, kinds, throughLink: (link) => controls.throughLink(link) }
}
