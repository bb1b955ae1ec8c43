/**
 * The life of brokers: registration, heartbeats (fencing, unfencing, controlled shutdown), unregistration.
 *
 * A broker's epoch is the offset of its registration record, so no two registrations share one (K7).
 * Source: KIP-631; Kafka's ClusterControlManager, BrokerHeartbeatManager.
 */
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/uuid'
import type {
  BrokerHeartbeatRequest,
  BrokerHeartbeatResponseInput,
  BrokerRegistrationRequest,
  BrokerRegistrationResponseInput,
  UnregisterBrokerRequest,
  UnregisterBrokerResponseInput,
} from '@troupe/wire/messages'
import type { BrokerImage } from '../image/types.ts'
import type { KnownRecord } from '../records.ts'
import { currentBroker } from './cluster.ts'
import type { ControllerState, DecideEnv, Decision, Session } from './decision.ts'
import { beginControlledShutdown, fenceBroker, hasLeaderships, removeFromIsrs, unfenceBroker } from './leadership.ts'

export function registerBroker(state: ControllerState, request: BrokerRegistrationRequest, env: DecideEnv): Decision {
  const error = registrationError(state, request, env)
  if (error !== KafkaError.NONE) return registered(error, -1, [])
  const { brokerId, incarnationId } = request
  const existing = state.image.brokers.get(brokerId)
  const same = existing?.incarnationId === incarnationId
  const records: KnownRecord[] = []
  if (existing && !same) {
    // KIP-966: only a broker that names its last epoch has shut down cleanly and still has all it acknowledged.
    const unclean = env.safeguards.uncleanShutdownDetection && request.previousBrokerEpoch !== existing.epoch
    if (!existing.fenced) records.push(...fenceBroker(state, env, brokerId, unclean))
    else if (unclean) records.push(...removeFromIsrs(state, env, brokerId, true))
  }
  const brokerEpoch = same ? existing.epoch : env.nextOffset + records.length
  records.push({
    type: 'RegisterBrokerRecord',
    value: {
      brokerId,
      incarnationId,
      brokerEpoch,
      endPoints: request.listeners.map(({ name, host, port, securityProtocol }) => ({
        name,
        host,
        port,
        securityProtocol,
      })),
      features: request.features.map(({ name, minSupportedVersion, maxSupportedVersion }) => ({
        name,
        minSupportedVersion,
        maxSupportedVersion,
      })),
      rack: request.rack,
      fenced: same ? existing.fenced : true,
      inControlledShutdown: same ? existing.inControlledShutdown : false,
      logDirs: request.logDirs,
    },
  })
  return registered(KafkaError.NONE, brokerEpoch, records)
}

function registered(errorCode: ErrorCode, brokerEpoch: number, records: KnownRecord[]): Decision {
  const response: BrokerRegistrationResponseInput = { errorCode, brokerEpoch }
  return { records, response }
}

function registrationError(state: ControllerState, request: BrokerRegistrationRequest, env: DecideEnv): ErrorCode {
  const { image } = state
  const { brokerId, clusterId, incarnationId, logDirs } = request
  if (clusterId !== image.clusterId) return KafkaError.INCONSISTENT_CLUSTER_ID
  const existing = image.brokers.get(brokerId)
  if (
    existing &&
    !existing.fenced &&
    existing.incarnationId !== incarnationId &&
    hasLiveSession(state, brokerId, env)
  ) {
    return KafkaError.DUPLICATE_BROKER_REGISTRATION
  }
  if (request.isMigratingZkBroker) return KafkaError.BROKER_ID_NOT_REGISTERED
  if (logDirs.length === 0 || logDirs.includes(zeroUuid) || new Set(logDirs).size !== logDirs.length) {
    return KafkaError.INVALID_REGISTRATION
  }
  for (const other of image.brokers.values()) {
    if (other.id !== brokerId && other.logDirs.some((dir) => logDirs.includes(dir)))
      return KafkaError.INVALID_REGISTRATION
  }
  return supportsFeatures(image.features, request) ? KafkaError.NONE : KafkaError.UNSUPPORTED_VERSION
}

function supportsFeatures(finalized: ReadonlyMap<string, number>, { features }: BrokerRegistrationRequest): boolean {
  for (const [name, level] of finalized) {
    const range = features.find((feature) => feature.name === name)
    if (!range || level < range.minSupportedVersion || level > range.maxSupportedVersion) return false
  }
  return true
}

/**
 * Deliberate difference: a session that this controller has only read from the log does not keep a new incarnation out.
 * Kafka waits for broker.session.timeout.ms after a fail-over; here one supervisor starts at most one broker of an id.
 */
