/** ApiVersions says what is there, to clients of every age. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { apiByKey } from '@troupe/wire/apis'
import { KafkaError } from '@troupe/wire/errors'
import { handlers } from '../src/handlers.ts'
import { encodeRequest, World } from './world.ts'

const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

test('every file in api/ is a key, and ApiVersions lists exactly those', () => {
  const files = readdirSync(new URL('../src/api', import.meta.url)).map((name) => Number(name.slice(0, 2)))
  expect([...handlers.keys()].sort((a, b) => a - b)).toEqual(files.sort((a, b) => a - b))
  const { apiKeys } = new World().ask(18, 4, software)
  expect(apiKeys.map(({ apiKey }: { apiKey: number }) => apiKey)).toEqual(files)
})

test('each API has the full range of Kafka 4.3, Produce from 0 on (KAFKA-18659), InitProducerId v6 hidden', () => {
  const { apiKeys } = new World().ask(18, 3, software)
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    const spec = apiByKey(apiKey)!
    const range = [apiKey === 0 ? 0 : spec.minVersion, apiKey === 22 ? 5 : spec.maxVersion]
    expect([spec.name, minVersion, maxVersion]).toEqual([spec.name, ...range])
  }
})

test('unstable versions are there when enabled', () => {
  const world = new World({ 'unstable.api.versions.enable': 'true' })
  const { apiKeys } = world.ask(18, 4, software)
  expect(apiKeys.find(({ apiKey }: { apiKey: number }) => apiKey === 22).maxVersion).toBe(6)
})

test('InitProducerId v6 ends the connection while it is unstable', () => {
  const world = new World()
  world.open(1)
  world.request(1, 22, 6, { transactionalId: null, transactionTimeoutMs: 1000 })
  expect(world.transport.closed.has(1)).toBe(true)
})

test('the response header is v0 even where the body is flexible: byte 8 is the error code', () => {
  const world = new World()
  world.open(1)
  world.request(1, 18, 3, software, 0x01020304)
  const [frame] = world.transport.frames.get(1)!
  expect([...frame.subarray(4, 8)]).toEqual([1, 2, 3, 4])
  expect([frame[8], frame[9]]).toEqual([0, 0])
  // A compact array of n elements begins with n + 1.
  expect(frame[10]).toBe(handlers.size + 1)
})

test('an unknown version is answered in v0 with UNSUPPORTED_VERSION and our range of this API', () => {
  const world = new World()
  world.open(1)
  const bytes = encodeRequest(18, 4, software, 77)
  bytes[3] = 99
  world.sendBytes(1, bytes, { key: 18, version: 99 })
  const { correlationId, body } = world.response(1, 0)
  expect(correlationId).toBe(77)
  expect(body.errorCode).toBe(KafkaError.UNSUPPORTED_VERSION)
  expect(body.apiKeys).toEqual([expect.objectContaining({ apiKey: 18, minVersion: 0, maxVersion: 4 })])
  expect([...world.transport.closed]).toEqual([])
})

test('features: those with a lowest level of 0 from v4 on only; finalised ones with the metadata offset', () => {
  const world = new World()
  const v3 = world.ask(18, 3, software)
  const v4 = world.ask(18, 4, software)
  expect(v3.supportedFeatures.map(({ name }: { name: string }) => name)).toEqual(['metadata.version'])
  expect(v4.supportedFeatures).toContainEqual(expect.objectContaining({ name: 'transaction.version', minVersion: 0 }))
  expect(v4.finalizedFeaturesEpoch).toBe(100)
  expect(v4.finalizedFeatures).toContainEqual(
    expect.objectContaining({ name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 }),
  )
})

test('a client software name that is no word is INVALID_REQUEST', () => {
  const { errorCode } = new World().ask(18, 3, { clientSoftwareName: '-bad', clientSoftwareVersion: '1' })
  expect(errorCode).toBe(KafkaError.INVALID_REQUEST)
})
