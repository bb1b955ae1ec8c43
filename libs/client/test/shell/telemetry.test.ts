/** OpenTelemetry: one trace from the sender through the broker to whoever processes the record; nothing without an SDK. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type ContextManager,
  type TextMapPropagator,
} from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Cluster } from '../../../../tools/src/cluster.ts'
import { Consumer } from '../../src/shell/consumer.ts'
import { Producer } from '../../src/shell/producer.ts'
import { openTelemetry } from '../../src/shell/telemetry-api.ts'
import { consumerTelemetry, producerTelemetry, traceProcessing } from '../../src/shell/telemetry.ts'
import type { ConsumerRecord } from '../../src/shell/unread.ts'

/** What an application gets from its SDK for Node. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => run.apply(thisArg as never, args))
  }
  bind<T>(_context: Context, target: T): T {
    return target
  }
  enable(): this {
    return this
  }
  disable(): this {
    return this
  }
}

const exporter = new InMemorySpanExporter()

function registerSdk(): void {
  const processor = new SimpleSpanProcessor(exporter)
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }))
  context.setGlobalContextManager(new Contexts())
  // The SDK's own dependency brings the propagator.
  const sdk = createRequire(import.meta.url).resolve('@opentelemetry/sdk-trace-base')
  const core = createRequire(sdk)('@opentelemetry/core') as { W3CTraceContextPropagator: new () => TextMapPropagator }
  propagation.setGlobalPropagator(new core.W3CTraceContextPropagator())
}

let cluster: Cluster
let properties: { 'bootstrap.servers': string; 'client.id': string }

beforeAll(async () => {
  cluster = await Cluster.start({ brokers: 1, properties: { 'offsets.topic.num.partitions': 1 } })
  properties = { 'bootstrap.servers': cluster.bootstrap, 'client.id': 'app' }
})
afterAll(() => cluster?.stop())
beforeEach(() => exporter.reset())

const decoded = (record: ConsumerRecord): Record<string, string> =>
  Object.fromEntries(record.headers.map(({ key, value }) => [key, new TextDecoder().decode(value!)]))

async function consume(topic: string, count: number): Promise<ConsumerRecord[]> {
  await using consumer = new Consumer({
    ...properties,
    'group.id': `group-of-${topic}`,
    'auto.offset.reset': 'earliest',
  })
  consumer.subscribe([topic])
  const records: ConsumerRecord[] = []
  for await (const record of consumer) if (records.push(record) === count) break
  return records
}

function spanNamed(name: string): ReadableSpan {
  const found = exporter.getFinishedSpans().filter((span) => span.name === name)
  expect(found, name).toHaveLength(1)
  return found[0]!
}

test('without an SDK nothing is loaded, added or written', async () => {
  expect(openTelemetry()).toBeNull()
  expect(producerTelemetry('app')).toEqual([])
  expect(consumerTelemetry('app', null)).toEqual([])
  await using producer = new Producer(properties)
  await producer.send({ topic: 'plain', value: 'v', headers: { own: 'h' } })
  const [record] = await consume('plain', 1)
  expect(decoded(record!)).toEqual({ own: 'h' })
  expect(traceProcessing(record!, ({ offset }) => offset)).toBe(0)
})

describe('with an SDK', () => {
  beforeAll(registerSdk)

  test('a record carries the trace from send to process', async () => {
    const tracer = trace.getTracer('test')
    const app = tracer.startSpan('app')
    await context.with(trace.setSpan(ROOT_CONTEXT, app), async () => {
      await using producer = new Producer(properties)
      const stale = { own: 'h', traceparent: '00-11111111111111111111111111111111-2222222222222222-01' }
      await producer.send({ topic: 'orders', key: 'k', value: 'v', headers: stale })
    })
    const [record] = await consume('orders', 1)
    await traceProcessing(
      record!,
      async () => {
        await Promise.resolve()
        tracer.startSpan('inner', {}, context.active()).end()
      },
      { groupId: 'g' },
    )
    const send = spanNamed('send orders')
    expect(send.kind).toBe(SpanKind.PRODUCER)
    expect(send.parentSpanContext?.spanId).toBe(app.spanContext().spanId)
    expect(send.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'orders',
      'messaging.client.id': 'app',
      'messaging.kafka.message.key': 'k',
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 0,
    })
    const { traceId, spanId } = send.spanContext()
    expect(decoded(record!)).toEqual({ own: 'h', traceparent: `00-${traceId}-${spanId}-01` })
    const receive = spanNamed('receive orders')
    expect(receive.kind).toBe(SpanKind.CLIENT)
    expect(receive.links.map((link) => link.context.spanId)).toEqual([spanId])
    expect(receive.attributes).toMatchObject({
      'messaging.consumer.group.name': 'group-of-orders',
      'messaging.batch.message_count': 1,
    })
    const done = spanNamed('process orders')
    expect(done.kind).toBe(SpanKind.CONSUMER)
    expect(done.parentSpanContext?.spanId).toBe(spanId)
    expect(done.spanContext().traceId).toBe(traceId)
    expect(done.attributes).toMatchObject({ 'messaging.kafka.offset': 0, 'messaging.consumer.group.name': 'g' })
    expect(spanNamed('inner').parentSpanContext?.spanId).toBe(done.spanContext().spanId)
  })

  test('a batch: a span for each record; a tombstone says that it is one', async () => {
    await using producer = new Producer(properties)
    await producer.sendBatch(['a', null].map((value) => ({ topic: 'batch', key: 'k', value })))
    const spans = exporter.getFinishedSpans()
    expect(spans.map(({ attributes }) => attributes['messaging.kafka.offset'])).toEqual([0, 1])
    expect(spans.map(({ attributes }) => attributes['messaging.kafka.message.tombstone'])).toEqual([undefined, true])
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(2)
  })

  test('what fails is the span’s status', async () => {
    await using producer = new Producer({ ...properties, 'max.request.size': 1000 })
    await expect(producer.send({ topic: 'orders', value: 'x'.repeat(2000) })).rejects.toThrow()
    const send = spanNamed('send orders')
    expect(send.status.code).toBe(SpanStatusCode.ERROR)
    expect(send.attributes['error.type']).toBe('MESSAGE_TOO_LARGE')
    const record = { topic: 't', partition: 0, offset: 1, headers: [], key: null, value: null }
    const boom = (): never => {
      throw new RangeError('boom')
    }
    expect(() => traceProcessing(record, boom)).toThrow('boom')
    await expect(traceProcessing(record, () => Promise.reject(new TypeError('later')))).rejects.toThrow('later')
    const done = exporter.getFinishedSpans().filter(({ name }) => name === 'process t')
    expect(done.map(({ attributes, status }) => [attributes['error.type'], status])).toEqual([
      ['RangeError', { code: SpanStatusCode.ERROR, message: 'boom' }],
      ['TypeError', { code: SpanStatusCode.ERROR, message: 'later' }],
    ])
  })
})