function hasLiveSession(state: ControllerState, brokerId: number, env: DecideEnv): boolean {
  const session = state.sessions.get(brokerId)
  return session !== undefined && session.confirmed && !isStale(session, env)
}

export const isStale = (session: Session, env: Pick<DecideEnv, 'now' | 'config'>): boolean =>
  env.now - session.lastContactMs > env.config['broker.session.timeout.ms']

export const newSession = (now: number, confirmed: boolean): Session => ({
  lastContactMs: now,
  confirmed,
  metadataOffset: -1,
  shutdownOffset: -1,
})

type BrokerState = 'fenced' | 'unfenced' | 'controlledShutdown' | 'shutdownNow'

export function heartbeat(state: ControllerState, request: BrokerHeartbeatRequest, env: DecideEnv): Decision {
  const broker = currentBroker(state, request.brokerId, request.brokerEpoch)
  if (!broker) {
    const response: BrokerHeartbeatResponseInput = { errorCode: KafkaError.STALE_BROKER_EPOCH }
    return { records: [], response }
  }
  const before = stateOf(broker)
  const next = nextState(state, broker, request)
  const records: KnownRecord[] = []
  if (next !== before || (next === 'controlledShutdown' && hasLeaderships(state, broker.id))) {
    if (next === 'unfenced') records.push(...unfenceBroker(state, env, broker.id))
    else if (next === 'controlledShutdown') records.push(...beginControlledShutdown(state, env, broker.id))
    else if (!broker.fenced) records.push(...fenceBroker(state, env, broker.id))
  }
  const response: BrokerHeartbeatResponseInput = {
    isCaughtUp: request.currentMetadataOffset >= broker.epoch,
    isFenced: next === 'fenced' || next === 'shutdownNow',
    shouldShutDown: next === 'shutdownNow',
  }
  return { records, response }
}

function stateOf(broker: BrokerImage): BrokerState {
  if (broker.fenced) return 'fenced'
  return broker.inControlledShutdown ? 'controlledShutdown' : 'unfenced'
}

function nextState(state: ControllerState, broker: BrokerImage, request: BrokerHeartbeatRequest): BrokerState {
  const { wantFence, wantShutDown, currentMetadataOffset } = request
  switch (stateOf(broker)) {
    case 'fenced':
      if (wantShutDown) return 'shutdownNow'
      return !wantFence && currentMetadataOffset >= broker.epoch ? 'unfenced' : 'fenced'
    case 'unfenced':
      if (wantFence) return wantShutDown ? 'shutdownNow' : 'fenced'
      if (!wantShutDown) return 'unfenced'
      return hasLeaderships(state, broker.id) ? 'controlledShutdown' : 'shutdownNow'
    default:
      if (hasLeaderships(state, broker.id)) return 'controlledShutdown'
      // Everyone who serves clients must know the new leaders before the old one goes.
      return isKnownToAll(state, broker.id) ? 'shutdownNow' : 'controlledShutdown'
  }
}

function isKnownToAll(state: ControllerState, brokerId: number): boolean {
  const limit = state.sessions.get(brokerId)?.shutdownOffset ?? -1
  for (const other of state.image.brokers.values()) {
    if (other.id === brokerId || other.fenced || other.inControlledShutdown) continue
    if ((state.sessions.get(other.id)?.metadataOffset ?? -1) < limit) return false
  }
  return true
}

/** The volatile half of registration and heartbeat, once the decision stands. `endOffset`: after its records. */
export function touchSession(
  state: ControllerState,
  env: DecideEnv,
  brokerId: number,
  metadataOffset: number,
  endOffset: number,
): void {
  const broker = state.image.brokers.get(brokerId)
  if (!broker) return
  let session = state.sessions.get(brokerId)
  if (!session) state.sessions.set(brokerId, (session = newSession(env.now, true)))
  session.lastContactMs = env.now
  session.confirmed = true
  session.metadataOffset = metadataOffset
  if (!broker.inControlledShutdown) session.shutdownOffset = -1
  else if (session.shutdownOffset < 0) session.shutdownOffset = endOffset - 1
}

export function unregisterBroker(
  state: ControllerState,
  { brokerId }: UnregisterBrokerRequest,
  env: DecideEnv,
): Decision {
  const broker = state.image.brokers.get(brokerId)
  const errorCode = broker ? KafkaError.NONE : KafkaError.BROKER_ID_NOT_REGISTERED
  const response: UnregisterBrokerResponseInput = { errorCode, errorMessage: broker ? null : errorMessage(errorCode) }
  if (!broker) return { records: [], response }
  return {
    records: [
      ...removeFromIsrs(state, env, brokerId, true),
      { type: 'UnregisterBrokerRecord', value: { brokerId, brokerEpoch: broker.epoch } },
    ],
    response,
  }
}
