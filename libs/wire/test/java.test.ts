/**
 * Byte equality with Apache Kafka 4.3.1: every message in every version, the framing of internal records, control
 * records, and batches in every compression, in both directions.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { KafkaError } from '../src/errors.ts'
import type { WireError } from '../src/io.ts'
import * as batch from '../src/record-batch.ts'
import '../src/native.node.ts'
import {
  encodeCoordinatorKey,
  encodeCoordinatorValue,
  encodeMetadataRecord,
  groupRecords,
  shareRecords,
  transactionRecords,
} from '../src/records-by-type.ts'
import { arbitraryMessage, messages, versionsOf, type Fields } from './support/arbitrary.ts'
import { arbitraryBatch, recordsOf, type BatchSample } from './support/batches.ts'
import { encode } from './support/codecs.ts'
import { Questions, base64, javaClass, skipped } from './support/java.ts'
import { toKafkaJson } from './support/json.ts'

const SAMPLES = 12
const BATCHES = 40
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** A new seed for every run, named in every failure; `WIRE_SEED` repeats one. */
const seed = Number(process.env.WIRE_SEED ?? process.hrtime.bigint() % 0x7fffffffn)
const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] => fc.sample(arbitrary, { numRuns: count, seed })

const title = skipped === undefined ? `Apache Kafka (WIRE_SEED=${seed})` : `Apache Kafka (skipped: ${skipped})`

describe.skipIf(skipped !== undefined)(title, () => {
  const questions = new Questions()
  const wrong: string[] = []
  const expectAnswer = (what: string, fields: (string | number | boolean)[], expected: string): void =>
    questions.ask(fields, (answer) => {
      if (answer !== expected) wrong.push(`${what}: ${fields.join(' ')} → ${answer} instead of ${expected}`)
    })

  let messageCases = 0
  let conversions = 0
  for (const message of messages) {
    for (const version of versionsOf(message)) {
      const ask = (value: Fields, json: string): void => {
        const bytes = base64(encode(message.name, value, version))
        expectAnswer(message.name, ['message', javaClass(message), version, bytes, json], 'ok')
        messageCases++
      }
      for (const value of sample(arbitraryMessage(message, version), SAMPLES))
        ask(value, toKafkaJson(message, value, version))
      // Unknown tagged fields have no JSON form: these are read and rewritten only.
      for (const value of sample(arbitraryMessage(message, version, { unknownTags: true }), SAMPLES / 2)) ask(value, '')
    }
  }

  for (const message of messages) {
    const versions = versionsOf(message)
    for (const version of versions) {
      for (const [index, value] of sample(arbitraryMessage(message, version), 4).entries()) {
        const other = [version - 1, version + 1, versions[0], versions.at(-1)!][index]
        if (other === version || !versions.includes(other)) continue
        const fields = ['convert', javaClass(message), version, other, toKafkaJson(message, value, version)]
        expectAnswer(`${message.name} as v${other}`, fields, encodedOrRefused(message.name, value, other))
        conversions++
      }
    }
  }

  for (const message of messages.filter(({ type }) => type === 'metadata')) {
    for (const version of versionsOf(message)) {
      const [value] = sample(arbitraryMessage(message, version), 1)
      const ours = base64(encodeMetadataRecord(message.apiKey, value, version))
      expectAnswer(message.name, ['metadata', javaClass(message), version, toKafkaJson(message, value, version)], ours)
    }
  }

  const byName = new Map(messages.map((message) => [message.name, message]))
  for (const codec of [...groupRecords, ...transactionRecords, ...shareRecords]) {
    const keySchema = byName.get(codec.key.name)!
    const [key] = sample(arbitraryMessage(keySchema, 0), 1)
    const ours = base64(encodeCoordinatorKey(codec, key))
    expectAnswer(keySchema.name, ['key', javaClass(keySchema), toKafkaJson(keySchema, key, 0)], ours)
    const schema = byName.get(codec.value.name)!
    for (const version of versionsOf(schema)) {
      const [value] = sample(arbitraryMessage(schema, version), 1)
      const bytes = base64(encodeCoordinatorValue(codec, value, version))
      expectAnswer(schema.name, ['value', javaClass(schema), version, toKafkaJson(schema, value, version)], bytes)
    }
  }

  for (const [type, name] of CODECS.entries()) {
    for (const input of sample(arbitraryBatch, BATCHES)) {
      const ours = batch.buildBatch({ ...input, compression: type })
      expectAnswer(`batch ${name}`, ['read', base64(ours)], describeBatch(ours, input))
      questions.ask(writeQuestion(name, input), (answer) => {
        const theirs = new Uint8Array(Buffer.from(answer, 'base64'))
        if (batch.validateBatch(theirs, 0) !== KafkaError.NONE) wrong.push(`${name}: not valid: ${answer}`)
        else if (describeBatch(theirs, input) !== describeBatch(ours, input, theirs))
          wrong.push(`${name}: differs: ${answer}`)
        if (type === 0 && answer !== base64(ours)) wrong.push(`uncompressed: ${answer} instead of ${base64(ours)}`)
      })
    }
  }

  const [sampleBatch] = sample(arbitraryBatch, 1)
  const stamped = batch.buildBatch(sampleBatch)
  batch.setMaxTimestampAndLogAppendTime(stamped, 0, 1_800_000_000_000)
  expectAnswer('log append time', ['read', base64(stamped)], describeBatch(stamped))
  const thinned = batch.buildBatch({
    ...sampleBatch,
    deleteHorizonMs: 1_700_000_000_123,
    lastOffsetDelta: 99,
    records: [{ key: Uint8Array.of(1), value: null, timestamp: 1_600_000_000_000, offsetDelta: 40 }],
  })
  expectAnswer('delete horizon', ['read', base64(thinned)], describeBatch(thinned))

  const at = { baseOffset: 42, timestamp: 1_700_000_000_000, partitionLeaderEpoch: 6 }
  for (const type of ['commit', 'abort'] as const) {
    const marker = { ...at, producerId: 2 ** 40, producerEpoch: 12, coordinatorEpoch: 9, commit: type === 'commit' }
    const fields = ['control', type, at.baseOffset, at.timestamp, at.partitionLeaderEpoch, 9, 2 ** 40, 12]
    expectAnswer(type, fields, base64(batch.buildEndTxnMarker(marker)))
  }
  const controls = [
    ['leaderChange', 'LeaderChangeMessage'],
    ['snapshotHeader', 'SnapshotHeaderRecord'],
    ['snapshotFooter', 'SnapshotFooterRecord'],
    ['kraftVersion', 'KRaftVersionRecord'],
    ['voters', 'VotersRecord'],
  ] as const
  for (const [type, name] of controls) {
    const schema = byName.get(name)!
    for (const value of sample(arbitraryMessage(schema, 0), 5)) {
      const message: Fields = name === 'LeaderChangeMessage' ? { ...value, version: 0 } : value
      const ours = batch.buildControlBatch({ ...at, records: [{ type, message } as batch.ControlRecordInput] })
      const fields = [
        'control',
        type,
        at.baseOffset,
        at.timestamp,
        at.partitionLeaderEpoch,
        toKafkaJson(schema, message, 0),
      ]
      expectAnswer(type, fields, base64(ours))
    }
  }

  test('agrees with us on every byte', { timeout: 180_000 }, async () => {
    await questions.answer()
    expect(wrong.slice(0, 5)).toEqual([])
    expect(wrong.length).toBe(0)
    expect(messageCases).toBeGreaterThan(8000)
    expect(conversions).toBeGreaterThan(1000)
  })

  afterAll(() => console.log(`asked Apache Kafka ${questions.count} questions, seed ${seed}`))
})

