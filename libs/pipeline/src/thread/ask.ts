/** How a thread speaks to the actors of its node: every question has a number, its answer is found by it. */
import type { Message } from '@troupe/actor'
import { clientActorNames } from '@troupe/client/messages'
import { pipelineActorNames, type ThreadFailure, type ThreadPhase } from './messages.ts'
import { threadEdges, type Asked, type Step } from './state.ts'
import { trace } from './trace.ts'

export function tell({ env, out }: Step, actor: string, message: object): void {
  out.send({ broker: env.self.broker, actor }, message as Message)
}

export function ask(step: Step, actor: string, message: object, asked: Asked): number {
  const { state, env } = step
  const id = state.nextId++
  state.asked.set(id, asked)
  tell(step, actor, { ...message, replyTo: { ...env.self, id } })
  return id
}

export function askSinks({ state, env, out }: Step, message: object, asked: Asked): number {
  const id = state.nextId++
  state.asked.set(id, asked)
  out.send(state.args.sinks!, { ...message, replyTo: { ...env.self, id } } as Message)
  return id
}

export function isAsking({ state }: Step, ...kinds: readonly Asked['kind'][]): boolean {
  for (const { kind } of state.asked.values()) if (kinds.includes(kind)) return true
  return false
}

/** Their answers come too late, if at all. */
export function forget({ state }: Step, ...kinds: readonly Asked['kind'][]): void {
  for (const [id, { kind }] of state.asked) if (kinds.includes(kind)) state.asked.delete(id)
}

export const names = {
  consumer: ({ state }: Step): string => pipelineActorNames.consumer(state.args.thread),
  restore: ({ state }: Step): string => pipelineActorNames.restoreConsumer(state.args.thread),
  producer: ({ state }: Step): string => pipelineActorNames.producer(state.args.thread),
  admin: clientActorNames.admin,
}

export function become(step: Step, phase: ThreadPhase): void {
  const { state, out } = step
  if (state.phase === phase) return
  trace(out, 'pipeline.state', { from: state.phase, to: phase })
  state.phase = threadEdges(state.phase, phase)
  tellObserver(step)
}

export function tellObserver({ state, out }: Step): void {
  const { args, phase, failure } = state
  if (args.observer === undefined) return
  out.send(args.observer, { kind: 'threadChanged', thread: args.thread, phase, failure } as Message)
}

export function failureOf(name: string, message: string, more: Partial<ThreadFailure> = {}): ThreadFailure {
  return { name, message, record: null, cause: null, ...more }
}
