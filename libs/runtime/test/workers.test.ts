/** Brokers in real worker threads: crash, endless loop, replacement, permissions. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { resolveBrokerConfig } from '@troupe/config'
import { Cluster } from '../src/cluster.ts'
import type { Report } from '../src/control.ts'
import { Supervisor } from '../src/supervisor.ts'

// The machine may be busy; nothing here waits for time to pass.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const root = mkdtempSync(join(tmpdir(), 'troupe-runtime-test-'))
const ids = [1, 2, 3]
const reports: Report[] = []
const logged: { event: string; fields: Record<string, unknown> }[] = []
const givenUp: number[] = []
let cluster: Cluster
let supervisor: Supervisor

beforeAll(async () => {
  const directory = (broker: number): string => join(root, `broker-${broker}`)
  for (const id of ids) mkdirSync(directory(id))
  cluster = new Cluster({
    brokers: ids.map((broker) => ({ broker, directory: directory(broker) })),
    onReports: (more) => reports.push(...more),
    assembly: new URL('./toy-assembly.ts', import.meta.url).href,
  })
  for (const slot of cluster.slots.values()) cluster.launch(slot)
  const { config } = resolveBrokerConfig(new Map())
  const anyPort = [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }]
  cluster.configure({
    config: () => config,
    clusterId: 'toy',
    listeners: () => anyPort,
    advertised: () => anyPort,
    level: 'debug',
  })
  await Promise.all([...cluster.slots.values()].map((slot) => cluster.boot(slot)))
  await Promise.all([...cluster.slots.values()].map((slot) => cluster.ready(slot)))
  supervisor = new Supervisor({
    cluster,
    // Long enough that a busy machine is not taken for an endless loop.
    watchdogMs: 3000,
    budget: { restarts: 5, windowMs: 600_000, firstPauseMs: 1, longestPauseMs: 10 },
    log: (_level, event, fields) => logged.push({ event, fields }),
    onGiveUp: (broker) => givenUp.push(broker),
  })
  supervisor.start()
})

afterAll(async () => {
  await supervisor.release()
  for (const { process } of cluster.slots.values()) await process?.terminate()
  rmSync(root, { recursive: true })
})

/** One request on a connection of its own; null when the broker hung up. */
function request(broker: number, body: string | Uint8Array): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const bytes = Buffer.from(body)
  const socket = net.connect(cluster.slot(broker)!.listeners[0]!.port, '127.0.0.1', () => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    socket.write(Buffer.concat([length, bytes]))
  })
  let received = Buffer.alloc(0) as Buffer
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length >= 4 && received.length === 4 + received.readUInt32BE(0)) {
      resolve(received.subarray(4).toString())
      socket.destroy()
    }
  })
  socket.on('error', () => resolve(null))
  socket.on('close', () => resolve(null))
  return promise
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}

const startsOf = (broker: number): number => cluster.slot(broker)!.starts
const isBack = (broker: number, starts: number) => (): boolean =>
  startsOf(broker) === starts && cluster.slot(broker)!.state === 'running'

