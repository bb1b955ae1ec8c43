/**
 * An application that sends unique values in transactions, some of which it aborts on purpose.
 *
 *   initialising → idle → sending → ending → idle
 *
 * What cannot go on (fenced, an end whose outcome nobody knows) is thrown away: a new producer with the same
 * transactional.id takes over, as a new instance of the application would.
 */
import type { ActorDefinition, Message, Outbox, Reply } from '@troupe/actor'
import { clientActorNames, type OperationResult, type SendResult } from '@troupe/client/messages'
import { below, go, type ApplicationArgs, type ApplicationEnv, type Go } from './application.ts'
import { drawSends, withOffset, type Sending } from './sends.ts'

type Phase = 'initialising' | 'idle' | 'beginning' | 'sending' | 'committing' | 'aborting'

interface TransactorState extends Sending {
  readonly producer: string
  process: number
  phase: Phase
  abort: boolean
  /** A commit was asked for, and one attempt has not been answered. */
  unsure: boolean
}

export const transactorActor: ActorDefinition<TransactorState, Go | Reply, ApplicationEnv, ApplicationArgs> = {
  kind: 'transactor',
  start(args, env, out) {
    const state: TransactorState = {
      args,
      producer: clientActorNames.producer('p'),
      process: env.notebook.newProcess(),
      phase: 'initialising',
      nextId: 1,
      waiting: new Map(),
      asked: [],
      results: [],
      abort: false,
      unsure: false,
    }
    operate(state, env, out, 'initTransactions', 'initialising')
    return state
  },
  step(state, message, env, out) {
    if (message.kind === 'go') {
      if (state.phase === 'initialising') operate(state, env, out, 'initTransactions', 'initialising')
      else if (!env.notebook.finishing) operate(state, env, out, 'beginTransaction', 'beginning')
      return
    }
    const index = state.waiting.get(message.id)
    if (index === undefined) return
    state.waiting.delete(message.id)
    if (state.phase === 'sending') {
      state.results[index] = message.body as SendResult
      if (state.waiting.size === 0) end(state, env, out)
    } else onResult(state, message.body as OperationResult, env, out)
  },
}

function operate(state: TransactorState, env: ApplicationEnv, out: Outbox, kind: string, phase: Phase): void {
  state.phase = phase
  const id = state.nextId++
  state.waiting.set(id, 0)
  const to = { broker: env.self.broker, actor: state.producer }
  out.send(to, { kind, replyTo: { ...env.self, id } } as Message)
}

function onResult(state: TransactorState, result: OperationResult, env: ApplicationEnv, out: Outbox): void {
  const { severity } = result
  switch (state.phase) {
    case 'initialising':
      if (severity === 'fatal') return replaceProducer(state, env, out)
      if (severity === 'none') state.phase = 'idle'
      return rest(state, env, out)
    case 'beginning':
      if (severity === 'none') return send(state, env, out)
      if (severity === 'fatal') return replaceProducer(state, env, out)
      return operate(state, env, out, 'abortTransaction', 'aborting')
    case 'committing':
      if (severity === 'none') return complete(state, 'ok', env, out)
      if (severity === 'abortable') return operate(state, env, out, 'abortTransaction', 'aborting')
      state.unsure = true
      if (severity === 'timed-out' && below(env, 3) > 0)
        return operate(state, env, out, 'commitTransaction', 'committing')
      return giveUp(state, env, out)
    case 'aborting':
      if (severity === 'none') return complete(state, 'fail', env, out)
      if (severity === 'timed-out' && below(env, 3) > 0) return operate(state, env, out, 'abortTransaction', 'aborting')
      // Whatever becomes of the transaction, it is not committed: nobody has asked for that.
      return giveUp(state, env, out)
  }
}

function send(state: TransactorState, env: ApplicationEnv, out: Outbox): void {
  state.phase = 'sending'
  state.abort = below(env, 5) === 0
  state.unsure = false
  const count = 1 + below(env, 3)
  const messages = drawSends(state, env, count)
  env.notebook.invoke(env.now, { f: 'txn', process: state.process, value: state.asked })
  for (const message of messages) out.send({ broker: env.self.broker, actor: state.producer }, message)
}

function end(state: TransactorState, env: ApplicationEnv, out: Outbox): void {
  const allSent = state.results.every((result) => result?.error === 0)
  if (allSent && !state.abort) operate(state, env, out, 'commitTransaction', 'committing')
  else operate(state, env, out, 'abortTransaction', 'aborting')
}

function complete(state: TransactorState, type: 'ok' | 'fail', env: ApplicationEnv, out: Outbox): void {
  if (state.asked.length > 0) {
    const value = state.asked.map((op, index) => (type === 'ok' ? withOffset(op, state.results[index]) : op))
    const outcome = type === 'fail' && state.unsure ? 'info' : type
    env.notebook.complete(env.now, outcome, { f: 'txn', process: state.process, value })
    if (outcome === 'info') state.process = env.notebook.newProcess()
  }
  state.asked = []
  state.phase = 'idle'
  rest(state, env, out)
}

/** The outcome stays unknown. */
function giveUp(state: TransactorState, env: ApplicationEnv, out: Outbox): void {
  const { phase } = state
  if (state.asked.length > 0) {
    const type = phase === 'committing' || state.unsure ? 'info' : 'fail'
    env.notebook.complete(env.now, type, { f: 'txn', process: state.process, value: state.asked })
    if (type === 'info') state.process = env.notebook.newProcess()
  }
  state.asked = []
  replaceProducer(state, env, out)
}

function replaceProducer(state: TransactorState, env: ApplicationEnv, out: Outbox): void {
  out.stop(state.producer)
  out.spawn(state.producer, 'producer', { properties: state.args.properties })
  state.waiting.clear()
  state.phase = 'initialising'
  rest(state, env, out)
}

function rest(state: TransactorState, env: ApplicationEnv, out: Outbox): void {
  out.setTimer('go', env.now + 1 + below(env, state.args.everyMs), go)
}
