/**
 * What every decision of the active controller has in common: `decide(state, request, env) → { records, response }`.
 *
 * A decision changes nothing. The records are appended and replayed into the image at once, the response is held until
 * they are committed; both are dropped when leadership is lost. Source: Kafka's QuorumController, ControllerResult.
 */
import type { Safeguards } from '@troupe/actor'
import type { BrokerConfig, TopicConfig } from '@troupe/config'
import { KafkaError, errorMessage, type ErrorCode } from '@troupe/wire/errors'
import type { MetadataImage } from '../image/image.ts'
import type { KnownRecord } from '../records.ts'

export interface Decision {
  readonly records: readonly KnownRecord[]
  /** The answering API's response input. */
  readonly response: unknown
}

/** What the controller knows of a broker's session, and no one else needs to: lost with leadership. */
export interface Session {
  lastContactMs: number
  /** The broker itself has been heard of by this controller; otherwise the session is inherited from the log. */
  confirmed: boolean
  metadataOffset: number
  /** Offset of the record that put the broker into controlled shutdown; −1 if it is not. */
  shutdownOffset: number
}

export interface ControllerState {
  readonly image: MetadataImage
  readonly sessions: Map<number, Session>
  readonly configs: EffectiveConfigs
}

export interface EffectiveConfigs {
  /** The broker configuration with cluster-wide dynamic values on top. */
  cluster: BrokerConfig | null
  /** By topic name: a fenced broker's ten thousand partitions ask for the same few. */
  readonly topics: Map<string, TopicConfig>
}

export const noConfigs = (): EffectiveConfigs => ({ cluster: null, topics: new Map() })

/** After a change of any configuration, or of which topics there are. */
export function forgetConfigs(configs: EffectiveConfigs): void {
  configs.cluster = null
  configs.topics.clear()
}

export interface DecideEnv {
  readonly now: number
  random(): number
  readonly safeguards: Safeguards
  readonly config: BrokerConfig
  /** Offset that the first record of the decision will have. */
  readonly nextOffset: number
}

/** One part of a request that can fail alone. */
export interface ApiError {
  readonly code: ErrorCode
  readonly message: string | null
}

export const ok: ApiError = { code: KafkaError.NONE, message: null }
export const failure = (code: ErrorCode, message: string | null = null): ApiError => ({
  code,
  message: message ?? errorMessage(code),
})
export const isFailure = (error: unknown): error is ApiError =>
  typeof error === 'object' && error !== null && 'code' in error && (error as ApiError).code !== KafkaError.NONE

export const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, index) => item === b[index])
