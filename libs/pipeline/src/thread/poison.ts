/**
 * Records that the pipeline could not read, process or write: by the handler's choice the thread fails with the record
 * named, goes on and counts it, or writes it as it came to the dead-letter topic, in the same transaction as all else.
 *
 * Header names: KIP-1034. The original headers come first.
 */
import type { Poison } from '../engine/contract.ts'
import type { Header } from '../topology.ts'
import { failureOf } from './ask.ts'
import type { ExceptionHandler } from './config.ts'
import { fail } from './failing.ts'
import { produce } from './producing.ts'
import type { ActiveTask, Step } from './state.ts'
import { trace } from './trace.ts'

/** False: the thread fails. */
export function onPoison(step: Step, { id }: ActiveTask, poison: Poison): boolean {
  const { state, out } = step
  const { kind, node, error, record } = poison
  const handler = handlerOf(step, kind)
  const { topic, partition, offset } = record
  const message = textOf(error)
  trace(out, 'pipeline.poisoned', { task: id, kind, node, topic, partition, offset, handler, error: message })
  if (handler === 'continue') {
    state.metrics.droppedRecords++
    return true
  }
  if (handler === 'fail') {
    const text = `${kind} error in task ${id}, node ${node}, on ${topic}-${partition}@${offset}: ${message}`
    fail(step, failureOf('StreamsException', text, { record: { topic, partition, offset }, cause: error }))
    return false
  }
  state.metrics.deadLetters++
  const deadLetters = state.config['errors.dead.letter.queue.topic.name']!
  const { key, value, headers, timestamp } = record
  produce(step, [
    {
      topic: deadLetters,
      partition: null,
      key,
      value,
      headers: [...headers, ...errorHeaders(poison)],
      timestamp: Math.max(timestamp, 0),
    },
  ])
  return true
}

function handlerOf({ state }: Step, kind: Poison['kind']): ExceptionHandler {
  const handler = state.config[`${kind}.exception.handler`]
  if (handler === 'dead-letter' && state.config['errors.dead.letter.queue.topic.name'] === null) return 'fail'
  return handler
}

function errorHeaders({ kind, node, error, record }: Poison): Header[] {
  const said: [string, string][] = [
    ['__streams.errors.exception', error instanceof Error ? error.name : typeof error],
    ['__streams.errors.message', textOf(error)],
    ['__streams.errors.stacktrace', (error instanceof Error && error.stack) || ''],
    ['__streams.errors.topic', record.topic],
    ['__streams.errors.partition', String(record.partition)],
    ['__streams.errors.offset', String(record.offset)],
    ['__troupe.errors.kind', kind],
    ['__troupe.errors.node', node],
  ]
  return said.map(([key, value]) => ({ key, value: bytesOf(value) }))
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
