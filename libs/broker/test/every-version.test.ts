/** Every API in every version: whatever is asked and answered by the actors, the response can be read at that version. */
import { expect, test } from 'vitest'
import type { LogStore } from '@troupe/log/contract'
import { apiByKey } from '@troupe/wire/apis'
import { zeroUuid } from '@troupe/wire/io'
import { handlers } from '../src/handlers.ts'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../src/topic-names.ts'
import { randomMessage, scriptActors } from './scripted-actors.ts'
import { topicId } from './cluster.ts'
import { World } from './world.ts'

const KNOWN = 'orders'

const logs = {
  path: '/data',
  *logs() {
    yield { directory: '/data/orders-0', sizeInBytes: 12, highWatermark: 3, logEndOffset: 4 }
  },
  sizeOnDisk: () => ({ totalBytes: 1000, usableBytes: 500 }),
} as unknown as LogStore

function newWorld(seed: number, properties: Record<string, string> = {}): World {
  const world = new World({ 'unstable.api.versions.enable': 'true', ...properties }, logs)
  world.cluster.add(KNOWN, 2)
  world.cluster.add(OFFSETS_TOPIC, 3)
  world.cluster.add(TRANSACTION_TOPIC, 3)
  scriptActors(world, seed)
  return world
}

/** Makes random names, ids and partition numbers those of topics that are there, so that the actors are asked. */
function ground(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ground)
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => {
      if (field === 'name' || field === 'topic' || field === 'topicName') return [field, KNOWN]
      if (field === 'topicId') return [field, topicId(1)]
      if (typeof inner === 'number' && /^(partitionIndex|partition|index)$/.test(field)) return [field, 1]
      if (/^partition(s|Indexes)$/.test(field) && Array.isArray(inner) && typeof inner[0] === 'number')
        return [field, [0, 1]]
      if (field === 'sessionEpoch') return [field, 0]
      if (field === 'replicaId') return [field, -1]
      if (field === 'acks') return [field, -1]
      if (field === 'timeoutMs' || field === 'maxWaitMs') return [field, 5000]
      if (field === 'keyType') return [field, 0]
      return [field, ground(inner)]
    }),
  )
}

function boundedWaits(request: Record<string, unknown>): Record<string, unknown> {
  const bounded = { ...request }
  for (const field of ['timeoutMs', 'maxWaitMs']) if (field in request) bounded[field] = 5000
  return bounded
}

function withoutIds(request: Record<string, unknown>): void {
  for (const topic of (request.topics ?? []) as { topicId: string; name: string | null }[]) {
    topic.topicId = zeroUuid
    topic.name ??= KNOWN
  }
}

for (const handler of handlers.values()) {
  const spec = apiByKey(handler.key)!
  test(`${spec.name} ${handler.minVersion}–${handler.maxVersion}`, () => {
    for (let version = handler.minVersion; version <= handler.maxVersion; version++) {
      for (let seed = 1; seed <= 8; seed++) {
        const world = newWorld(seed)
        const random = randomMessage(`${spec.name}Request`, version, seed * 100 + version)
        const request = seed % 4 === 0 ? boundedWaits(random) : (ground(random) as Record<string, unknown>)
        // Without acknowledgement there is nothing to read; ids may be sent by Metadata from v12 on.
        if (request.acks === 0) request.acks = 1
        if (handler.key === 3 && version < 12) withoutIds(request)
        world.open(1)
        world.request(1, handler.key, version, request, seed)
        world.advance(60_000)
        const failed = world.traces.filter(({ event }) => event === 'request.failed' || event === 'request.hung-up')
        expect({ version, seed, failed }).toEqual({ version, seed, failed: [] })
        expect(world.response(1).correlationId).toBe(seed)
        expect([...world.transport.closed]).toEqual([])
        expect(world.transport.out.size).toBe(0)
        expect([world.state.asks.size, world.state.timers.size, world.timerCount]).toEqual([0, 0, 0])
      }
    }
  })

  test(`${spec.name} refused as a whole`, () => {
    for (let version = handler.minVersion; version <= handler.maxVersion; version++) {
      const world = newWorld(1)
      world.scripts.clear()
      for (const actor of ['replica', 'groups', 'transactions', 'controller', 'producer-ids']) {
        world.on(actor, () => ({ kind: 'failed', reason: 'actor-crashed' }))
      }
      world.open(1)
      const request = ground(randomMessage(`${spec.name}Request`, version, version + 5)) as Record<string, unknown>
      world.request(1, handler.key, version, request, 5)
      world.advance(60_000)
      expect(world.response(1).correlationId).toBe(5)
    }
  })

  test(`${spec.name}: a handler that throws answers with an error`, () => {
    for (let version = handler.minVersion; version <= handler.maxVersion; version++) {
      const world = newWorld(1)
      // Nothing of the metadata can be read: sooner or later every handler trips over it.
      Object.defineProperty(world.env, 'cluster', {
        get: () => {
          throw new RangeError('broken on purpose')
        },
      })
      Object.defineProperty(world.env, 'logs', {
        get: () => {
          throw new RangeError('broken on purpose')
        },
      })
      world.on('controller', () => {
        throw new RangeError('not asked')
      })
      world.open(1)
      world.open(2)
      const request = ground(randomMessage(`${spec.name}Request`, version, version + 9)) as Record<string, unknown>
      try {
        world.request(1, handler.key, version, request, 6)
      } catch (error) {
        // Those that only forward ask the controller, which is not the front's failure.
        expect(String(error)).toContain('not asked')
        continue
      }
      if (world.transport.closed.has(1)) expect(handler.failure(request, -1, version)).toBe(null)
      else expect(world.response(1).correlationId).toBe(6)
      expect(world.transport.closed.has(2)).toBe(false)
    }
  })
}
