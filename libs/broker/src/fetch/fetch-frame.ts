/**
 * A Fetch response in one buffer of the transport: fields are written straight into it, and records are read from the
 * log's file right behind them, with no copy in between.
 */
import type { Slice } from '@troupe/actor'
import type { BytesSource } from '@troupe/wire/io'
import type { FetchResponseInput } from '@troupe/wire/messages'
import type { RequestContext } from '../context.ts'
import { beginFrame, endFrame } from '../response-frame.ts'

/** Most that a partition takes beside records and aborted transactions: fixed fields, lengths, tagged fields. */
const PARTITION_BYTES = 128
const TOPIC_BYTES = 3 * 249 + 32
const ABORTED_BYTES = 17
const RESPONSE_BYTES = 64

/** A slice's bytes as the codec wants them. What a truncation took away meanwhile is known after the first copy. */
export class SliceBytes implements BytesSource {
  length: number
  private readonly slice: Slice
  short = false

  constructor(slice: Slice) {
    this.slice = slice
    this.length = slice.sizeInBytes
  }

  copyTo(target: Uint8Array, position: number): void {
    const read = this.slice.readInto(target, position)
    if (read >= this.length) return
    this.short = true
    this.length = read
  }
}

export function fetchFrame(
  ctx: RequestContext,
  response: FetchResponseInput,
  sources: readonly SliceBytes[],
): Uint8Array {
  const buffer = ctx.env.transport.acquire(sizeBound(response, sources))
  try {
    for (;;) {
      const writer = beginFrame(ctx, buffer)
      ctx.spec.encodeResponse(writer, response, ctx.version)
      // A slice gave less than it had promised: its length is in front of it already, so all is written again.
      if (!sources.some(({ short }) => short)) return endFrame(ctx, writer, buffer)
      for (const source of sources) source.short = false
    }
  } catch (error) {
    ctx.env.transport.release(buffer)
    throw error
  }
}

function sizeBound(response: FetchResponseInput, sources: readonly SliceBytes[]): number {
  let bytes = RESPONSE_BYTES
  for (const { length } of sources) bytes += length
  for (const topic of response.responses ?? []) {
    bytes += TOPIC_BYTES
    for (const { abortedTransactions } of topic.partitions ?? []) {
      bytes += PARTITION_BYTES + (abortedTransactions?.length ?? 0) * ABORTED_BYTES
    }
  }
  for (const { host, rack } of response.nodeEndpoints ?? []) {
    bytes += 32 + 3 * ((host?.length ?? 0) + (rack?.length ?? 0))
  }
  return bytes
}
