/**
 * Takes the bulk payload (`records`) out of a message that goes to another thread, and guards the rest.
 *
 * Structured clone copies the whole buffer under a view, and shares a SharedArrayBuffer: either is wrong for a view on
 * a pooled buffer. So views elsewhere in a message are replaced by small copies of their own first.
 */
import type { Message, Payload, Slice } from '@troupe/actor'

/** Where in the message the payload was. */
export const payloadPlace = { none: 0, records: 1, bodyRecords: 2 } as const

export interface Stripped {
  /** The message without its payload, safe to clone. */
  readonly message: Message
  readonly payload: Payload | null
  readonly place: number
}

interface WithRecords {
  readonly records?: unknown
  readonly body?: unknown
}

export function strip(message: Message): Stripped {
  const { records, body } = message as WithRecords
  if (isPayload(records)) {
    return { message: cloneable({ ...message, records: null }), payload: records, place: payloadPlace.records }
  }
  if (typeof body === 'object' && body !== null && isPayload((body as WithRecords).records)) {
    const stripped = { ...message, body: { ...body, records: null } }
    const payload = (body as { records: Payload }).records
    return { message: cloneable(stripped), payload, place: payloadPlace.bodyRecords }
  }
  return { message: cloneable(message), payload: null, place: payloadPlace.none }
}

/** Puts the payload back at the receiver; the message is its own copy there. */
export function restore(message: Message, place: number, payload: Uint8Array): void {
  const holder = place === payloadPlace.records ? message : (message as { body?: unknown }).body
  ;(holder as { records: Uint8Array }).records = payload
}

export function isSlice(payload: unknown): payload is Slice {
  return typeof (payload as Slice).readInto === 'function'
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && (value instanceof Uint8Array || isSlice(value))
}

/** The value itself when there is no view in it, else a copy of the path to each view. */
function cloneable<Value>(value: Value): Value {
  return guard(value) as Value
}

function guard(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return ownBytes(value as Uint8Array)
  if (Array.isArray(value)) return guardArray(value)
  if (value instanceof Map) return guardMap(value)
  if (value instanceof Set) return value
  let copy: Record<string, unknown> | null = null
  for (const key in value) {
    const before = (value as Record<string, unknown>)[key]
    if (typeof before !== 'object' || before === null) continue
    const after = guard(before)
    if (after === before) continue
    copy ??= { ...value }
    copy[key] = after
  }
  return copy ?? value
}

function guardArray(value: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | null = null
  for (let index = 0; index < value.length; index++) {
    const before = value[index]
    if (typeof before !== 'object' || before === null) continue
    const after = guard(before)
    if (after === before) continue
    copy ??= [...value]
    copy[index] = after
  }
  return copy ?? value
}

function guardMap(value: ReadonlyMap<unknown, unknown>): ReadonlyMap<unknown, unknown> {
  let copy: Map<unknown, unknown> | null = null
  for (const [key, before] of value) {
    const after = guard(before)
    if (after === before) continue
    copy ??= new Map(value)
    copy.set(key, after)
  }
  return copy ?? value
}

function ownBytes(view: Uint8Array): Uint8Array {
  const whole = view.byteLength === view.buffer.byteLength && !(view.buffer instanceof SharedArrayBuffer)
  return whole ? view : new Uint8Array(view)
}
