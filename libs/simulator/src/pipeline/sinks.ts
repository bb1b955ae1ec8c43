/**
 * An outside system as a pipeline's sink sees it: stores records and our offset at once, and only if its offset is the
 * one we start from. It is reached through an actor that takes its time and may be killed before its answer is heard.
 */
import type { ActorDefinition, Env, Message } from '@troupe/actor'
import type { SinkApplied, SinkMessage, SinkOffsets } from '@troupe/pipeline/thread/messages'
import type { SinkRecord } from '@troupe/pipeline/topology'
import { keyOf } from './commits.ts'

/** Outside of every process: stays whatever is killed. */
export class OutsideSystem {
  readonly offsets = new Map<string, number>()
  /** Where each accepted write has ended, by `topic-partition`, in order. */
  readonly writes = new Map<string, number[]>()
  /** By the name of the sink. */
  readonly records = new Map<string, SinkRecord[]>()

  apply(sink: string, key: string, from: number | null, to: number, records: readonly SinkRecord[]): boolean {
    const name = `${sink}/${key}`
    if ((this.offsets.get(name) ?? null) !== from) return false
    this.offsets.set(name, to)
    this.writes.set(key, [...(this.writes.get(key) ?? []), to])
    this.records.set(sink, [...(this.records.get(sink) ?? []), ...records])
    return true
  }
}

interface Later extends Message {
  readonly kind: 'later'
  readonly about: SinkMessage
}

const slowestMs = 40

export const sinksActor: ActorDefinition<
  { timers: number },
  SinkMessage | Later,
  Env & { readonly outside: OutsideSystem }
> = {
  kind: 'pipeline-sinks',
  start: () => ({ timers: 0 }),
  step(state, message, env, out) {
    // The answer takes as long again as the question: a kill in between leaves the outcome unknown.
    if (message.kind !== 'later') {
      const body = answer(env.outside, message)
      const at = env.now + 1 + (env.random() % slowestMs)
      return out.setTimer(`answer-${state.timers++}`, at, { kind: 'later', about: message, body } as Later)
    }
    out.reply(message.about.replyTo, (message as Later & { body: unknown }).body)
  },
}

function answer(outside: OutsideSystem, message: SinkMessage): SinkOffsets | SinkApplied {
  if (message.kind === 'sinkOffsets') {
    const offsets = message.partitions.map(({ topic, partition }) => {
      return outside.offsets.get(`${message.sink}/${keyOf(topic, partition)}`) ?? null
    })
    return { error: null, offsets }
  }
  const { sink, partition, from, to, records } = message
  return { error: null, applied: outside.apply(sink, keyOf(partition.topic, partition.partition), from, to, records) }
}
