/** Waiting for something to become true: tests of a real cluster have no other clock. */

const firstPauseMs = 2
const longestPauseMs = 50
export const defaultTimeoutMs = 30_000

export interface UntilOptions {
  /** Default: 30 seconds. */
  readonly timeoutMs?: number
  /** What has not happened, for the error. */
  readonly what?: string | (() => string)
}

export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/** Resolves with the first answer of `condition` that is truthy. What it throws is thrown. */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  { timeoutMs = defaultTimeoutMs, what = 'the condition' }: UntilOptions = {},
): Promise<Exclude<Value, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeoutMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    const value = await condition()
    if (value) return value as Exclude<Value, false | null | undefined | 0 | ''>
    if (performance.now() >= deadline) {
      throw new TimedOut(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
