/** The outbox of a step: effects in the order in which they were asked for. */
import type { Address, Effect, Message, Outbox, ReplyToken } from '@troupe/actor'

export class EffectList implements Outbox {
  #effects: Effect[] = []

  take(): Effect[] {
    const effects = this.#effects
    if (effects.length === 0) return effects
    this.#effects = []
    return effects
  }

  send(to: Address, message: Message): void {
    this.#effects.push({ kind: 'send', to, message })
  }

  reply(token: ReplyToken, body: unknown): void {
    this.#effects.push({ kind: 'reply', token, body })
  }

  setTimer(name: string, at: number, message: Message): void {
    this.#effects.push({ kind: 'setTimer', name, at, message })
  }

  cancelTimer(name: string): void {
    this.#effects.push({ kind: 'cancelTimer', name })
  }

  spawn(name: string, actorKind: string, args: unknown): void {
    this.#effects.push({ kind: 'spawn', name, actorKind, args })
  }

  stop(name: string): void {
    this.#effects.push({ kind: 'stop', name })
  }

  trace(event: string, fields: Record<string, unknown>): void {
    this.#effects.push({ kind: 'trace', event, fields })
  }
}
