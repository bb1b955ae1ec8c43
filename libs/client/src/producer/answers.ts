/** What becomes of each record, told to whoever sent it: alone, or when the last of a `sendMany` is known. */
import { KafkaError } from '@troupe/wire/errors'
import type { OperationResult, SendManyResult, SendResult } from '../messages.ts'
import type { Batch, BlockedSend, PartitionState, Problem, Step } from './state.ts'

type Asker = Pick<BlockedSend, 'replyTo' | 'many'> & { readonly index: number }

/** Whether anybody would read what became of a record that went well. */
function isAsked({ state }: Step, { replyTo, many }: Asker): boolean {
  if (replyTo !== null) return true
  const sends = many >= 0 ? state.manys.get(many)! : null
  return sends !== null && (sends.each || sends.results !== null)
}

/** `result` null: it went well, and nobody reads more. */
function tell({ state, out }: Step, { replyTo, many, index }: Asker, result: SendResult | null): void {
  if (replyTo !== null) return out.reply(replyTo, result)
  if (many < 0) return
  const sends = state.manys.get(many)!
  if (result !== null && sends.results !== null) sends.results[index] = result
  if (sends.each) out.reply({ ...sends.replyTo, id: sends.replyTo.id + 1 + index }, result)
  const failed = result !== null && result.error !== KafkaError.NONE
  if (failed && (sends.firstError === null || index < sends.firstError.index)) sends.firstError = { ...result, index }
  if (--sends.left > 0) return
  state.manys.delete(many)
  const body: SendManyResult = { firstError: sends.firstError, results: sends.results ?? [] }
  out.reply(sends.replyTo, body)
}

/** What a failure has made of the producer. */
function severityOf({ state }: Step, { usage }: Problem): OperationResult['severity'] {
  if (usage) return 'usage'
  const { phase } = state.transaction
  return phase === 'FATAL_ERROR' ? 'fatal' : phase === 'ABORTABLE_ERROR' ? 'abortable' : 'none'
}

/** The record at hand. */
export function refuse(step: Step, { records, at, replyTo, many }: BlockedSend, problem: Problem): void {
  const { topic, partition } = records[at]!
  const { error, detail } = problem
  const severity = severityOf(step, problem)
  const nowhere = { partition: partition ?? -1, offset: -1, timestamp: -1, indefinite: false }
  tell(step, { replyTo, many, index: at }, { error, detail, topic, ...nowhere, severity })
}

/** Goes on to the next one. */
export function pass(blocked: BlockedSend): void {
  blocked.at++
  blocked.n++
  blocked.chosen = -1
}

/** It and those behind it. */
export function refuseAll(step: Step, blocked: BlockedSend, problem: Problem): void {
  for (; blocked.at < blocked.records.length; pass(blocked)) refuse(step, blocked, problem)
}

/** Answers every record of a batch that failed. */
export function answerFailed(step: Step, partition: PartitionState, batch: Batch, problem: Problem): void {
  const { topic, partition: index } = partition
  const { error, detail } = problem
  const indefinite = batch.indefinite || batch.sent
  const severity = severityOf(step, problem)
  for (const record of batch.records) {
    const { timestamp } = record
    tell(step, record, { error, detail, topic, partition: index, offset: -1, timestamp, indefinite, severity })
  }
}

/** Answers every record of a batch that is in the log from `baseOffset` on. */
export function answerDone(step: Step, at: PartitionState, batch: Batch, baseOffset: number, appendTime: number): void {
  const { topic, partition } = at
  const { records } = batch
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    const result = isAsked(step, record) && {
      error: KafkaError.NONE,
      detail: null,
      topic,
      partition,
      offset: baseOffset < 0 ? -1 : baseOffset + index,
      timestamp: appendTime >= 0 ? appendTime : record.timestamp,
      indefinite: false,
    }
    tell(step, record, result || null)
  }
}