/** The bytes, or what Kafka would throw: a null where none may be is an accident there. */
function encodedOrRefused(name: string, value: Fields, version: number): string {
  try {
    return base64(encode(name, value, version))
  } catch (error) {
    const { code } = error as WireError
    return code === KafkaError.UNSUPPORTED_VERSION ? 'UnsupportedVersionException' : 'NullPointerException'
  }
}

/** A batch as the harness describes it. `sized` gives size and checksum, which depend on the compressor. */
function describeBatch(bytes: Uint8Array, input?: BatchSample, sized = bytes): string {
  const { records, ...header } = batch.readBatch(bytes)
  if (input !== undefined) expect(records).toEqual(recordsOf(input))
  const parts = [
    [
      CODECS[header.compressionType],
      header.timestampType === 'createTime' ? 'CreateTime' : 'LogAppendTime',
      header.baseOffset,
      header.lastOffset,
      batch.sizeInBytes(sized, 0),
      header.maxTimestamp,
      header.producerId,
      header.producerEpoch,
      header.baseSequence,
      batch.lastSequence(bytes, 0),
      header.partitionLeaderEpoch,
      header.isTransactional,
      header.isControl,
      header.deleteHorizonMs ?? -1,
      header.recordCount,
      batch.crc(sized, 0),
    ].join(','),
  ]
  for (const { offset, timestamp, key, value, headers } of records) {
    const named = headers.map((header) => `${base64(Buffer.from(header.key))}:${base64(header.value)}`)
    parts.push([offset, timestamp, base64(key), base64(value), ...named].join(','))
  }
  return parts.join('\t')
}

function writeQuestion(codec: string, input: BatchSample): (string | number | boolean)[] {
  const records = input.records.map(({ timestamp, key, value, headers }) =>
    [
      timestamp,
      base64(key),
      base64(value),
      ...headers.map((header) => `${base64(Buffer.from(header.key))}:${base64(header.value)}`),
    ].join(','),
  )
  const { baseOffset, producerId, producerEpoch, baseSequence, isTransactional, partitionLeaderEpoch } = input
  return [
    'write',
    codec,
    baseOffset,
    producerId,
    producerEpoch,
    baseSequence,
    isTransactional,
    partitionLeaderEpoch,
    ...records,
  ]
}
