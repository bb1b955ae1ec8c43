/** Unique values for random partitions: what the applications that produce send, in transactions or outside of them. */
import type { Message } from '@troupe/actor'
import type { SendResult } from '@troupe/client/messages'
import type { SendMicroOp } from '../history/format.ts'
import { below, keyOf, valueBytes, type ApplicationArgs, type ApplicationEnv } from './application.ts'

export interface Sending {
  readonly args: ApplicationArgs
  nextId: number
  /** What is not answered, by request id: its place in `asked` and `results`. */
  readonly waiting: Map<number, number>
  asked: SendMicroOp[]
  results: (SendResult | null)[]
}

/** Draws so many sends to the first topic and notes them in the state. */
export function drawSends(state: Sending, env: ApplicationEnv, count: number): Message[] {
  state.asked = []
  state.results = []
  const messages: Message[] = []
  for (let index = 0; index < count; index++) {
    const { name, partitions } = state.args.topics[0]!
    const partition = below(env, partitions)
    const value = env.notebook.nextValue()
    const id = state.nextId++
    state.waiting.set(id, index)
    state.asked.push(['send', keyOf(name, partition), value])
    state.results.push(null)
    const record = { topic: name, partition, key: null, value: valueBytes(value) }
    messages.push({ kind: 'send', replyTo: { ...env.self, id }, ...record } as Message)
  }
  return messages
}

/** The operation as it is known after its answer. */
export function withOffset(op: SendMicroOp, result: SendResult | null | undefined): SendMicroOp {
  if (!result || result.error !== 0) return op
  return ['send', op[1], [result.offset < 0 ? null : result.offset, op[2] as number]]
}
