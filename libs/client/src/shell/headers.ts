/** Headers of a record, as applications like to write them. */
import type { RecordHeader } from '../messages.ts'

type HeaderValue = string | Uint8Array | null

/** In order, also several of one key; or by key. Texts become UTF-8. */
export type Headers =
  | readonly { readonly key: string; readonly value: HeaderValue }[]
  | { readonly [key: string]: HeaderValue }

const encoder = new TextEncoder()

export function recordHeaders(headers: Headers): readonly RecordHeader[] {
  const list = Array.isArray(headers)
    ? (headers as readonly { key: string; value: HeaderValue }[])
    : Object.entries(headers).map(([key, value]) => ({ key, value: value as HeaderValue }))
  return list.map(({ key, value }) => ({ key, value: typeof value === 'string' ? encoder.encode(value) : value }))
}
