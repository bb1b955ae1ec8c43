/**
 * OpenTelemetry, for applications that have it: spans after the semantic conventions for messaging, and their context in
 * the records' headers (`traceparent`, `tracestate`).
 *
 * | span              | kind     | when                                                          |
 * | ----------------- | -------- | ------------------------------------------------------------- |
 * | `send <topic>`    | PRODUCER | from `send` until the record is acknowledged or given up       |
 * | `receive <topic>` | CLIENT   | records are handed out; linked to the spans that sent them     |
 * | `process <topic>` | CONSUMER | around `traceProcessing`; child of the span that sent it       |
 *
 * Whether there is an SDK is looked up once, when a producer or consumer is made: without one no package is loaded, no
 * interceptor is added and no record looked at. Source: opentelemetry.io/docs/specs/semconv/messaging/kafka.
 */
import type { Attributes, Context, Link, Span, TextMapGetter, Tracer } from '@opentelemetry/api'
import type { ConsumerInterceptor } from './consumer.ts'
import { openTelemetry, type Api } from './telemetry-api.ts'
import { recordHeaders } from './headers.ts'
import type { ProducerInterceptor, ProducerRecord } from './producer.ts'
import type { ConsumerRecord } from './unread.ts'

const tracerOf = (api: Api): Tracer => api.trace.getTracer('@troupe/client')

// --- producer

/** Put behind the application's own interceptors: the headers it adds are the last ones. */
export function producerTelemetry<K, V>(clientId: string): ProducerInterceptor<K, V>[] {
  const api = openTelemetry()
  if (api === null) return []
  const spans = new WeakMap<ProducerRecord<K, V>, Span>()
  return [
    {
      onSend(record) {
        const parent = api.context.active()
        const attributes = { ...common('send', record.topic, clientId), ...ofMessage(record.key, record.value) }
        const options = { kind: api.SpanKind.PRODUCER, attributes }
        const span = tracerOf(api).startSpan(`send ${record.topic}`, options, parent)
        const traced = withContext(api, record, api.trace.setSpan(parent, span))
        spans.set(traced, span)
        return traced
      },
      onAcknowledgement(metadata, error, record) {
        const span = spans.get(record)
        if (span === undefined) return
        spans.delete(record)
        if (metadata) span.setAttributes(position(metadata.partition, metadata.offset))
        if (error) failed(api, span, error)
        span.end()
      },
    },
  ]
}

/** The span's context takes the place of one that came with the headers, of the record that was read for instance. */
function withContext<K, V>(api: Api, record: ProducerRecord<K, V>, context: Context): ProducerRecord<K, V> {
  const carrier: Record<string, string> = {}
  api.propagation.inject(context, carrier)
  const kept = recordHeaders(record.headers ?? []).filter(({ key }) => !(key in carrier))
  const added = Object.entries(carrier).map(([key, value]) => ({ key, value }))
  return { ...record, headers: [...kept, ...added] }
}

// --- consumer

/** Put before the application's own interceptors: it sees the headers as they were written. */
export function consumerTelemetry<K, V>(clientId: string, groupId: string | null): ConsumerInterceptor<K, V>[] {
  const api = openTelemetry()
  if (api === null) return []
  return [
    {
      onConsume(records) {
        for (const [topic, received] of Map.groupBy(records, (record) => record.topic)) {
          const attributes = {
            ...common('receive', topic, clientId),
            ...(groupId !== null && { 'messaging.consumer.group.name': groupId }),
            'messaging.batch.message_count': received.length,
          }
          const links = received.flatMap((record) => linkTo(api, record))
          const options = { kind: api.SpanKind.CLIENT, attributes, links }
          tracerOf(api).startSpan(`receive ${topic}`, options).end()
        }
        return records
      },
    },
  ]
}

type Received = Pick<ConsumerRecord<unknown, unknown>, 'topic' | 'partition' | 'offset' | 'headers' | 'key' | 'value'>

/**
 * Runs `process` in a span `process <topic>` that continues the trace of whoever sent the record; what `process` sends
 * and calls is below it. Without an SDK it only runs it. What it throws is the span's status, and thrown on.
 */
export function traceProcessing<Result>(
  record: Received,
  process: (record: Received) => Result,
  { groupId }: { readonly groupId?: string } = {},
): Result {
  const api = openTelemetry()
  if (api === null) return process(record)
  const { topic, partition, offset } = record
  const attributes = {
    ...common('process', topic),
    ...ofMessage(record.key, record.value),
    ...position(partition, offset),
    ...(groupId !== undefined && { 'messaging.consumer.group.name': groupId }),
  }
  const options = { kind: api.SpanKind.CONSUMER, attributes, links: linkTo(api, record) }
  const parent = api.propagation.extract(api.context.active(), record.headers, getter)
  const span = tracerOf(api).startSpan(`process ${topic}`, options, parent)
  return api.context.with(api.trace.setSpan(parent, span), () => spanned(api, span, () => process(record)))
}

/** Ends the span when the work has ended, at once or with its Promise. */
function spanned<Result>(api: Api, span: Span, work: () => Result): Result {
  const onError = (error: unknown): never => {
    failed(api, span, error)
    span.end()
    throw error
  }
  let result: Result
  try {
    result = work()
  } catch (error) {
    return onError(error)
  }
  if (!(result instanceof Promise)) {
    span.end()
    return result
  }
  const ended = result.then((value: unknown) => {
    span.end()
    return value
  }, onError)
  return ended as Result
}

const decoder = new TextDecoder()

/** Of several headers of one key the last one counts, as in Java's `lastHeader`. */
const getter: TextMapGetter<Received['headers']> = {
  get(headers, key) {
    const value = headers.findLast((header) => header.key === key)?.value
    return value ? decoder.decode(value) : undefined
  },
  keys: (headers) => headers.map(({ key }) => key),
}

function linkTo(api: Api, { headers }: Received): Link[] {
  const context = api.trace.getSpanContext(api.propagation.extract(api.ROOT_CONTEXT, headers, getter))
  return context === undefined ? [] : [{ context }]
}

// --- attributes

function common(operation: 'send' | 'receive' | 'process', topic: string, clientId = ''): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': topic,
    ...(clientId !== '' && { 'messaging.client.id': clientId }),
  }
}

/** Keys of other types have no text of their own. */
function ofMessage(key: unknown, value: unknown): Attributes {
  const text = key instanceof Uint8Array ? decoder.decode(key) : key
  return {
    ...((typeof text === 'string' || typeof text === 'number') && { 'messaging.kafka.message.key': String(text) }),
    ...((value === null || value === undefined) && { 'messaging.kafka.message.tombstone': true }),
  }
}

function position(partition: number, offset: number): Attributes {
  return {
    'messaging.destination.partition.id': String(partition),
    ...(offset >= 0 && { 'messaging.kafka.offset': offset }),
  }
}

function failed(api: Api, span: Span, error: unknown): void {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  span.recordException({ name, message })
  span.setStatus({ code: api.SpanStatusCode.ERROR, message })
  span.setAttribute('error.type', name)
}
