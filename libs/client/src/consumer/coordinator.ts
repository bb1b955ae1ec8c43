/** Who coordinates the group: found when somebody needs it, forgotten when it does not answer or says it is not. */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { FindCoordinatorResponse } from '@troupe/wire/messages'
import { clientActorNames, type BrokerEndpoint, type NetworkAnswer } from '../messages.ts'
import { api, ask, fail, groupChannel, retryTime } from './requests.ts'
import type { Step } from './state.ts'

const GROUP = 0

/** The coordinator; null: not known, it is being looked for. */
export function coordinatorOf(step: Step): BrokerEndpoint | null {
  const { coordinator, config } = step.state
  if (coordinator.known !== null) return coordinator.known
  if (coordinator.looking || step.env.now < coordinator.retryAt || config['group.id'] === null) return null
  coordinator.looking = true
  const body = { keyType: GROUP, coordinatorKeys: [config['group.id']] }
  ask(step, 'any', api.findCoordinator, body, { kind: 'coordinator' }, { minVersion: 4, channel: groupChannel(step) })
  return null
}

export function onCoordinator(step: Step, answer: NetworkAnswer<FindCoordinatorResponse>): void {
  const { coordinator, member } = step.state
  coordinator.looking = false
  const found = answer.kind === 'response' ? answer.body.coordinators[0] : undefined
  if (found?.errorCode === KafkaError.NONE) {
    coordinator.known = { id: found.nodeId, host: found.host, port: found.port, rack: null }
    coordinator.failures = 0
    member.heartbeat.answeredAt = step.env.now
    return
  }
  const retriable = found === undefined || isRetriable(found.errorCode)
  if (!retriable) fail(step, found.errorCode, `FindCoordinator: ${errorName(found.errorCode)}`)
  coordinator.retryAt = retryTime(step, coordinator.failures++)
}

/**
 * What else was asked of it is answered `disconnected`: the new coordinator must not be overtaken by an answer of the
 * old.
 */
export function loseCoordinator(step: Step, cause: string): void {
  const { state, env, out } = step
  if (state.coordinator.known === null) return
  out.trace('coordinator-lost', { cause, broker: state.coordinator.known.id })
  state.coordinator.known = null
  state.coordinator.retryAt = retryTime(step, 0)
  const network = { broker: env.self.broker, actor: clientActorNames.network }
  out.send(network, { kind: 'closeChannel', channel: groupChannel(step) } as never)
}

const lost: ReadonlySet<number> = new Set([KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR])

/** Forgets the coordinator if this answer says that it is none; null: it has answered, its own error is in the body. */
export function unansweredBy(step: Step, answer: NetworkAnswer): string | null {
  if (answer.kind === 'response') return null
  loseCoordinator(step, answer.reason)
  return answer.reason
}

export function loseIfNotCoordinator(step: Step, error: number): boolean {
  if (!lost.has(error)) return false
  loseCoordinator(step, errorName(error))
  return true
}
