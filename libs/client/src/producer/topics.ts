/** What the application wants to know of a topic before it writes there. Source: KafkaProducer.partitionsFor. */
import { KafkaError, errorName } from '@troupe/wire/errors'
import type { MetadataFailed, PartitionsFor, TopicAnswer } from '../messages.ts'
import { topicOf } from './accumulator.ts'
import { refuseAll } from './answers.ts'
import type { Problem, Step } from './state.ts'

export function onPartitionsFor({ state, env }: Step, { replyTo, topic }: PartitionsFor): void {
  state.topicQuestions.push({ replyTo, topic, deadlineAt: env.now + state.config['max.block.ms'] })
}

/** Those whose topic is known, or whose time is over; with `problem` all that are left. */
export function answerTopics(step: Step, problem: Problem | null = null): void {
  const { state, out } = step
  if (state.topicQuestions.length === 0) return
  state.topicQuestions = state.topicQuestions.filter(({ replyTo, topic, deadlineAt }) => {
    const body = problem === null ? answerOf(step, topic, deadlineAt) : { ...problem, topic: null }
    if (body !== null) out.reply(replyTo, body)
    return body === null
  })
}

/** Metadata will not come: what waits for it is refused. */
export function onMetadataFailed(step: Step, { error, detail }: MetadataFailed): void {
  answerTopics(step, { error, detail })
  const { state } = step
  state.blocked = state.blocked.filter((blocked) => {
    if (blocked.waitsFor !== 'metadata') return true
    refuseAll(step, blocked, { error, detail })
    return false
  })
}

function answerOf(step: Step, name: string, deadlineAt: number): TopicAnswer | null {
  const topic = topicOf(step, { topic: name, partition: null })
  if (typeof topic === 'object') return { error: KafkaError.NONE, detail: null, topic }
  if (typeof topic === 'number') return { error: topic, detail: errorName(topic), topic: null }
  if (deadlineAt > step.env.now) return null
  const detail = `topic ${name} not present in metadata within max.block.ms`
  return { error: KafkaError.REQUEST_TIMED_OUT, detail, topic: null }
}
