/**
 * The C rules of the catalogue for one partition, as a pure function over what was written and what a poll answers.
 *
 *   C2  no record is read again without a seek, a reset or a truncation that was told
 *   C3  nothing is skipped without one: what is read comes right after what was read last, in the log that has it
 *   C4  an offset of an epoch has one value
 *
 * A record is its offset and leader epoch; what lies before it is the same in every log that has it.
 */
import type { Polled } from '@troupe/client/consumer'
import type { Violation } from '../model/contract.ts'

export interface WrittenRecord {
  readonly value: string
  readonly offset: number
  readonly epoch: number
  /** Epoch of the record before it, −1 for the first one. */
  readonly before: number
}

export interface ReadPlace {
  readonly offset: number
  readonly epoch: number
}

export interface Checked {
  readonly last: ReadPlace | null
  /** Indexes in `written`. */
  readonly read: readonly number[]
  readonly violation: Violation | null
}

const decoder = new TextDecoder()
const broken = (invariant: string, detail: string): Violation => ({ invariant, detail })

/** `before`: what was read last, null when reading may begin anywhere. */
export function checkPolled(written: readonly WrittenRecord[], before: ReadPlace | null, polled: Polled): Checked {
  let last = before
  const read: number[] = []
  let violation: Violation | null = null
  for (const { divergentOffset } of polled.truncations) last = placeBefore(written, last, divergentOffset)
  for (const { offset, leaderEpoch: epoch, value } of polled.records) {
    const at = written.findIndex((each) => each.offset === offset && each.epoch === epoch)
    const record = written[at]
    const name = value === null ? 'null' : decoder.decode(value)
    if (record?.value !== name) {
      violation ??= broken(
        'C4',
        `${name} is read at ${offset} of epoch ${epoch}, where ${record?.value ?? 'nothing'} was written`,
      )
      continue
    }
    violation ??= checkNext(written, last, record)
    last = { offset, epoch }
    read.push(at)
  }
  return { last, read, violation }
}

/** The last record that reader and log have in common, null when the log cannot say, or there is none. */
function placeBefore(
  written: readonly WrittenRecord[],
  last: ReadPlace | null,
  divergentOffset: number | null,
): ReadPlace | null {
  let place = last
  while (place !== null && (divergentOffset === null || place.offset >= divergentOffset)) {
    place = previous(written, place)
  }
  return place
}

function previous(written: readonly WrittenRecord[], { offset, epoch }: ReadPlace): ReadPlace | null {
  const record = written.find((each) => each.offset === offset && each.epoch === epoch)
  return record === undefined || offset === 0 ? null : { offset: offset - 1, epoch: record.before }
}

function checkNext(written: readonly WrittenRecord[], last: ReadPlace | null, record: WrittenRecord): Violation | null {
  if (last === null) return null
  const { value, offset, epoch, before } = record
  const had = written.find((each) => each.offset === last.offset && each.epoch === last.epoch)
  const after = `${value} (offset ${offset}, epoch ${epoch}) is read after ${had?.value} (offset ${last.offset}, epoch ${last.epoch})`
  if (offset <= last.offset) return broken('C2', `${after}, and no truncation was told`)
  if (offset > last.offset + 1) return broken('C3', `${after}, and no reset was told`)
  if (before === last.epoch) return null
  const skipped = written.findLast((each) => each.offset === last.offset && each.epoch === before)
  return broken('C3', `${after}: ${skipped?.value ?? 'what'} lies before it, and was never read`)
}
