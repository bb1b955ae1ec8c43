/** An application that consumes in a group and commits its positions now and then, by hand. */
import type { ActorDefinition, Outbox, Reply } from '@troupe/actor'
import type { Committed, Polled } from '@troupe/client/consumer/messages'
import { below, go, keyOf, type ApplicationArgs, type ApplicationEnv, type Go } from './application.ts'
import { ask, consumerName, movesOf, poll, recordsByKey, type Asking } from './polling.ts'

interface MemberState extends Asking {
  readonly args: ApplicationArgs
  process: number
  phase: 'polling' | 'committing'
  /** The next offset of each key, of what was polled. */
  readonly positions: Map<string, { topic: string; partition: number; offset: number; leaderEpoch: number }>
}

export const memberGroup = 'members'

export const groupMemberActor: ActorDefinition<MemberState, Go | Reply, ApplicationEnv, ApplicationArgs> = {
  kind: 'group-member',
  start(args, env, out) {
    const process = env.notebook.newProcess()
    const topics = args.topics.map(({ name }) => name)
    out.send({ broker: env.self.broker, actor: consumerName }, { kind: 'subscribe', topics } as never)
    const value = args.topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => keyOf(name, partition)),
    )
    env.notebook.invoke(env.now, { f: 'subscribe', process, value, group: memberGroup })
    env.notebook.complete(env.now, 'ok', { f: 'subscribe', process, value, group: memberGroup })
    out.setTimer('go', env.now + below(env, args.everyMs), go)
    return { args, process, nextId: 1, waitingFor: 0, phase: 'polling', positions: new Map() }
  },
  step(state, message, env, out) {
    if (message.kind === 'go') {
      if (env.notebook.finishing) return
      state.phase = 'polling'
      const { process } = state
      env.notebook.invoke(env.now, { f: 'poll', process, value: [['poll']], group: memberGroup })
      return poll(state, env, out)
    }
    if (message.id !== state.waitingFor) return
    if (state.phase === 'polling') onPolled(state, message.body as Polled, env, out)
    else onCommitted(state, message.body as Committed, env, out)
  },
}

function onPolled(state: MemberState, polled: Polled, env: ApplicationEnv, out: Outbox): void {
  const { process, positions } = state
  const type = (polled.error ?? 0) === 0 ? 'ok' : 'fail'
  const value = [['poll', recordsByKey(polled.records ?? [])] as const]
  env.notebook.complete(env.now, type, {
    f: 'poll',
    process,
    value,
    group: memberGroup,
    ...(type === 'ok' ? movesOf(polled) : {}),
  })
  if (type === 'fail') return rest(state, env, out)
  for (const { kind, partitions } of polled.events) {
    if (kind !== 'assigned') for (const one of partitions) positions.delete(keyOf(one.topic, one.partition))
  }
  for (const { topic, partition, offset, leaderEpoch } of polled.records) {
    positions.set(keyOf(topic, partition), { topic, partition, offset: offset + 1, leaderEpoch })
  }
  const mustCommit = polled.revoking.length > 0 || below(env, 4) === 0
  if (mustCommit && positions.size > 0) commit(state, env, out)
  else rest(state, env, out)
}

function commit(state: MemberState, env: ApplicationEnv, out: Outbox): void {
  const { process, positions } = state
  state.phase = 'committing'
  const offsets = [...positions.values()].map((position) => ({ ...position, metadata: null }))
  const value = offsets.map(({ topic, partition, offset }) => [keyOf(topic, partition), offset] as const)
  env.notebook.invoke(env.now, { f: 'commit', process, value, group: memberGroup })
  ask(state, env, out, consumerName, { kind: 'commit', offsets })
}

function onCommitted(state: MemberState, answer: Committed, env: ApplicationEnv, out: Outbox): void {
  const { process } = state
  const type = answer.error === 0 ? 'ok' : answer.indefinite ? 'info' : 'fail'
  const value = answer.offsets.map(({ topic, partition, offset }) => [keyOf(topic, partition), offset] as const)
  env.notebook.complete(env.now, type, { f: 'commit', process, value, group: memberGroup })
  if (type === 'info') state.process = env.notebook.newProcess()
  rest(state, env, out)
}

function rest(state: MemberState, env: ApplicationEnv, out: Outbox): void {
  out.setTimer('go', env.now + 1 + below(env, state.args.everyMs), go)
}
