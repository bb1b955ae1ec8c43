/**
 * An application that copies `data` to `copy` exactly once: polls in a group, sends what it got, and commits offsets and
 * records in one transaction (KIP-447). After an abort it goes back to where the poll began.
 *
 *   initialising → polling → beginning → asking for the group's metadata → sending → adding offsets → ending → polling
 *
 * What is fenced, or ends in an end that nobody knows, is thrown away, producer and consumer together.
 */
import type { ActorDefinition, Message, Outbox, Reply } from '@troupe/actor'
import type { ConsumerRecord, Polled } from '@troupe/client/consumer/messages'
import { clientActorNames, type GroupMetadata, type OperationResult, type SendResult } from '@troupe/client/messages'
import type { MicroOp, SendMicroOp } from '../history/format.ts'
import { below, go, keyOf, valueBytes, type ApplicationArgs, type ApplicationEnv, type Go } from './application.ts'
import { ask, consumerName, movesOf, poll, recordsByKey, type Asking } from './polling.ts'

type Phase = 'initialising' | 'polling' | 'beginning' | 'asking' | 'sending' | 'adding' | 'committing' | 'aborting'

interface CopierState extends Asking {
  readonly args: ApplicationArgs
  process: number
  phase: Phase
  records: readonly ConsumerRecord[]
  /** Of the operation under way; [] while there is none. */
  micro: MicroOp[]
  /** Sends that are not answered, by id: their place in `micro`. */
  readonly sends: Map<number, number>
  failed: boolean
  /** The end was asked for, and one attempt has not been answered. */
  unsure: boolean
  group: GroupMetadata | null
}

export const copierGroup = 'copiers'
const producer = clientActorNames.producer('p')

export const copierActor: ActorDefinition<CopierState, Go | Reply, ApplicationEnv, ApplicationArgs> = {
  kind: 'copier',
  start(args, env, out) {
    const state: CopierState = {
      args,
      process: env.notebook.newProcess(),
      phase: 'initialising',
      records: [],
      micro: [],
      sends: new Map(),
      failed: false,
      unsure: false,
      group: null,
      nextId: 1,
      waitingFor: 0,
    }
    subscribe(state, env, out)
    operate(state, env, out, 'initTransactions', 'initialising')
    return state
  },
  step(state, message, env, out) {
    if (message.kind === 'go') return next(state, env, out)
    if (state.phase === 'sending') return onSent(state, message, env, out)
    if (message.id !== state.waitingFor) return
    state.waitingFor = 0
    if (state.phase === 'polling') onPolled(state, message.body as Polled, env, out)
    else if (state.phase === 'asking') onGroup(state, message.body as GroupMetadata, env, out)
    else onResult(state, message.body as OperationResult, env, out)
  },
}

function subscribe({ process, args }: CopierState, env: ApplicationEnv, out: Outbox): void {
  const { name, partitions } = args.topics[0]!
  out.send({ broker: env.self.broker, actor: consumerName }, { kind: 'subscribe', topics: [name] } as never)
  const value = Array.from({ length: partitions }, (_, partition) => keyOf(name, partition))
  env.notebook.invoke(env.now, { f: 'subscribe', process, value, group: copierGroup })
  env.notebook.complete(env.now, 'ok', { f: 'subscribe', process, value, group: copierGroup })
}

function operate(
  state: CopierState,
  env: ApplicationEnv,
  out: Outbox,
  kind: string,
  phase: Phase,
  more?: object,
): void {
  state.phase = phase
  ask(state, env, out, producer, { kind, ...more })
}

function next(state: CopierState, env: ApplicationEnv, out: Outbox): void {
  if (state.phase === 'initialising') return operate(state, env, out, 'initTransactions', 'initialising')
  if (env.notebook.finishing) return
  state.phase = 'polling'
  env.notebook.invoke(env.now, { f: 'txn', process: state.process, value: [['poll']], group: copierGroup })
  state.micro = [['poll']]
  state.unsure = false
  poll(state, env, out)
}

function onPolled(state: CopierState, polled: Polled, env: ApplicationEnv, out: Outbox): void {
  state.records = polled.error === 0 ? polled.records : []
  state.micro = [['poll', recordsByKey(state.records)]]
  if (polled.error !== 0) return complete(state, 'fail', env, out)
  // Nothing was consumed: not a transaction, and still news of what came and went.
  if (state.records.length === 0) return complete(state, 'ok', env, out, movesOf(polled))
  operate(state, env, out, 'beginTransaction', 'beginning')
}

