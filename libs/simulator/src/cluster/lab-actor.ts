/** Through it the run itself asks the cluster's actors: topics to create, leaders to elect. */
import type { ActorDefinition, Address, Env, Message, Reply } from '@troupe/actor'

interface Ask extends Message {
  readonly kind: 'ask'
  readonly to: Address
  readonly message: Message
  readonly heard: (body: unknown) => void
}

interface LabState {
  nextId: number
  readonly waiting: Map<number, (body: unknown) => void>
}

export const labActor: ActorDefinition<LabState, Ask | Reply, Env> = {
  kind: 'lab',
  start: () => ({ nextId: 1, waiting: new Map() }),
  step(state, message, env, out) {
    if (message.kind === 'ask') {
      const id = state.nextId++
      state.waiting.set(id, message.heard)
      return out.send(message.to, { ...message.message, replyTo: { ...env.self, id } } as Message)
    }
    const heard = state.waiting.get(message.id)
    state.waiting.delete(message.id)
    heard?.(message.body)
  },
}
