/** Connections: order under pipelining, bounds, and that nobody can hurt anybody else. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message, ReplyToken } from '@troupe/actor'
import { handlers } from '../src/handlers.ts'
import { fetched, randomMessage, scriptActors } from './scripted-actors.ts'
import { apiByKey } from '@troupe/wire/apis'
import { encodeRequest, World } from './world.ts'

const METADATA = { topics: null, allowAutoTopicCreation: false }

function fetchRequest(maxWaitMs: number, offset = 10): object {
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1000 }]
  return { replicaId: -1, maxWaitMs, minBytes: 1, maxBytes: 1000, topics: [{ topic: 'orders', partitions }] }
}

function world(): World {
  const world = new World()
  world.cluster.add('orders')
  scriptActors(world, 1)
  world.on('replica', ({ kind }) => (kind === 'fetch' ? fetched : undefined))
  return world
}

describe('order', () => {
  test('answers leave in the order of the requests, although a later one is ready earlier', () => {
    const w = world()
    w.open(1)
    w.request(1, 1, 4, fetchRequest(500), 10)
    w.request(1, 3, 9, METADATA, 11)
    w.request(1, 18, 0, {}, 12)
    expect(w.hasResponse(1)).toBe(false)
    w.advance(499)
    expect(w.hasResponse(1)).toBe(false)
    w.advance(1)
    expect([w.response(1), w.response(1), w.response(1)].map(({ correlationId }) => correlationId)).toEqual([
      10, 11, 12,
    ])
  })

  test('any interleaving of answers, any number of connections', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ connection: fc.integer({ min: 1, max: 3 }), asks: fc.boolean() }), { maxLength: 25 }),
        fc.infiniteStream(fc.nat()),
        (requests, picks) => {
          const w = world()
          const open: ReplyToken[] = []
          w.on('replica', (message: Message) => void open.push(message.replyTo!))
          for (const connection of [1, 2, 3]) w.open(connection)
          requests.forEach(({ connection, asks }, n) => {
            if (asks) w.request(connection, 2, 5, listOffsets, n)
            else w.request(connection, 3, 9, METADATA, n)
            if (open.length > 2) w.reply(open.splice(picks.next().value % open.length, 1)[0], listed)
          })
          while (open.length > 0) w.reply(open.splice(picks.next().value % open.length, 1)[0], listed)
          for (const connection of [1, 2, 3]) {
            const sent = requests.flatMap((one, n) => (one.connection === connection ? [n] : []))
            expect(sent.map(() => w.response(connection).correlationId)).toEqual(sent)
          }
          expect(w.pendingResponses).toBe(0)
          expect(w.transport.out.size).toBe(0)
        },
      ),
      { numRuns: 60, seed: 7 },
    )
  })

  test('a client that does not wait for answers is held back, and let go when half are answered', () => {
    const w = world()
    const open: ReplyToken[] = []
    w.on('replica', (message: Message) => void open.push(message.replyTo!))
    w.open(1)
    for (let n = 0; n < 65; n++) w.request(1, 2, 5, listOffsets, n)
    expect([...w.transport.muted]).toEqual([1])
    for (let n = 0; n < 32; n++) w.reply(open[n], listed)
    expect([...w.transport.muted]).toEqual([1])
    w.reply(open[32], listed)
    expect([...w.transport.muted]).toEqual([])
  })
})

const listOffsets = { replicaId: -1, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
const listed = { error: 0, offset: 1, timestamp: -1, leaderEpoch: 5 }

describe('what cannot be read ends that one connection', () => {
  test.each([
    ['an unknown key', [3, 231, 0, 0, 0, 0, 0, 1, 255, 255]],
    ['a key of the controller listener', [0, 52, 0, 0, 0, 0, 0, 1, 255, 255, 0]],
    ['a version that is gone', [0, 0, 0, 2, 0, 0, 0, 1, 255, 255]],
    ['a version to come', [0, 3, 0, 99, 0, 0, 0, 1, 255, 255, 0]],
    ['a negative version', [0, 3, 255, 255, 0, 0, 0, 1, 255, 255]],
    ['nothing', []],
    ['half a header', [0, 3, 0]],
    ['a client id longer than the frame', [0, 3, 0, 1, 0, 0, 0, 1, 0, 50, 65]],
    ['an array longer than the frame', [0, 3, 0, 1, 0, 0, 0, 1, 255, 255, 127, 255, 255, 255]],
  ])('%s', (_name, bytes) => {
    const w = world()
    w.open(1)
    w.open(2)
    w.sendBytes(1, Uint8Array.from(bytes))
    expect([...w.transport.closed]).toEqual([1])
    w.request(2, 3, 9, METADATA, 5)
    expect(w.response(2).correlationId).toBe(5)
  })

  test('truncated and corrupted requests of every API: an answer or a closed connection, never more', () => {
    const keys = [...handlers.keys()]
    fc.assert(
      fc.property(
        fc.constantFrom(...keys),
        fc.nat(),
        fc.nat(),
        fc.nat(255),
        fc.boolean(),
        fc.nat(1_000_000),
        (key, versionPick, at, value, truncate, seed) => {
          const { minVersion, maxVersion } = handlers.get(key)!
          const version = minVersion + (versionPick % (maxVersion - minVersion + 1))
          if (key === 22 && version === 6) return
          const name = `${apiByKey(key)!.name}Request`
          let bytes = encodeRequest(key, version, randomMessage(name, version, seed))
          if (truncate) bytes = bytes.slice(0, at % bytes.length)
          else bytes[8 + (at % Math.max(1, bytes.length - 8))] = value
          const w = new World({}, { *logs() {}, path: '/data', sizeOnDisk: () => ({ totalBytes: 1, usableBytes: 1 }) })
          scriptActors(w, 1)
          w.open(1)
          w.open(2)
          w.sendBytes(1, bytes, { key, version })
          w.request(2, 3, 9, METADATA, 99)
          expect(w.response(2).correlationId).toBe(99)
          expect(w.transport.closed.has(2)).toBe(false)
          // It is closed, or it waits for something with an end, or it has its answer (acks=0 has none).
          if (!w.transport.closed.has(1) && w.timerCount === 0 && key !== 0) w.response(1)
        },
      ),
      { numRuns: 600, seed: 11 },
    )
  })
})

test('a lost connection drops what it waited for: watches, timers and buffers', () => {
  const w = world()
  w.open(1)
  w.request(1, 1, 4, fetchRequest(500), 10)
  w.request(1, 3, 9, METADATA, 11)
  expect(w.transport.out.size).toBe(1)
  w.tell({ kind: 'connectionClosed', connection: 1 })
  w.run()
  const watch = w.said.find(({ message }) => message.kind === 'watch')!
  const unwatch = w.said.find(({ message }) => message.kind === 'unwatch')!.message as unknown as { token: ReplyToken }
  expect(unwatch.token).toEqual(watch.message.replyTo)
  expect([w.timerCount, w.state.asks.size, w.transport.out.size]).toEqual([0, 0, 0])
})

test('a frame of a connection that this front never opened closes it', () => {
  const w = world()
  w.sendBytes(7, encodeRequest(18, 0, {}))
  expect([...w.transport.closed]).toEqual([7])
})