function onGroup(state: CopierState, group: GroupMetadata, env: ApplicationEnv, out: Outbox): void {
  state.group = group
  state.phase = 'sending'
  state.failed = false
  const { name, partitions } = state.args.topics[1]!
  for (const record of state.records) {
    const value = env.notebook.nextValue()
    const id = state.nextId++
    const partition = record.partition % partitions
    state.sends.set(id, state.micro.length)
    state.micro.push(['send', keyOf(name, partition), value])
    const message = { kind: 'send', topic: name, partition, key: null, value: valueBytes(value) }
    const to = { broker: env.self.broker, actor: producer }
    out.send(to, { ...message, replyTo: { ...env.self, id } } as unknown as Message)
  }
  env.notebook.amend({ f: 'txn', process: state.process, value: state.micro, group: copierGroup })
}

function onSent(state: CopierState, { id, body }: Reply, env: ApplicationEnv, out: Outbox): void {
  const place = state.sends.get(id)
  if (place === undefined) return
  state.sends.delete(id)
  const { error, offset } = body as SendResult
  const [, key, value] = state.micro[place] as SendMicroOp
  if (error === 0) state.micro[place] = ['send', key, [offset < 0 ? null : offset, value as number]]
  else state.failed = true
  if (state.sends.size > 0) return
  if (state.failed) return operate(state, env, out, 'abortTransaction', 'aborting')
  const ends = new Map<string, ConsumerRecord>()
  for (const record of state.records) ends.set(keyOf(record.topic, record.partition), record)
  const offsets = [...ends.values()].map(({ topic, partition, offset: last, leaderEpoch }) => {
    return { topic, partition, offset: last + 1, leaderEpoch, metadata: null }
  })
  operate(state, env, out, 'sendOffsets', 'adding', { offsets, group: state.group })
}

function onResult(state: CopierState, { severity }: OperationResult, env: ApplicationEnv, out: Outbox): void {
  switch (state.phase) {
    case 'initialising':
      if (severity === 'fatal') return replace(state, env, out)
      if (severity === 'none') state.phase = 'polling'
      return rest(state, env, out)
    case 'beginning':
      if (severity === 'none') {
        state.phase = 'asking'
        return ask(state, env, out, consumerName, { kind: 'groupMetadata' })
      }
      break
    case 'adding':
      if (severity === 'none') return operate(state, env, out, 'commitTransaction', 'committing')
      break
    case 'committing':
      if (severity === 'none') return complete(state, 'ok', env, out)
      if (severity === 'timed-out') {
        state.unsure = true
        if (below(env, 3) > 0) return operate(state, env, out, 'commitTransaction', 'committing')
      }
      if (severity !== 'abortable') return giveUp(state, 'info', env, out)
      break
    case 'aborting':
      if (severity === 'none') return goBack(state, env, out)
      return giveUp(state, 'fail', env, out)
  }
  if (severity === 'fatal') return giveUp(state, 'fail', env, out)
  operate(state, env, out, 'abortTransaction', 'aborting')
}

/** The records of this poll are consumed again. */
function goBack(state: CopierState, env: ApplicationEnv, out: Outbox): void {
  const first = new Map<string, ConsumerRecord>()
  for (const record of state.records) {
    const key = keyOf(record.topic, record.partition)
    if (!first.has(key)) first.set(key, record)
  }
  const to = { broker: env.self.broker, actor: consumerName }
  for (const { topic, partition, offset } of first.values()) {
    out.send(to, { kind: 'seek', topic, partition, to: offset } as never)
  }
  complete(state, 'fail', env, out)
}

function complete(
  state: CopierState,
  type: 'ok' | 'fail' | 'info',
  env: ApplicationEnv,
  out: Outbox,
  moves: object = {},
): void {
  const { process, micro } = state
  const outcome = state.unsure && type === 'fail' ? 'info' : type
  env.notebook.complete(env.now, outcome, { f: 'txn', process, value: micro, group: copierGroup, ...moves })
  if (outcome === 'info') state.process = env.notebook.newProcess()
  state.micro = []
  state.phase = 'polling'
  rest(state, env, out)
}

function giveUp(state: CopierState, type: 'fail' | 'info', env: ApplicationEnv, out: Outbox): void {
  complete(state, type, env, out)
  replace(state, env, out)
}

function replace(state: CopierState, env: ApplicationEnv, out: Outbox): void {
  for (const [name, kind] of [
    [producer, 'producer'],
    [consumerName, 'consumer'],
  ] as const) {
    out.stop(name)
    out.spawn(name, kind, { properties: state.args.properties })
  }
  state.sends.clear()
  state.waitingFor = 0
  // A consumer starts where its group has committed.
  state.process = env.notebook.newProcess()
  subscribe(state, env, out)
  state.phase = 'initialising'
  rest(state, env, out)
}

function rest(state: CopierState, env: ApplicationEnv, out: Outbox): void {
  out.setTimer('go', env.now + 1 + below(env, state.args.everyMs), go)
}
