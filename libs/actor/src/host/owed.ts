/**
 * Reply tokens that somebody is answerable for: what an actor here has been asked and not answered, or what actors
 * here have asked of one other broker. Whoever fails, its tokens are answered with `Failed`.
 */
import type { ReplyToken } from '../contract.ts'

export class Owed {
  /** By asker, then by id: building one string key for each question costs more than the second look-up. */
  readonly #byAsker = new Map<number | string, Map<number, ReplyToken>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(token: ReplyToken): void {
    const asker = askerOf(token)
    let tokens = this.#byAsker.get(asker)
    if (tokens === undefined) this.#byAsker.set(asker, (tokens = new Map()))
    const before = tokens.size
    tokens.set(token.id, token)
    this.#size += tokens.size - before
  }

  /** Returns whether it was there. */
  delete(token: ReplyToken): boolean {
    const asker = askerOf(token)
    const tokens = this.#byAsker.get(asker)
    if (tokens === undefined || !tokens.delete(token.id)) return false
    this.#size--
    // Askers come and go (replicas of deleted topics); an empty map of each would stay for ever.
    if (tokens.size === 0) this.#byAsker.delete(asker)
    return true
  }

  /** Empties it and returns what was there. */
  takeAll(): ReplyToken[] {
    const tokens: ReplyToken[] = []
    for (const ofAsker of this.#byAsker.values()) tokens.push(...ofAsker.values())
    this.#byAsker.clear()
    this.#size = 0
    return tokens
  }
}

/** An incarnation is unique in the whole process. */
function askerOf(token: ReplyToken): number | string {
  return token.incarnation ?? `${token.broker}/${token.actor}`
}
