/** A producer on a stage, with what an application says to it. */
import type { Safeguards } from '@troupe/actor'
import type { ProducerProperties } from '../src/config.ts'
import { networkActor } from '../src/network.ts'
import { producerActor, type Partitioner } from '../src/producer.ts'
import type { ProducerState } from '../src/producer/state.ts'
import { Stage, type Body, type Received } from './stage.ts'

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

export class ProducerStage extends Stage {
  constructor(
    properties: Partial<ProducerProperties> = {},
    safeguards: Partial<Safeguards> = {},
    transactionVersion: 1 | 2 = 2,
    partitioner?: Partitioner,
  ) {
    super()
    this.brokers.features.transactionVersion = transactionVersion
    this.safeguards = { ...this.safeguards, ...safeguards }
    this.brokers.add('orders', [1, 2])
    // Back-offs without spread.
    this.random = () => 0x8000_0000
    this.host('network', networkActor, { properties: { 'bootstrap.servers': ['b1:9091'] } })
    const args = { properties: { 'linger.ms': 0, ...properties }, ...(partitioner && { partitioner }) }
    this.host('producer:p', producerActor, args)
  }

  /** Sends each value to a partition; the ids of the answers. */
  send(partition: number, ...values: string[]): number[] {
    return values.map((value) => this.sendRecord({ partition, value: bytes(value) }))
  }

  /** The leader of orders-0 knows this producer: a record (#1, seq=0) is in, and nothing is told of it. */
  warm(): this {
    this.send(0, 'warm')
    this.told()
    return this
  }

  sendRecord(record: object): number {
    const base = { kind: 'send', topic: 'orders', partition: null, key: null, value: bytes('v') }
    return this.ask('producer:p', { ...base, ...record })
  }

  sendMany(records: readonly object[], answer: 'results' | 'firstError' | 'each' = 'results'): number {
    const base = { topic: 'orders', partition: null, key: null, value: bytes('v') }
    return this.ask('producer:p', { kind: 'sendMany', answer, records: records.map((each) => ({ ...base, ...each })) })
  }

  do(kind: string, change: object = {}): number {
    return this.ask('producer:p', { kind, ...change })
  }

  get producer(): ProducerState {
    return this.state<ProducerState>('producer:p')
  }

  /** An answer to an open Produce with an error for every partition in it. */
  refuse(request: Received, errorCode: number, change: object = {}): void {
    this.respond(
      request,
      this.brokers.produce(request, () => ({ errorCode, ...change })),
    )
  }

  /** The next Produce is answered so. */
  refuseNext(errorCode: number, change: object = {}): void {
    this.answerNext('Produce', (request: Received) => this.brokers.produce(request, () => ({ errorCode, ...change })))
  }

  answerNext(api: string, ...answers: (Body | 'close')[]): void {
    this.next.set(api, [...(this.next.get(api) ?? []), ...answers])
  }

  /** The transcript since the last time, as one text. */
  told(): string {
    return this.transcript.splice(0).join('\n')
  }
}

/** A transcript as tests write it: without the indent that it has there. */
export function lines(strings: TemplateStringsArray, ...values: unknown[]): string {
  const raw = String.raw({ raw: strings }, ...values).split('\n')
  const rows = raw.slice(1, -1)
  const indent = Math.min(...rows.map((row) => /^ */.exec(row)![0].length))
  return rows.map((row) => row.slice(indent)).join('\n')
}
