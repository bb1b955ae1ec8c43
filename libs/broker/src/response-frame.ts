/**
 * A response as it goes over the wire: length, header, body in one buffer of the transport's pool.
 */
import { Writer } from '@troupe/wire/io'
import type { RequestContext } from './context.ts'

const LENGTH_BYTES = 4

/** Begins a frame: room for the length, then the response header. */
export function beginFrame(ctx: RequestContext, buffer: Uint8Array): Writer {
  const writer = new Writer(buffer, LENGTH_BYTES)
  writer.int32(ctx.correlationId)
  if (ctx.spec.responseHeaderVersion(ctx.version) === 1) writer.unsignedVarint(0)
  return writer
}

/** Ends it; `buffer` is released when the writer had to move on to larger memory. */
export function endFrame(ctx: RequestContext, writer: Writer, buffer: Uint8Array): Uint8Array {
  const end = writer.position
  writer.reset(0)
  writer.int32(end - LENGTH_BYTES)
  writer.reset(end)
  if (writer.buffer !== buffer) ctx.env.transport.release(buffer)
  return writer.bytes()
}

/** Encodes with the API's codec. The sizes of earlier answers tell how large a buffer to take. */
export function encodeFrame(ctx: RequestContext, response: unknown, version = ctx.version): Uint8Array {
  const { responseSizes, env } = ctx.front
  const { key } = ctx.spec
  const buffer = env.transport.acquire(responseSizes.get(key) ?? 256)
  try {
    const writer = beginFrame(ctx, buffer)
    ctx.spec.encodeResponse(writer, response, version)
    const frame = endFrame(ctx, writer, buffer)
    if (frame.length > (responseSizes.get(key) ?? 256)) responseSizes.set(key, Math.min(frame.length * 2, 65536))
    return frame
  } catch (error) {
    env.transport.release(buffer)
    throw error
  }
}
