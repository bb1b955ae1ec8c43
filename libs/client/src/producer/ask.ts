/** One question to the network, remembered until its answer comes. */
import { clientActorNames, type NetworkRequest } from '../messages.ts'
import type { ProduceAsk, Step, TransactionAsk } from './state.ts'

export function ask(
  { state, env, out }: Step,
  what: ProduceAsk | TransactionAsk,
  request: Omit<NetworkRequest, 'kind' | 'replyTo'>,
): void {
  const id = state.nextAsk++
  state.asks.set(id, what)
  const message: NetworkRequest = { kind: 'request', replyTo: { ...env.self, id }, ...request }
  out.send({ ...env.self, actor: clientActorNames.network }, message)
}
