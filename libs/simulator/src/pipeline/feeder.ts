/** The application that feeds a simulated pipeline: sends its records one after the other, until each is acknowledged. */
import type { ActorDefinition, Env, Outbox, Reply } from '@troupe/actor'
import { clientActorNames, type SendResult } from '@troupe/client/messages'
import type { Go } from '../workload/application.ts'
import type { FedRecord } from './scenario.ts'

/** Stays when the feeder is killed. */
export interface Feed {
  readonly records: readonly FedRecord[]
  /** The next one to send. */
  next: number
  /** No pauses any more. */
  hurry: boolean
}

interface FeederState {
  readonly everyMs: number
  /** Of the record that is under way; 0: none. */
  waitingFor: number
  nextId: number
}

export interface FeederEnv extends Env {
  readonly feed: Feed
}

const go: Go = { kind: 'go' }
const pauseMs = 50

export const feederActor: ActorDefinition<FeederState, Go | Reply, FeederEnv, { readonly everyMs: number }> = {
  kind: 'feeder',
  start({ everyMs }, env, out) {
    out.setTimer('go', env.now + 1, go)
    return { everyMs, waitingFor: 0, nextId: 1 }
  },
  step(state, message, env, out) {
    if (message.kind === 'go') return send(state, env, out)
    if (message.id !== state.waitingFor) return
    state.waitingFor = 0
    const { error, indefinite } = message.body as SendResult
    // What may be in the log is not sent again: the inputs are what the log holds.
    if (error === 0 || indefinite) env.feed.next++
    out.setTimer(
      'go',
      env.now + (env.feed.hurry ? 1 : 1 + (env.random() % state.everyMs) + (error === 0 ? 0 : pauseMs)),
      go,
    )
  },
}

function send(state: FeederState, env: FeederEnv, out: Outbox): void {
  const record = env.feed.records[env.feed.next]
  if (record === undefined || state.waitingFor !== 0) return
  state.waitingFor = state.nextId++
  const replyTo = { ...env.self, id: state.waitingFor }
  out.send({ broker: env.self.broker, actor: clientActorNames.producer('p') }, {
    kind: 'send',
    replyTo,
    ...record,
  } as never)
}
