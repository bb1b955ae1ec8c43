/**
 * Windows of event time, and keys that carry one.
 *
 * Source: TimeWindows, SessionWindows, JoinWindows, Windowed; sizes in milliseconds.
 */

export interface TimeWindows {
  readonly kind: 'time'
  readonly sizeMs: number
  /** Equal to the size: tumbling; smaller: hopping. */
  readonly advanceMs: number
  /** How long after its end a window still takes late records. */
  readonly graceMs: number
}

export interface SessionWindows {
  readonly kind: 'session'
  /** Records closer together than this belong to one session. */
  readonly gapMs: number
  readonly graceMs: number
}

export interface JoinWindows {
  readonly kind: 'join'
  /** A partner may be this much older than the left record … */
  readonly beforeMs: number
  /** … or this much younger. */
  readonly afterMs: number
  readonly graceMs: number
}

/** A key in a window: `[start, end)`; a session's `end` is the timestamp of its last record, inclusive. */
export interface Windowed<K> {
  readonly key: K
  readonly start: number
  readonly end: number
}

/** Windows that follow each other without gap or overlap. Late records are dropped `graceMs` after the end. */
export function tumbling(sizeMs: number, graceMs = 0): TimeWindows {
  return hopping(sizeMs, sizeMs, graceMs)
}

/** Windows of `sizeMs`, one beginning every `advanceMs`: a record belongs to several. */
export function hopping(sizeMs: number, advanceMs: number, graceMs = 0): TimeWindows {
  positive('Window size (sizeMs)', sizeMs)
  if (!(advanceMs > 0 && advanceMs <= sizeMs)) {
    throw new RangeError(`AdvanceMs must lie within interval (0, ${sizeMs}], but is ${advanceMs}`)
  }
  notNegative('Grace period', graceMs)
  return { kind: 'time', sizeMs, advanceMs, graceMs }
}

/** A window per key that lasts as long as its records are at most `gapMs` apart. */
export function sessions(gapMs: number, graceMs = 0): SessionWindows {
  positive('Gap time (inactivityGapMs)', gapMs)
  notNegative('Grace period', graceMs)
  return { kind: 'session', gapMs, graceMs }
}

/** Partners of a stream–stream join lie at most this far apart, to either side or as `after` and `before` say. */
export function within(
  differenceMs: number,
  options: { graceMs?: number; before?: number; after?: number } = {},
): JoinWindows {
  const { graceMs = 0, before = differenceMs, after = differenceMs } = options
  if (before + after < 0) throw new RangeError('Window interval (ie, beforeMs+afterMs) must not be negative')
  notNegative('Grace period', graceMs)
  return { kind: 'join', beforeMs: before, afterMs: after, graceMs }
}

/** Starts of the windows that `timestamp` lies in, in order. */
export function windowStarts({ sizeMs, advanceMs }: TimeWindows, timestamp: number): number[] {
  const starts = []
  const first = Math.trunc(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
  for (let start = first; start <= timestamp; start += advanceMs) starts.push(start)
  return starts
}

function positive(what: string, ms: number): void {
  if (!(Number.isSafeInteger(ms) && ms > 0))
    throw new RangeError(`${what} must be a whole number larger than zero, but is ${ms}`)
}

function notNegative(what: string, ms: number): void {
  if (!(Number.isSafeInteger(ms) && ms >= 0))
    throw new RangeError(`${what} must be a whole number, not negative, but is ${ms}`)
}
