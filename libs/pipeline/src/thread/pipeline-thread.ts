/**
 * The `pipeline-thread` actor: one stream thread. Runs tasks of a topology as a member of the pipeline's group, reads
 * and writes through client actors of its own, and commits what it has done, exactly once if it is told so.
 *
 * Spawned with kind `pipeline-thread`, name `pipelineActorNames.thread(…)` and `PipelineThreadArgs` on a client's node.
 * It is told nothing about threads beside it: the group spreads the tasks. Source: StreamThread, TaskManager.
 *
 * | message                    | from                        | effect                                                |
 * | -------------------------- | --------------------------- | ----------------------------------------------------- |
 * | close                      | application                 | commits, leaves, ends; `ThreadClosed`                 |
 * | describe                   | application                 | `ThreadDescribed`                                     |
 * | query                      | application                 | `StoreQueried`                                        |
 * | reply                      | its clients, admin, sinks   | the answer to a question                              |
 * | wake, work                 | itself                      | time has passed; more is buffered than one step takes |
 */
import { isFailed, type ActorDefinition, type Env, type Message, type Reply } from '@troupe/actor'
import { become, names } from './ask.ts'
import { advanceClosing, onClose } from './closing.ts'
import * as commit from './commit.ts'
import { onPolled, pollIfIdle } from './polling.ts'
import { onLags, processTasks } from './processing.ts'
import { onBegun, onInitialized, onSent } from './producing.ts'
import type { PipelineThreadArgs, StoreQueried, ThreadDescribed, ThreadMessage } from './messages.ts'
import { advanceOpening, onCommittedOffsets, onEnds, onSinkOffsets } from './opening.ts'
import { purgeIfDue } from './purging.ts'
import { advanceRecovery, onAborted } from './recovery.ts'
import { advanceRestore, onPosition, onRestorePolled } from './restoring.ts'
import { advanceSetup, onCreated, onMetadata } from './setup.ts'
import { newThreadState, type Asked, type Step, type ThreadState } from './state.ts'

export type { PipelineThreadArgs, ThreadState }

interface Wake extends Message {
  readonly kind: 'wake' | 'work'
}

type Received = ThreadMessage | Reply | Wake

export const pipelineThreadActor: ActorDefinition<ThreadState, Received, Env, PipelineThreadArgs> = {
  kind: 'pipeline-thread',
  start(args, env, out) {
    const step: Step = { state: newThreadState(args, env.now, 1 + env.random() * 0x1_0000), env, out }
    become(step, 'STARTING')
    // After a crash of this actor: whatever it had before is not its own any more.
    for (const client of [names.consumer(step), names.producer(step), names.restore(step)]) out.stop(client)
    out.spawn('admin', 'admin', { properties: args.admin ?? {} })
    advance(step)
    return step.state
  },
  step(state, message, env, out) {
    if (state.phase === 'DEAD') return
    const step: Step = { state, env, out }
    dispatch(step, message)
    advance(step)
  },
}

function dispatch(step: Step, message: Received): void {
  const { state } = step
  switch (message.kind) {
    case 'close':
      return onClose(step, message)
    case 'describe':
      return step.out.reply(message.replyTo, describe(state))
    case 'query':
      return step.out.reply(message.replyTo, query(state, message.store))
    case 'reply':
      return onReply(step, message)
    case 'work':
      state.working = false
      return
    case 'wake':
      return
  }
}

/** In the order of what depends on what; each looks whether it may. */
function advance(step: Step): void {
  const { state } = step
  if (!state.setup.done) advanceSetup(step)
  else {
    advanceRecovery(step)
    advanceRestore(step)
    advanceOpening(step)
    processTasks(step)
    commit.commitIfDue(step)
    advanceRecovery(step)
    pollIfIdle(step)
    purgeIfDue(step)
  }
  if (state.closing !== null) {
    if (!state.setup.done) state.recovery = null
    advanceClosing(step)
  }
}

function onReply(step: Step, { id, body }: Reply): void {
  const { asked } = step.state
  const about = asked.get(id)
  if (about === undefined) return
  asked.delete(id)
  // Whoever was asked has crashed, or is gone.
  answered(step, id, about, (isFailed(body) ? null : body) as never)
}

function answered(step: Step, id: number, about: Asked, body: never): void {
  switch (about.kind) {
    case 'metadata':
      return onMetadata(step, body)
    case 'create':
      return onCreated(step, body)
    case 'poll':
      return onPolled(step, body)
    case 'init':
      return onInitialized(step, body)
    case 'begin':
      return onBegun(step, body)
    case 'send':
      onSent(step, about.count, body)
      return commit.finishWriting(step)
    case 'flush':
      return commit.onFlushed(step, body)
    case 'group':
      return commit.onGroup(step, body)
    case 'sendOffsets':
      return commit.onOffsetsSent(step, body)
    case 'commitTransaction':
      return commit.onTransactionEnded(step, body)
    case 'abortTransaction':
      return onAborted(step, body)
    case 'commit':
      return commit.onOffsetsCommitted(step, body)
    case 'committed':
      return onCommittedOffsets(step, id, about.tasks, body)
    case 'ends':
      return onEnds(step, id, about.tasks, body)
    case 'sinkOffsets':
      return onSinkOffsets(step, id, about.task, body)
    case 'apply':
      return commit.onApplied(step, about.task, body)
    case 'lag':
      return onLags(step, body)
    case 'restorePoll':
      return onRestorePolled(step, body)
    case 'position':
      return onPosition(step, about.key, body)
    case 'closeClient':
      step.state.closing!.clients--
      return
    case 'purge':
    case 'unsubscribe':
  }
}

function describe({ args, phase, tasks, standbys, metrics }: ThreadState): ThreadDescribed {
  return {
    thread: args.thread,
    phase,
    tasks: [...tasks.values()].map(({ id, phase: own, task }) => ({ id, phase: own, streamTime: task.streamTime })),
    standbys: [...standbys.keys()],
    metrics: { ...metrics },
  }
}

function query({ tasks }: ThreadState, store: string): StoreQueried {
  const own = [...tasks.values()].filter(({ phase, task }) => {
    const { stores } = task.topology.subtopologies.find(({ id }) => id === task.subtopology)!
    return phase === 'running' && stores.includes(store)
  })
  return { entries: own.flatMap(({ task }) => [...task.query(store)]) }
}
