/** The end: what is processed is committed, the clients leave and close, then the thread says that it is dead. */
import { ask, become, names } from './ask.ts'
import type { CloseThread, ThreadClosed } from './messages.ts'
import type { Step } from './state.ts'
import { closeAllTasks, isUncommitted } from './tasks.ts'

export function onClose(step: Step, { replyTo, timeoutMs }: CloseThread): void {
  const { state, env, out } = step
  const deadlineAt = env.now + timeoutMs
  out.setTimer('close', deadlineAt, { kind: 'wake' })
  if (state.closing !== null) {
    state.closing.replyTo ??= replyTo
    return
  }
  state.closing = { replyTo, deadlineAt, clients: 0, asked: false, clean: true }
}

export function advanceClosing(step: Step): void {
  const { state, env } = step
  const { closing } = state
  if (closing === null) return
  become(step, 'PENDING_SHUTDOWN')
  const late = env.now >= closing.deadlineAt
  if (!closing.asked && !late && isBusy(step)) return
  if (!closing.asked) {
    closing.asked = true
    closing.clean &&= state.failure === null && !isUncommitted(step)
    closeAllTasks(step)
    closeClients(step)
  }
  if (closing.clients > 0 && !late) return
  finish(step)
}

function isBusy(step: Step): boolean {
  const { state } = step
  if (state.commit !== null || state.recovery !== null) return true
  return state.failure === null && isUncommitted(step)
}

function closeClients(step: Step): void {
  const { state, env } = step
  const closing = state.closing!
  const timeoutMs = Math.max(0, closing.deadlineAt - env.now)
  const clients = state.setup.done ? [names.consumer(step), names.producer(step)] : []
  if (state.restore.spawned) clients.push(names.restore(step))
  for (const client of clients) {
    closing.clients++
    ask(step, client, { kind: 'close', timeoutMs }, { kind: 'closeClient' })
  }
}

function finish(step: Step): void {
  const { state, env, out } = step
  const { replyTo, clean } = state.closing!
  for (const client of [names.consumer(step), names.producer(step), names.restore(step)]) out.stop(client)
  become(step, 'DEAD')
  const body: ThreadClosed = { clean }
  if (replyTo !== null) out.reply(replyTo, body)
  out.stop(env.self.actor)
}
