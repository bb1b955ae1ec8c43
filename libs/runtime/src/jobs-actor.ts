/**
 * The `jobs` actor: what takes long is done by another thread, and its outcome comes back as a message.
 *
 * | message | from                | what happens                                                          |
 * | ------- | ------------------- | --------------------------------------------------------------------- |
 * | compact | log-manager         | the job goes to the pool of the process (`job-pool.ts`)               |
 * | jobDone | the pool's answer   | whoever asked is answered: the outcome, or `JobFailed` with a reason  |
 */
import type { MessagePort } from 'node:worker_threads'
import type { ActorDefinition, Env, Message, ReplyToken } from '@troupe/actor'
import type { CompactElsewhere, JobFailed } from '@troupe/replication/log-manager'
import type { JobAnswer, JobRequest } from './job-channel.ts'

export interface JobDone extends Message {
  readonly kind: 'jobDone'
  readonly answer: JobAnswer
}

interface JobsEnv extends Env {
  readonly port: MessagePort
}

interface JobsState {
  readonly waiting: Map<number, ReplyToken>
  nextId: number
}

export const jobsActor: ActorDefinition<JobsState, CompactElsewhere | JobDone, JobsEnv> = {
  kind: 'jobs',
  // Answers to an earlier life of it must not be taken for those to this one.
  start: (_args, env) => ({ waiting: new Map(), nextId: 1 + env.random() }),
  step(state, message, env, out) {
    if (message.kind === 'compact') {
      const id = state.nextId++
      state.waiting.set(id, message.replyTo)
      env.port.postMessage({ id, job: message.job } satisfies JobRequest)
      return
    }
    const { answer } = message
    const token = state.waiting.get(answer.id)
    if (token === undefined) return
    state.waiting.delete(answer.id)
    const failed = (reason: string): JobFailed => ({ kind: 'jobFailed', reason })
    out.reply(token, 'outcome' in answer ? answer.outcome : failed(answer.failure))
  },
}
