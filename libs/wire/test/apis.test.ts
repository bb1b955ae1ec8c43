/** The tables over the codecs. */
import { expect, test } from 'vitest'
import { apiByKey, apis } from '../src/apis.ts'
import { KafkaError, errorMessage, errorName, isRetriable } from '../src/errors.ts'
import {
  coordinatorRecordType,
  decodeCoordinatorKey,
  decodeCoordinatorValue,
  decodeMetadataRecord,
  encodeCoordinatorKey,
  encodeCoordinatorValue,
  encodeMetadataRecord,
  groupRecordByType,
  metadataRecordByApiKey,
  transactionRecordByType,
} from '../src/records-by-type.ts'

test('all live APIs, by key', () => {
  expect(apis.size).toBe(89)
  expect([...apis.keys()].filter((key) => key < 10)).toEqual([0, 1, 2, 3, 8, 9])
  const { name, minVersion, maxVersion, flexibleFrom, listeners } = apiByKey(0)!
  expect({ name, minVersion, maxVersion, flexibleFrom, listeners }).toEqual({
    name: 'Produce',
    minVersion: 3,
    maxVersion: 13,
    flexibleFrom: 9,
    listeners: ['broker'],
  })
  expect([...apis.values()].filter(({ latestVersionUnstable }) => latestVersionUnstable).map(({ key }) => key)).toEqual(
    [22],
  )
  expect(apiByKey(4)).toBeUndefined()
})

test('header versions', () => {
  const headers = (key: number, version: number) => {
    const api = apiByKey(key)!
    return [api.requestHeaderVersion(version), api.responseHeaderVersion(version)]
  }
  expect(headers(0, 8)).toEqual([1, 0])
  expect(headers(0, 9)).toEqual([2, 1])
  expect(headers(18, 2)).toEqual([1, 0])
  // The answer to ApiVersions must be readable before versions are known.
  expect(headers(18, 4)).toEqual([2, 0])
  // Never flexible.
  expect(headers(17, 1)).toEqual([1, 0])
  expect(headers(47, 0)).toEqual([1, 0])
})

test('errors', () => {
  expect(KafkaError.NOT_LEADER_OR_FOLLOWER).toBe(6)
  expect(Object.keys(KafkaError).length).toBe(135)
  expect(errorName(6)).toBe('NOT_LEADER_OR_FOLLOWER')
  expect([isRetriable(6), isRetriable(90)]).toEqual([true, false])
  expect(errorMessage(0)).toBe('Success')
  expect(errorName(9999)).toBe('UNKNOWN_SERVER_ERROR')
})

test('metadata records carry their own framing', () => {
  const value = encodeMetadataRecord('TopicRecord', { name: 'flights', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }, 0)
  // frame 1, api key 2, version 0, compact string of seven letters
  expect([...value.subarray(0, 4)]).toEqual([1, 2, 0, 8])
  expect(decodeMetadataRecord(value)).toMatchObject({
    apiKey: 2,
    name: 'TopicRecord',
    version: 0,
    message: { name: 'flights' },
  })
  expect(metadataRecordByApiKey(3)?.name).toBe('PartitionRecord')
  expect(metadataRecordByApiKey(99)).toBeUndefined()
})

test('coordinator records carry type and version', () => {
  const offset = groupRecordByType(1)!
  const key = encodeCoordinatorKey(offset, { group: 'g', topic: 't', partition: 3 })
  expect([...key]).toEqual([0, 1, 0, 1, 103, 0, 1, 116, 0, 0, 0, 3])
  expect(coordinatorRecordType(key)).toBe(1)
  expect(decodeCoordinatorKey(offset, key)).toEqual({ group: 'g', topic: 't', partition: 3 })
  const value = encodeCoordinatorValue(offset, { offset: 7 }, 3)
  expect([...value.subarray(0, 2)]).toEqual([0, 3])
  expect(decodeCoordinatorValue(offset, value)).toMatchObject({ version: 3, message: { offset: 7 } })
  expect(transactionRecordByType(0)?.value.name).toBe('TransactionLogValue')
})