describe('brokers in workers', () => {
  it('answer on their own ports and reach each other', async () => {
    const ports = new Set([...cluster.slots.values()].map(({ listeners }) => listeners[0]!.port))
    expect(ports.size).toBe(3)
    expect(await request(2, 'echo hello')).toBe('hello')
    const large = Buffer.alloc(3_000_000, 'x')
    large.write('sum 3 ')
    const expected = large.reduce((total, byte) => (total * 33 + byte) % 1_000_003, 7)
    const answers = await Promise.all(Array.from({ length: 8 }, () => request(1, large)))
    for (const answer of answers) expect(JSON.parse(answer!)).toEqual({ sum: expected, by: 3 })
    const { busCopiedPayloads, busPayloadBytes } = await cluster.slot(1)!.process!.remote.metrics()
    // Eight times 3 MB are more than the ring: some found room, others went as copies.
    expect(busPayloadBytes).toBe(8 * large.length)
    expect(busCopiedPayloads).toBeLessThan(8)
  })

  it('may write their own directory only, and may load native addons', async () => {
    expect(await request(1, 'write mine')).toBe('written')
    expect(await request(1, 'write ../broker-2/yours')).toBe('ERR_ACCESS_DENIED')
    expect(await request(1, 'write ../../elsewhere')).toBe('ERR_ACCESS_DENIED')
    expect(existsSync(join(root, 'broker-1/mine'))).toBe(true)
    expect(existsSync(join(root, 'broker-2/yours'))).toBe(false)
    expect(await request(1, 'addon')).toBe('e3069283')
  })

  it('make files durable through the sync thread', async () => {
    const answers = await Promise.all([1, 2, 3].map((broker) => request(broker, 'sync')))
    expect(answers).toEqual(['EBADF durable', 'EBADF durable', 'EBADF durable'])
  })

  it('an actor that throws fails whoever asked, also on another broker, and is back at once', async () => {
    expect(JSON.parse((await request(1, 'throw 2'))!)).toEqual({ kind: 'failed', reason: 'actor-crashed' })
    expect(JSON.parse((await request(1, 'sum 2 abc'))!)).toMatchObject({ by: 2 })
    await until(() => reports.some(({ event, broker }) => event === 'actor-restarted' && broker === 2))
    expect(startsOf(2)).toBe(1)
  })

  it('a worker that crashes fails what was asked of it, is known to be down everywhere, and is replaced', async () => {
    const hanging = request(1, 'hang 2')
    // The question has reached broker 2 when a later one from the same broker is answered.
    await request(1, 'sum 2 x')
    const port = cluster.slot(2)!.listeners[0]!.port
    await supervisor.crash(2)
    expect(JSON.parse((await hanging)!)).toEqual({ kind: 'failed', reason: 'broker-down' })
    for (const other of [1, 3]) expect(JSON.parse((await request(other, 'downs'))!)).toEqual([2])
    await until(isBack(2, 2))
    expect(cluster.slot(2)!.listeners[0]!.port).toBe(port)
    for (const asked of [1, 3]) expect(JSON.parse((await request(asked, 'sum 2 abc'))!)).toMatchObject({ by: 2 })
    for (const asked of [1, 3]) expect(JSON.parse((await request(2, `sum ${asked} abc`))!)).toMatchObject({ by: asked })
  })

  it('an error that nobody catches ends the worker, which is replaced', async () => {
    expect(await request(3, 'uncaught')).toBe(null)
    await until(isBack(3, 2))
    expect(await request(3, 'echo again')).toBe('again')
    const { fields } = logged.find(({ event, fields }) => event === 'broker-worker-ended' && fields.broker === 3)!
    expect(fields.reason).toContain('nobody catches this')
  })

  it('an endless loop is noticed and its worker replaced', async () => {
    expect(await request(3, 'loop')).toBe(null)
    await until(isBack(3, 3))
    expect(await request(3, 'echo free')).toBe('free')
    expect(logged.some(({ fields }) => fields.reason === 'its event loop does not turn')).toBe(true)
  })

  it('an actor that keeps failing ends its worker, which is replaced', async () => {
    const starts = startsOf(1)
    await until(async () => {
      await request(2, 'throw 1')
      return startsOf(1) > starts
    })
    await until(isBack(1, starts + 1))
    expect(reports.some(({ event }) => event === 'actor-given-up')).toBe(true)
    expect(JSON.parse((await request(2, 'sum 1 abc'))!)).toMatchObject({ by: 1 })
  })

  it('a broker that is stopped closes cleanly, stays away, and comes back when it is started', async () => {
    const starts = startsOf(2)
    await supervisor.stopBroker(2)
    expect(cluster.slot(2)!.state).toBe('stopped')
    expect(existsSync(join(root, 'broker-2/clean'))).toBe(true)
    expect(JSON.parse((await request(1, 'sum 2 abc'))!)).toEqual({ kind: 'failed', reason: 'broker-down' })
    expect(await request(2, 'echo x')).toBe(null)
    expect(startsOf(2)).toBe(starts)
    supervisor.startBroker(2)
    await until(isBack(2, starts + 1))
    expect(await request(2, 'echo x')).toBe('x')
  })

  it('a worker that keeps ending uses up its budget', async () => {
    while (givenUp.length === 0) {
      const starts = startsOf(3)
      await cluster.slot(3)!.process!.terminate()
      await until(() => givenUp.length > 0 || isBack(3, starts + 1)())
    }
    expect(givenUp).toEqual([3])
    expect(cluster.slot(3)!.state).toBe('failed')
    // Two of its ends were in the tests before this one.
    expect(startsOf(3)).toBe(6)
  })
})
