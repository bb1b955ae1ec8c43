/** How rows of the table say what a response means, and which errors may pass. */
import { KafkaError, errorName, isRetriable } from '@troupe/wire/errors'
import type { TopicPartition } from '../consumer/topic-partition.ts'
import type { Answer, Route } from './operation.ts'

export function answer<Value>(key: string, value: Value, error = 0, message: string | null = null): Answer<Value> {
  if (error === KafkaError.NONE) return { key, error, detail: null, value }
  return { key, error, detail: message || errorName(error), value: null }
}

export function keyOfPartition({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}

export function toLeader({ topic, partition }: TopicPartition): Route {
  return { leader: { topic, partition } }
}

/** The error of a response as a whole, for each item that it was about. */
export function everyKey(keys: readonly string[], error: number, message: string | null = null): Answer<never>[] {
  return keys.map((key) => ({ key, error, detail: message || errorName(error), value: null }))
}

export const never = (): boolean => false

/** The broker that was asked is not the active controller, or wants us to slow down (KIP-599). */
export function passesAtController(error: number): boolean {
  return error === KafkaError.NOT_CONTROLLER || error === KafkaError.THROTTLING_QUOTA_EXCEEDED
}

export function passesAtCoordinator(error: number): boolean {
  return (
    error === KafkaError.COORDINATOR_LOAD_IN_PROGRESS ||
    error === KafkaError.COORDINATOR_NOT_AVAILABLE ||
    error === KafkaError.NOT_COORDINATOR
  )
}

/** The leader has moved, the topic is not known there yet, a disk is being replaced: anything that is retriable. */
export function passesAtLeader(error: number): boolean {
  return isRetriable(error)
}

const OPERATIONS = [
  'UNKNOWN',
  'ANY',
  'ALL',
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
  'CREATE_TOKENS',
  'DESCRIBE_TOKENS',
  'TWO_PHASE_COMMIT',
]
const NOT_ASKED_FOR = -0x8000_0000

/** Names of AclOperation in a bit field (KIP-430); null: the broker was not asked. */
export function authorizedOperations(bits: number): string[] | null {
  if (bits === NOT_ASKED_FOR) return null
  return OPERATIONS.filter((_name, code) => code > 2 && (bits & (1 << code)) !== 0)
}
