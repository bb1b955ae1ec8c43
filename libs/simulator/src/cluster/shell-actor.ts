/**
 * The simulated shell's own actor on a broker: asks when the broker is ready, and for its ordered stop; hears that the
 * disk has failed. (libs/runtime has the production one.)
 */
import {
  actorNames,
  isFailed,
  type ActorDefinition,
  type Env,
  type Message,
  type Outbox,
  type Reply,
} from '@troupe/actor'

export interface ShellPorts {
  onReady(): void
  onMayStop(): void
  endWorker(reason: string): void
}

type ShellMessage = (Message & { kind: 'endWorker'; reason: string }) | (Message & { kind: 'stop' }) | Reply

const readyId = 1
const stopId = 2

function ask(env: Env, out: Outbox, kind: string, id: number): void {
  out.send({ broker: env.self.broker, actor: actorNames.broker }, { kind, replyTo: { ...env.self, id } } as Message)
}

export const shellActor: ActorDefinition<null, ShellMessage, Env & ShellPorts> = {
  kind: 'shell',
  start(_args, env, out) {
    ask(env, out, 'awaitReady', readyId)
    return null
  },
  step(_state, message, env, out) {
    if (message.kind === 'endWorker') return env.endWorker(message.reason)
    if (message.kind === 'stop') return ask(env, out, 'beginShutdown', stopId)
    if (isFailed(message.body))
      return ask(env, out, message.id === readyId ? 'awaitReady' : 'beginShutdown', message.id)
    if (message.id === readyId) env.onReady()
    else env.onMayStop()
  },
}
