/** The bus between two brokers: batches, payloads in shared memory, the end of a peer. */
import { MessageChannel } from 'node:worker_threads'
import { setImmediate } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import type { Message, ReplyToken, Slice } from '@troupe/actor'
import { Bus, type BusReceiver } from '../src/bus.ts'

interface End {
  bus: Bus
  received: { actor: string; message: Message & Record<string, unknown> }[]
  replies: { from: number; token: ReplyToken; body: unknown }[]
  downs: number[]
  errors: string[]
  /** Runs while the payloads of a batch are still valid. */
  onBatch: (() => void) | null
}

const ends: End[] = []
afterEach(() => {
  for (const { bus } of ends.splice(0)) for (const peer of [1, 2]) bus.disconnect(peer)
})

function end(broker: number): End {
  const it: Omit<End, 'bus'> = { received: [], replies: [], downs: [], errors: [], onBatch: null }
  const receiver: BusReceiver = {
    message: (actor, message) => it.received.push({ actor, message: message as Message & Record<string, unknown> }),
    reply: (from, token, body) => it.replies.push({ from, token, body }),
    moved() {},
    batchEnd: () => it.onBatch?.(),
    down: (peer) => it.downs.push(peer),
  }
  const made = Object.assign(it, {
    bus: new Bus(
      broker,
      receiver,
      () => {},
      (_error, kind) => it.errors.push(kind),
    ),
  })
  ends.push(made)
  return made
}

function pair(ringBytes: number): [End, End] {
  const [one, two] = [end(1), end(2)]
  const { port1, port2 } = new MessageChannel()
  const [there, back] = [new SharedArrayBuffer(ringBytes), new SharedArrayBuffer(ringBytes)]
  one.bus.connect({ peer: 2, incarnationId: 'two', port: port1, outgoing: there, incoming: back })
  two.bus.connect({ peer: 1, incarnationId: 'one', port: port2, outgoing: back, incoming: there })
  return [one, two]
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 17) & 255)
const sumOf = (data: Uint8Array): number => data.reduce((sum, byte) => (sum * 33 + byte) % 1_000_003, 7)

it('carries messages and answers in order, one batch for each turn', async () => {
  const [one, two] = pair(4096)
  one.bus.send(2, 'a', { kind: 'x', n: 1 } as Message)
  one.bus.reply(2, 'b', 5, 42, { fine: true })
  one.bus.reply(2, 'b', -1, 43, 'plain')
  one.bus.send(2, 'a', { kind: 'x', n: 2 } as Message)
  one.bus.flush()
  await until(() => two.received.length === 2)
  expect(two.received.map(({ message }) => message.n)).toEqual([1, 2])
  expect(two.replies).toEqual([
    { from: 1, token: { broker: 2, actor: 'b', id: 42, incarnation: 5 }, body: { fine: true } },
    { from: 1, token: { broker: 2, actor: 'b', id: 43 }, body: 'plain' },
  ])
  expect(one.bus.statistics).toMatchObject({ batches: 1, messages: 4 })
})

it('keeps every payload whole when the ring is exhausted, and uses the ring again after acknowledgements', async () => {
  const [one, two] = pair(8192)
  const sums: number[] = []
  two.onBatch = () => {
    for (const { message } of two.received.splice(0)) {
      const records = (message.records ?? (message.body as { records: Uint8Array }).records) as Uint8Array
      sums.push(sumOf(records))
    }
    two.bus.flush()
  }
  const expected: number[] = []
  let seed = 0
  for (let turn = 0; turn < 200; turn++) {
    for (let message = 0; message < 1 + (turn % 7); message++) {
      const records = bytes(1 + ((seed * 997) % 6000), seed++)
      expected.push(sumOf(records))
      if (message % 2 === 0) one.bus.send(2, 'a', { kind: 'x', records } as Message)
      else one.bus.send(2, 'a', { kind: 'y', body: { records, other: 1 } } as Message)
      // The sender's buffer is used again at once.
      records.fill(0)
    }
    one.bus.flush()
    if (turn % 5 === 0) await until(() => sums.length === expected.length)
  }
  await until(() => sums.length === expected.length)
  expect(sums).toEqual(expected)
  expect(one.bus.statistics.copiedPayloads).toBeGreaterThan(0)
  expect(one.bus.statistics.copiedPayloads).toBeLessThan(expected.length)
})

it('reads a slice straight into the ring, also one that turns out shorter', async () => {
  const [one, two] = pair(4096)
  const slice: Slice = {
    sizeInBytes: 1000,
    readInto(target, at) {
      target.set(bytes(600, 3), at)
      return 600
    },
  }
  const seen: Uint8Array[] = []
  two.onBatch = () =>
    two.received.splice(0).forEach(({ message }) => seen.push(new Uint8Array(message.records as Uint8Array)))
  one.bus.send(2, 'a', { kind: 'x', records: slice } as unknown as Message)
  one.bus.send(2, 'a', { kind: 'x', records: bytes(10, 4) } as Message)
  one.bus.flush()
  await until(() => seen.length === 2)
  expect(seen).toEqual([bytes(600, 3), bytes(10, 4)])
})

it('copies views that are not the payload, and only those bytes', async () => {
  const [one, two] = pair(4096)
  const pooled = bytes(4000, 1)
  const metadata = pooled.subarray(100, 110)
  const message = { kind: 'x', body: { protocols: [{ name: 'range', metadata }] }, map: new Map([['a', metadata]]) }
  one.bus.send(2, 'a', message as Message)
  const expected = new Uint8Array(metadata)
  pooled.fill(0)
  one.bus.flush()
  await until(() => two.received.length === 1)
  const { body, map } = two.received[0]!.message as never as typeof message
  expect(body.protocols[0]!.metadata).toEqual(expected)
  expect(body.protocols[0]!.metadata.buffer.byteLength).toBe(10)
  expect(map.get('a')).toEqual(expected)
})

it('loses only the message that cannot be cloned', async () => {
  const [one, two] = pair(4096)
  one.bus.send(2, 'a', { kind: 'good', n: 1 } as Message)
  one.bus.send(2, 'a', { kind: 'bad', callback: () => {} } as Message)
  one.bus.send(2, 'a', { kind: 'good', n: 2 } as Message)
  one.bus.flush()
  await until(() => two.received.length === 2)
  expect(two.received.map(({ message }) => message.n)).toEqual([1, 2])
  expect(one.errors).toEqual(['bad'])
})

it('tells when the other end is gone, and again knows it after it returned', async () => {
  const [one, two] = pair(4096)
  two.bus.disconnect(1)
  await until(() => one.downs.length === 1)
  expect(one.bus.isUp(2)).toBe(false)
  one.bus.send(2, 'a', { kind: 'lost' })
  const { port1, port2 } = new MessageChannel()
  const [there, back] = [new SharedArrayBuffer(64), new SharedArrayBuffer(64)]
  one.bus.connect({ peer: 2, incarnationId: 'two', port: port1, outgoing: there, incoming: back })
  two.bus.connect({ peer: 1, incarnationId: 'one', port: port2, outgoing: back, incoming: there })
  one.bus.send(2, 'a', { kind: 'kept' })
  one.bus.flush()
  await until(() => two.received.length === 1)
  expect(two.received[0]!.message.kind).toBe('kept')
})
