/**
 * The log-manager: everything that concerns all logs of a broker and that nobody waits for.
 *
 * | message    | from                                                   | what happens                                |
 * | ---------- | ------------------------------------------------------ | ------------------------------------------- |
 * | checkpoint | itself (replica.high.watermark.checkpoint.interval.ms) | offsets are written; what was deleted goes  |
 * | upkeep     | itself (log.retention.check.interval.ms)               | a `maintain` to each replica                |
 * | clean      | itself, without a pause while there is work            | one step of compaction                      |
 * | deleteLog  | the `broker` actor                                     | the directory is renamed now, removed later |
 * | compact    | itself, to the shell's `jobs` actor                    | a large log is compacted in another thread  |
 *
 * Logs belong to their replicas: retention runs there, where a disk error takes the log offline. A storage error here is
 * told to the `broker` actor as well: the directory counts as failed. Until the broker ends, work is tried again.
 * Source: Kafka's LogManager, LogCleaner, ReplicaManager.checkpointHighWatermarks.
 */
import { actorNames, isFailed, type ActorDefinition, type Env, type Message, type Outbox } from '@troupe/actor'
import type { Reply, ReplyToken } from '@troupe/actor'
import type { DirectoryFailed } from '@troupe/controller/messages'
import type { Compacted, CompactionJob } from '@troupe/log/compaction'
import type { Log, LogStore } from '@troupe/log/contract'
import { StorageError } from '@troupe/log/file-system'

export interface LogManagerConfig {
  readonly 'replica.high.watermark.checkpoint.interval.ms': number
  readonly 'log.retention.check.interval.ms': number
  readonly 'log.initial.task.delay.ms': number
  readonly 'log.cleaner.enable': boolean
  readonly 'log.cleaner.backoff.ms': number
}

export interface LogManagerEnv extends Env {
  readonly logs: LogStore
  readonly config: LogManagerConfig
  /** From so many bytes on a log is compacted by the `jobs` actor; absent where there is none. */
  readonly offloadBytes?: number
}

/** From the `broker` actor: the partition is not here any more, and its replica has been stopped. */
export interface DeleteLog extends Message {
  readonly kind: 'deleteLog'
  readonly topicId: string
  readonly partition: number
}

/** To the `jobs` actor of the shell: runs `compact` in another thread. Answered with its outcome, or `JobFailed`. */
export interface CompactElsewhere extends Message {
  readonly kind: 'compact'
  readonly replyTo: ReplyToken
  readonly job: CompactionJob
}

export interface JobFailed {
  readonly kind: 'jobFailed'
  readonly reason: string
}

type Task = 'checkpoint' | 'upkeep' | 'clean'
export type LogManagerMessage = DeleteLog | Reply<Compacted | JobFailed> | { readonly kind: Task }

export interface LogManagerState {
  /** What the last failed task said, so that a disk that stays full is told once. */
  lastTrouble: string | null
  /** What the checkpoint files say, as far as one number can tell; NaN before the first. */
  checkpointed: number
  roundsLeft: number
  /** Number of the job that is out, 0 if there is none. */
  jobId: number
  jobs: number
  /** The last job was not done: the next log is cleaned here. */
  hasNoHelp: boolean
}

export const logManagerActor: ActorDefinition<LogManagerState, LogManagerMessage, LogManagerEnv, unknown> = {
  kind: 'log-manager',
  start,
  step,
}

function start(_args: unknown, env: LogManagerEnv, out: Outbox): LogManagerState {
  const initialDelayMs = env.config['log.initial.task.delay.ms']
  again('checkpoint', env.config['replica.high.watermark.checkpoint.interval.ms'], env, out)
  again('upkeep', initialDelayMs, env, out)
  if (env.config['log.cleaner.enable']) {
    again('clean', Math.min(initialDelayMs, env.config['log.cleaner.backoff.ms']), env, out)
  }
  return { lastTrouble: null, checkpointed: NaN, roundsLeft: 0, jobId: 0, jobs: 0, hasNoHelp: false }
}

function again(task: Task, afterMs: number, env: LogManagerEnv, out: Outbox): void {
  out.setTimer(task, env.now + afterMs, { kind: task })
}

function step(state: LogManagerState, message: LogManagerMessage, env: LogManagerEnv, out: Outbox): void {
  switch (message.kind) {
    case 'checkpoint': return onCheckpoint(state, env, out)
    case 'upkeep': return onUpkeep(env, out)
    case 'clean': return onClean(state, env, out)
    case 'deleteLog': return onDeleteLog(state, message, env, out)
    case 'reply': return onCompacted(state, message, env, out)
  }
}

