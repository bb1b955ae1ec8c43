/**
 * Waits until this broker's copy of the metadata shows something, for a short while.
 *
 * The controller answers when a change is committed; the copy here follows within a moment. An answer that waits for it
 * spares the client the surprise that what it just made is unknown (Kafka may answer before).
 */
import type { RequestContext } from './context.ts'

const LOOK_AGAIN_MS = 2

export function untilImageShows(ctx: RequestContext, boundMs: number, shown: () => boolean, then: () => void): void {
  const deadline = ctx.env.now + boundMs
  const look = (): void => {
    if (shown() || ctx.env.now >= deadline) then()
    else ctx.timer(LOOK_AGAIN_MS, look)
  }
  look()
}
