/**
 * Asking the active controller through the local `controller` actor, with Kafka's forwarding rules (KIP-590):
 * while nobody leads, or the answer is lost with a broker, the request is sent again until its time is over.
 */
import { actorNames, isFailed } from '@troupe/actor'
import type { ControllerApi, ControllerRefused, ControllerRequest } from '@troupe/controller/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { RequestContext } from './context.ts'

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1_000
const DEFAULT_TIMEOUT_MS = 30_000

export interface ControllerAnswer<Response> {
  answered(response: Response): void
  /** REQUEST_TIMED_OUT, or what the controller refused with. */
  refused(error: ErrorCode): void
}

export function askController<Response>(
  ctx: RequestContext,
  api: ControllerApi,
  body: unknown,
  timeoutMs: number,
  answer: ControllerAnswer<Response>,
): void {
  const deadline = ctx.env.now + Math.max(1, timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS)
  let over = false
  let asked = 0
  const timeOut = (): void => {
    if (over) return
    over = true
    ctx.forget(asked)
    answer.refused(KafkaError.REQUEST_TIMED_OUT)
  }
  ctx.timer(deadline - ctx.env.now, timeOut)
  const attempt = (): void => {
    if (over) return
    asked = ctx.askLocal<ControllerRequest, Response | ControllerRefused>(
      actorNames.controller,
      { kind: 'controllerRequest', api, body, principal: 'User:ANONYMOUS' },
      (reply) => {
        if (over) return
        if (isFailed(reply)) return retry()
        if (isRefused(reply)) {
          if (reply.error === KafkaError.NOT_CONTROLLER) return retry()
          over = true
          return answer.refused(reply.error)
        }
        over = true
        answer.answered(reply)
      },
    )
  }
  let retryMs = FIRST_RETRY_MS
  const retry = (): void => {
    ctx.timer(retryMs, attempt)
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
  }
  attempt()
}

function isRefused(reply: unknown): reply is ControllerRefused {
  return typeof reply === 'object' && reply !== null && (reply as ControllerRefused).kind === 'refused'
}
