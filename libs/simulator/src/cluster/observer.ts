/**
 * Who watches a run from outside: checkers, the recorder of the trace, counters. None of it can be seen by an actor.
 */
import type { Message } from '@troupe/actor'
import type { EffectList } from '@troupe/actor/effect-list'
import type { Cell, Host } from '../kernel/host.ts'

export interface Observer {
  /** After a step, before its effects happen. The message's bytes are still valid. */
  stepped?(host: Host, cell: Cell, message: Message, effects: EffectList): void
  traced?(host: Host, cell: Cell, event: string, fields: Record<string, unknown>): void
  threw?(host: Host, cell: Cell, message: Message | null, error: unknown): void
  /** A fault, a start, a stop. */
  happened?(what: string, node: string, detail: string): void
  /** A message that a cut link has swallowed. */
  lost?(from: Host, to: Host, what: string): void
}
