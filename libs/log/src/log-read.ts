/**
 * Finds the file region that answers a read: whole batches, from the one that holds the offset, below the bound.
 */
import type { Slice } from '@troupe/actor'
import type { ReadRequest, ReadResult } from './contract.ts'
import type { PooledFile } from './file-pool.ts'
import type { LocalLog } from './local-log.ts'
import type { Segment } from './segment.ts'

export class FileSlice implements Slice {
  readonly sizeInBytes: number
  readonly #file: PooledFile
  readonly #position: number
  readonly #onError: (error: unknown) => void

  constructor(file: PooledFile, position: number, sizeInBytes: number, onError: (error: unknown) => void) {
    this.#file = file
    this.#position = position
    this.sizeInBytes = sizeInBytes
    this.#onError = onError
  }

  readInto(target: Uint8Array, at: number): number {
    if (this.#file.isGone) return 0
    try {
      return this.#file.read(target, at, this.sizeInBytes, this.#position)
    } catch (error) {
      this.#onError(error)
      throw error
    }
  }
}

const nothing = (offset: number): ReadResult => ({ slice: null, firstOffset: offset, nextOffset: offset })

export function readLog(log: LocalLog, request: ReadRequest, onError: (error: unknown) => void): ReadResult {
  const { offset, maxBytes, minOneBatch } = request
  const upTo = Math.min(request.upTo, log.logEndOffset)
  if (offset >= upTo || (maxBytes <= 0 && !minOneBatch)) return nothing(offset)
  const { positions } = log
  let segment: Segment
  let position: number
  let firstOffset = offset
  let index: number
  // A remembered end of a segment that is not the active one any more tells nothing.
  if (positions.find(offset) && positions.position < (positions.segment as Segment).size) {
    segment = positions.segment as Segment
    position = positions.position
    index = log.floorIndex(segment.baseOffset)
  } else {
    index = log.floorIndex(offset)
    if (index < 0) return nothing(offset)
    let batch = log.segments[index].find(offset)
    // The end of a segment may be a gap that compaction left.
    while (batch === undefined && ++index < log.segments.length) batch = log.segments[index].find(offset)
    if (batch === undefined || batch.lastOffset >= upTo) return nothing(offset)
    segment = log.segments[index]
    position = batch.position
    firstOffset = batch.baseOffset
  }
  const end = endOfRegion(log, index, upTo)
  if (end <= position) return nothing(offset)
  if (end - position <= maxBytes) {
    const segmentEnd = log.endOf(index)
    const nextOffset = Math.min(upTo, segmentEnd)
    // A bound within the segment was remembered where it was found, if a batch begins there: one inside a batch says nothing.
    if (upTo >= segmentEnd && index === log.segments.length - 1) positions.addRead(nextOffset, segment, end)
    return { slice: new FileSlice(segment.log, position, end - position, onError), firstOffset, nextOffset }
  }
  return cut(log, segment, position, request, firstOffset, end, onError)
}

/** Position in segment `index` behind the last batch that lies wholly below `upTo`. */
function endOfRegion(log: LocalLog, index: number, upTo: number): number {
  const segment = log.segments[index]
  if (upTo >= log.endOf(index)) return segment.size
  if (log.positions.find(upTo) && log.positions.segment === segment) return log.positions.position
  const batch = segment.find(upTo)
  if (batch === undefined) return segment.size
  if (batch.baseOffset === upTo) log.positions.addRead(upTo, segment, batch.position)
  return batch.position
}

/** The region is longer than was asked for: ends it at the last batch boundary that fits. */
function cut(
  log: LocalLog,
  segment: Segment,
  position: number,
  request: ReadRequest,
  firstOffset: number,
  end: number,
  onError: (error: unknown) => void,
): ReadResult {
  const overflowing = segment.findPosition(position, position + request.maxBytes)
  if (overflowing === undefined) return nothing(request.offset)
  let stop = overflowing.position
  let nextOffset = overflowing.baseOffset
  if (stop === position) {
    if (!request.minOneBatch) return nothing(request.offset)
    stop = Math.min(position + overflowing.size, end)
    nextOffset = overflowing.lastOffset + 1
    if (stop < segment.size) log.positions.addRead(nextOffset, segment, stop)
  } else {
    log.positions.addRead(nextOffset, segment, stop)
  }
  return { slice: new FileSlice(segment.log, position, stop - position, onError), firstOffset, nextOffset }
}
