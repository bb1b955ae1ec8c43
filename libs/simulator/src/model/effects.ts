/** Where effects go while a step runs. One step runs at a time. */
import type { Address, Effect, Message, Outbox, ReplyToken } from '@troupe/actor'

export class Effects implements Outbox {
  readonly list: Effect[] = []

  send(to: Address, message: Message): void {
    this.list.push({ kind: 'send', to, message })
  }

  reply(token: ReplyToken, body: unknown): void {
    this.list.push({ kind: 'reply', token, body })
  }

  setTimer(name: string, at: number, message: Message): void {
    this.list.push({ kind: 'setTimer', name, at, message })
  }

  cancelTimer(name: string): void {
    this.list.push({ kind: 'cancelTimer', name })
  }

  spawn(name: string, actorKind: string, args: unknown): void {
    this.list.push({ kind: 'spawn', name, actorKind, args })
  }

  stop(name: string): void {
    this.list.push({ kind: 'stop', name })
  }

  trace(event: string, fields: Record<string, unknown>): void {
    this.list.push({ kind: 'trace', event, fields })
  }
}
