/** An application that sends unique values to random partitions, one operation at a time, outside of transactions. */
import type { ActorDefinition, Outbox, Reply } from '@troupe/actor'
import { clientActorNames, type SendResult } from '@troupe/client/messages'
import { outcome } from '../history/record.ts'
import { below, go, type ApplicationArgs, type ApplicationEnv, type Go } from './application.ts'
import { drawSends, withOffset, type Sending } from './sends.ts'

interface SenderState extends Sending {
  process: number
}

export const senderActor: ActorDefinition<SenderState, Go | Reply, ApplicationEnv, ApplicationArgs> = {
  kind: 'sender',
  start(args, env, out) {
    out.setTimer('go', env.now + below(env, args.everyMs), go)
    const process = env.notebook.newProcess()
    return { args, process, nextId: 1, waiting: new Map(), asked: [], results: [] }
  },
  step(state, message, env, out) {
    if (message.kind === 'go') {
      if (!env.notebook.finishing) send(state, env, out)
      return
    }
    const index = state.waiting.get(message.id)
    if (index === undefined) return
    state.waiting.delete(message.id)
    state.results[index] = message.body as SendResult
    if (state.waiting.size === 0) complete(state, env, out)
  },
}

function send(state: SenderState, env: ApplicationEnv, out: Outbox): void {
  const count = 1 + (below(env, 3) === 0 ? below(env, 3) : 0)
  const messages = drawSends(state, env, count)
  env.notebook.invoke(env.now, { f: 'send', process: state.process, value: state.asked })
  const to = { broker: env.self.broker, actor: clientActorNames.producer('p') }
  for (const message of messages) out.send(to, message)
}

function complete(state: SenderState, env: ApplicationEnv, out: Outbox): void {
  const types = state.results.map((result) => outcomeOf(result))
  const type = types.every((one) => one === 'ok') ? 'ok' : types.every((one) => one === 'fail') ? 'fail' : 'info'
  env.notebook.complete(env.now, type, {
    f: 'send',
    process: state.process,
    value: state.asked.map((op, index) => withOffset(op, state.results[index])),
  })
  if (type === 'info') state.process = env.notebook.newProcess()
  out.setTimer('go', env.now + 1 + below(env, state.args.everyMs), go)
}

function outcomeOf(result: SendResult | null): 'ok' | 'fail' | 'info' {
  if (result === null) return 'info'
  return result.error !== 0 && result.indefinite ? 'info' : outcome(result.error, false)
}
