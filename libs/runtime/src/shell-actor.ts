/**
 * The shell's own actor: through it, code outside the actors asks one of them and awaits the answer, and an actor ends the
 * worker.
 *
 * | message   | from                | what happens                                                |
 * | --------- | ------------------- | ----------------------------------------------------------- |
 * | ask       | the worker          | the question is sent; its answer goes to the given function |
 * | endWorker | the `broker` actor  | the worker ends: the broker's disk has failed               |
 */
import { actorNames, type ActorDefinition, type Address, type Env, type Failed } from '@troupe/actor'
import type { Message, Reply } from '@troupe/actor'

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

interface EndWorker extends Message {
  readonly kind: 'endWorker'
  readonly reason: string
}

interface ShellEnv extends Env {
  endWorker(reason: string): void
}

export const shellActorName = actorNames.shell

export const shellActor: ActorDefinition<ShellState, Ask | EndWorker | Reply, ShellEnv> = {
  kind: 'shell',
  start: () => ({ nextId: 1, waiting: new Map() }),
  step(state, message, env, out) {
    if (message.kind === 'endWorker') return env.endWorker(message.reason)
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