function onCheckpoint(state: LogManagerState, env: LogManagerEnv, out: Outbox): void {
  again('checkpoint', env.config['replica.high.watermark.checkpoint.interval.ms'], env, out)
  attempt(state, 'checkpoint', env, out, () => {
    env.logs.removeDeleted(env.now)
    const { count, sum } = fingerprintOf(env.logs)
    const isNew = sum !== state.checkpointed
    // The store writes a few logs' epochs per round: it gets the rounds it needs after the last change.
    if (!isNew && state.roundsLeft === 0) return
    if (!env.logs.writeCheckpointsLater()) return
    state.roundsLeft = isNew ? Math.ceil(count / EPOCH_FILES_PER_ROUND) : state.roundsLeft - 1
    state.checkpointed = sum
  })
}

const EPOCH_FILES_PER_ROUND = 8

/** Checkpoints cost syncs, and an idle broker has nothing new to say: a change of any of these offsets shows here. */
function fingerprintOf(logs: LogStore): { count: number; sum: number } {
  let count = 0
  let sum = 0
  for (const log of logs.logs()) {
    count++
    // Each with its own weight, or one offset's fall could hide another one's rise.
    sum += log.highWatermark + 3 * log.recoveryPoint + 7 * log.logStartOffset + 13 * log.latestEpoch + 31 * count
  }
  return { count, sum }
}

function onUpkeep(env: LogManagerEnv, out: Outbox): void {
  again('upkeep', env.config['log.retention.check.interval.ms'], env, out)
  for (const log of env.logs.logs()) {
    if (log.offlineReason !== null) continue
    const actor = actorNames.replica(log.topicId, partitionOf(log))
    out.send({ broker: env.self.broker, actor }, { kind: 'maintain' })
  }
}

/** How much one message's worth of cleaning reads. A long pass must keep nobody on this thread waiting. */
const CLEAN_STEP_BYTES = 1024 * 1024

function onClean(state: LogManagerState, env: LogManagerEnv, out: Outbox): void {
  const { offloadBytes } = env
  // Unlike the name of any other job's files, whatever became of their writers.
  const suffix = `.${env.random()}-${state.jobs}.tmp`
  const elsewhere = offloadBytes === undefined || state.hasNoHelp ? undefined : { fromBytes: offloadBytes, suffix }
  const step = attempt(state, 'clean', env, out, () => env.logs.cleanStep(env.now, CLEAN_STEP_BYTES, elsewhere)) ?? null
  if (step !== null && step !== 'more' && 'job' in step) return delegate(state, step.job, env, out)
  if (step !== 'more') state.hasNoHelp = false
  if (step !== null && step !== 'more') out.trace('log.cleaned', { ...step })
  again('clean', step === null ? env.config['log.cleaner.backoff.ms'] : 0, env, out)
}

function delegate(state: LogManagerState, job: CompactionJob, env: LogManagerEnv, out: Outbox): void {
  state.jobId = ++state.jobs
  out.trace('log.compacting', { directory: job.directory, segments: job.sources.length })
  const { broker } = env.self
  const ask: CompactElsewhere = { kind: 'compact', replyTo: { ...env.self, id: state.jobId }, job }
  out.send({ broker, actor: actorNames.jobs }, ask)
}

/** The outcome counts if the log is still what it was; the store looks. */
function onCompacted(
  state: LogManagerState, { id, body }: Reply<Compacted | JobFailed>, env: LogManagerEnv, out: Outbox,
): void {
  if (id !== state.jobId) return
  state.jobId = 0
  const isDone = !isFailed(body) && !('kind' in body)
  if (!isDone) out.trace('log.not-compacted', { reason: body.reason })
  state.hasNoHelp = !isDone
  const cleaned = attempt(state, 'clean', env, out, () => env.logs.finishCleaning(isDone ? body : null))
  if (cleaned) out.trace('log.cleaned', { ...cleaned, elsewhere: true })
  again('clean', 0, env, out)
}

function onDeleteLog(state: LogManagerState, { topicId, partition }: DeleteLog, env: LogManagerEnv, out: Outbox): void {
  attempt(state, 'delete', env, out, () => env.logs.delete(topicId, partition, env.now))
}

function attempt<Result>(
  state: LogManagerState, task: string, env: LogManagerEnv, out: Outbox, work: () => Result,
): Result | undefined {
  try {
    const result = work()
    state.lastTrouble = null
    return result
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    if (state.lastTrouble !== error.message) {
      out.trace('log-manager.failed', { task, error: error.message })
      const failed: DirectoryFailed = { kind: 'directoryFailed', reason: error.message }
      out.send({ broker: env.self.broker, actor: actorNames.broker }, failed)
    }
    state.lastTrouble = error.message
    return undefined
  }
}

/** A log's directory is named `topic-partition`; the topic may hold dashes itself. */
function partitionOf(log: Log): number {
  return Number(log.directory.slice(log.directory.lastIndexOf('-') + 1))
}
