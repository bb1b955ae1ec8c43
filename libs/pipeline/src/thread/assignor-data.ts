/**
 * What members of a pipeline's group say to their leader, and what it says to them, beside topics and partitions.
 * Of our own making: members that run Kafka Streams' assignor call it `stream` and cannot be in the same group.
 */
import { Reader, Writer } from '@troupe/wire/io'

const VERSION = 1

export interface MemberData {
  /** Which process it is. */
  readonly instance: string
  /** Of its topology: tasks of others have other meanings. */
  readonly fingerprint: string
  /** Whose state it has copies of. */
  readonly standbys: readonly string[]
}

export interface AssignmentData {
  readonly standbys: readonly string[]
  /** Why it gets nothing; ''. */
  readonly error: string
}

export function encodeMemberData({ instance, fingerprint, standbys }: MemberData): Uint8Array {
  const writer = new Writer(128)
  writer.int16(VERSION)
  writer.string(instance)
  writer.string(fingerprint)
  texts(writer, standbys)
  return writer.bytes().slice()
}

/** null: not of a pipeline. */
export function decodeMemberData(bytes: Uint8Array | null): MemberData | null {
  const reader = open(bytes)
  return reader && { instance: reader.string(), fingerprint: reader.string(), standbys: readTexts(reader) }
}

export function encodeAssignmentData({ standbys, error }: AssignmentData): Uint8Array {
  const writer = new Writer(64)
  writer.int16(VERSION)
  texts(writer, standbys)
  writer.string(error)
  return writer.bytes().slice()
}

export function decodeAssignmentData(bytes: Uint8Array | null): AssignmentData {
  const reader = open(bytes)
  return reader ? { standbys: readTexts(reader), error: reader.string() } : { standbys: [], error: '' }
}

function open(bytes: Uint8Array | null): Reader | null {
  if (bytes === null || bytes.length < 2) return null
  const reader = new Reader(bytes)
  return reader.int16() === VERSION ? reader : null
}

function texts(writer: Writer, values: readonly string[]): void {
  writer.int32(values.length)
  for (const value of values) writer.string(value)
}

function readTexts(reader: Reader): string[] {
  return Array.from({ length: reader.int32() }, () => reader.string())
}
