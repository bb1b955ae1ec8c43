/** The shell's own actor: through it, code outside the actors asks one of them and awaits the answer. */
import type { ActorDefinition, Address, Failed, Message, Reply } from '@troupe/actor'

interface Ask extends Message {
  readonly kind: 'ask'
  readonly to: Address
  readonly message: Message
  readonly answer: (body: unknown | Failed) => void
}

interface ShellState {
  nextId: number
  readonly waiting: Map<number, (body: unknown) => void>
}

export const shellActorName = 'shell'

export const shellActor: ActorDefinition<ShellState, Ask | Reply> = {
  kind: 'shell',
  start: () => ({ nextId: 1, waiting: new Map() }),
  step(state, message, env, out) {
    if (message.kind === 'ask') {
      const id = state.nextId++
      state.waiting.set(id, message.answer)
      out.send(message.to, { ...message.message, replyTo: { ...env.self, id } } as Message)
      return
    }
    const answer = state.waiting.get(message.id)
    state.waiting.delete(message.id)
    answer?.(message.body)
  },
}

/** The message that makes the shell's actor ask `to`. */
export function askMessage(to: Address, message: Message, answer: (body: unknown | Failed) => void): Message {
  return { kind: 'ask', to, message, answer } as Ask
}
