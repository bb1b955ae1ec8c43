/**
 * An application that reads all partitions from the beginning, without a group. At the end of a run it reads until it
 * has passed every end: what it has not seen then is lost.
 *
 *   polling → (finishing, nothing came) → asking for the ends → asking for each position → polling
 */
import type { ActorDefinition, Outbox, Reply } from '@troupe/actor'
import type { OffsetsAnswer, Polled } from '@troupe/client/consumer/messages'
import { below, go, keyOf, type ApplicationArgs, type ApplicationEnv, type Go } from './application.ts'
import { ask, consumerName, movesOf, poll, recordsByKey, type Asking } from './polling.ts'

interface Place {
  readonly topic: string
  readonly partition: number
}

interface ReaderState extends Asking {
  readonly args: ApplicationArgs
  readonly places: readonly Place[]
  process: number
  phase: 'polling' | 'ends' | 'positions'
  /** Ends that were asked for last, by key, and when. */
  ends: Map<string, number>
  askedAt: number
  /** Positions that have been compared. */
  compared: number
  /** When the ends were asked for that it has passed; 0: never. */
  passedAt: number
}

export const readerActor: ActorDefinition<ReaderState, Go | Reply, ApplicationEnv, ApplicationArgs> = {
  kind: 'reader',
  start(args, env, out) {
    const places = args.topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
    )
    const process = env.notebook.newProcess()
    const consumer = { broker: env.self.broker, actor: consumerName }
    out.send(consumer, { kind: 'assign', partitions: places } as never)
    for (const place of places) out.send(consumer, { kind: 'seek', ...place, to: 'beginning' } as never)
    const value = places.map(({ topic, partition }) => keyOf(topic, partition))
    env.notebook.invoke(env.now, { f: 'assign', process, value, seekToBeginning: true })
    env.notebook.complete(env.now, 'ok', { f: 'assign', process, value, seekToBeginning: true })
    out.setTimer('go', env.now + below(env, args.everyMs), go)
    const position = { phase: 'polling' as const, ends: new Map(), askedAt: 0, compared: 0, passedAt: 0 }
    return { args, places, process, nextId: 1, waitingFor: 0, ...position }
  },
  step(state, message, env, out) {
    if (message.kind === 'go') return startPoll(state, env, out)
    if (message.id !== state.waitingFor) return
    switch (state.phase) {
      case 'polling':
        return onPolled(state, message.body as Polled, env, out)
      case 'ends':
        return onEnds(state, message.body as OffsetsAnswer, env, out)
      case 'positions':
        return onPosition(state, message.body as OffsetsAnswer, env, out)
    }
  },
}

function startPoll(state: ReaderState, env: ApplicationEnv, out: Outbox): void {
  state.phase = 'polling'
  env.notebook.invoke(env.now, { f: 'poll', process: state.process, value: [['poll']] })
  poll(state, env, out)
}

function onPolled(state: ReaderState, polled: Polled, env: ApplicationEnv, out: Outbox): void {
  const { process } = state
  const value = [['poll', recordsByKey(polled.records ?? [])] as const]
  const type = (polled.error ?? 0) === 0 ? 'ok' : 'fail'
  env.notebook.complete(env.now, type, { f: 'poll', process, value, ...(type === 'ok' ? movesOf(polled) : {}) })
  // A reader that begins again at the end of a long run has thousands of polls before it.
  if (env.notebook.finishing && polled.records.length > 0) return void out.setTimer('go', env.now + 1, go)
  if (!env.notebook.finishing) return rest(state, env, out)
  state.phase = 'ends'
  state.askedAt = env.now
  ask(state, env, out, consumerName, { kind: 'endOffsets', partitions: state.places })
}

function onEnds(state: ReaderState, { error, offsets }: OffsetsAnswer, env: ApplicationEnv, out: Outbox): void {
  if (error !== 0 || offsets.length < state.places.length) return rest(state, env, out)
  state.ends = new Map(offsets.map(({ topic, partition, offset }) => [keyOf(topic, partition), offset]))
  state.compared = 0
  askPosition(state, env, out)
}

function askPosition(state: ReaderState, env: ApplicationEnv, out: Outbox): void {
  state.phase = 'positions'
  ask(state, env, out, consumerName, { kind: 'position', ...state.places[state.compared]! })
}

function onPosition(state: ReaderState, { error, offsets }: OffsetsAnswer, env: ApplicationEnv, out: Outbox): void {
  const { topic, partition } = state.places[state.compared]!
  const position = offsets[0]?.offset ?? -1
  if (error !== 0 || position < state.ends.get(keyOf(topic, partition))!) return rest(state, env, out)
  if (++state.compared < state.places.length) return askPosition(state, env, out)
  state.passedAt = state.askedAt
  rest(state, env, out)
}

function rest(state: ReaderState, env: ApplicationEnv, out: Outbox): void {
  const { notebook } = env
  out.setTimer('go', env.now + 1 + below(env, notebook.finishing ? 50 : state.args.everyMs), go)
}
