/** The outbox of a step: effects in the order in which they were asked for. */
import type { Address, Effect, Message, Outbox, ReplyToken } from './contract.ts'

const none: Effect[] = []

export class EffectList implements Outbox {
  private effects: Effect[] = none

  /** Read only. */
  get list(): readonly Effect[] {
    return this.effects
  }

  take(): Effect[] {
    const { effects } = this
    this.effects = none
    return effects
  }

  clear(): void {
    this.effects = none
  }

  append(effect: Effect): void {
    if (this.effects === none) this.effects = [effect]
    else this.effects.push(effect)
  }

  send(to: Address, message: Message): void {
    this.append({ kind: 'send', to, message })
  }

  reply(token: ReplyToken, body: unknown): void {
    this.append({ kind: 'reply', token, body })
  }

  setTimer(name: string, at: number, message: Message): void {
    this.append({ kind: 'setTimer', name, at, message })
  }

  cancelTimer(name: string): void {
    this.append({ kind: 'cancelTimer', name })
  }

  spawn(name: string, actorKind: string, args: unknown): void {
    this.append({ kind: 'spawn', name, actorKind, args })
  }

  stop(name: string): void {
    this.append({ kind: 'stop', name })
  }

  trace(event: string, fields: Record<string, unknown>): void {
    this.append({ kind: 'trace', event, fields })
  }
}
