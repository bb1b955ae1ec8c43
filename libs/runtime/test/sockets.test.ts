/** Real sockets: frames in pieces, limits, backpressure, closing. */
import net from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { chooseAdapter, dataAdapter, onreadAdapter, selfTest, type AcceptAdapter } from '../src/onread.ts'
import { Sockets, type SocketLimits } from '../src/sockets.ts'
import { Turn } from '@troupe/actor/host/turn.node'

// The machine may be busy; nothing here waits for time to pass.
vi.setConfig({ testTimeout: 60_000 })

const open: Sockets[] = []
const clients: net.Socket[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
  for (const sockets of open.splice(0)) {
    sockets.stopListening()
    sockets.closeAll('test is over')
  }
})

type OnFrame = (sockets: Sockets, connection: number, bytes: Uint8Array) => void

/** Echoes each frame. */
const echo: OnFrame = (sockets, connection, bytes) => {
  const frame = sockets.acquire(4 + bytes.length).subarray(0, 4 + bytes.length)
  new DataView(frame.buffer, frame.byteOffset).setUint32(0, bytes.length)
  frame.set(bytes, 4)
  sockets.send(connection, frame)
}

async function server(
  adapter: AcceptAdapter,
  onFrame: OnFrame = echo,
  limits: Partial<SocketLimits> = {},
  serving = true,
) {
  const turn = new Turn()
  const log: string[] = []
  const sockets: Sockets = new Sockets({
    adapter,
    limits: {
      maxFrameBytes: 3_000_000,
      maxConnections: 100,
      maxConnectionsPerIp: 100,
      maxIdleMs: 600_000,
      backlog: 50,
      ...limits,
    },
    now: () => Date.now(),
    deliver: (message) => {
      if (message.kind === 'frame') onFrame(sockets, message.connection, message.bytes)
      else log.push(`${message.kind} ${message.connection}`)
    },
    wake: turn.wake,
    trace() {},
  })
  turn.atEnd(() => sockets.flush())
  open.push(sockets)
  if (serving) sockets.serve()
  const [address] = await sockets.listen([{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }])
  return { sockets, log, port: address!.port }
}

/** A client that collects the frames it gets. */
async function client(port: number) {
  const socket = net.connect(port, '127.0.0.1')
  clients.push(socket)
  const state = {
    socket,
    frames: [] as Buffer[],
    closed: false,
    until: (_condition: () => boolean) => Promise.resolve(),
  }
  let rest: Buffer = Buffer.alloc(0)
  const wakers: (() => void)[] = []
  const woken = (): void => wakers.splice(0).forEach((wake) => wake())
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0)
      state.frames.push(rest.subarray(4, end))
      rest = rest.subarray(end)
    }
    woken()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    state.closed = true
    woken()
  })
  state.until = async (condition) => {
    while (!condition()) await new Promise<void>((resolve) => wakers.push(resolve))
  }
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return state
}

const framed = (body: Uint8Array): Buffer => {
  const frame = Buffer.alloc(4 + body.length)
  frame.writeUInt32BE(body.length)
  frame.set(body, 4)
  return frame
}
const body = (length: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7 + seed) & 255))

it('this Node passes the self-test of the fast adapter', async () => {
  expect(await chooseAdapter()).toEqual({ adapter: onreadAdapter, name: 'onread' })
  expect(await selfTest(dataAdapter)).toBe(true)
})

it('an adapter that does not deliver fails the self-test', async () => {
  const broken: AcceptAdapter = (accepted) => ({ socket: accepted.destroy(), resumeReading() {} })
  expect(await selfTest(broken)).toBe(false)
})

describe.each([
  ['onread', onreadAdapter],
  ['data', dataAdapter],
])('sockets over %s', (_name, adapter) => {
  it('joins frames that arrive in pieces and answers in order', async () => {
    const { port } = await server(adapter)
    const { socket, frames, until } = await client(port)
    const bodies = [0, 1, 5, 300_000, 2_500_000, 10, 262_140, 262_144, 70_000].map((length, seed) => body(length, seed))
    const stream = Buffer.concat(bodies.map(framed))
    for (let at = 0, step = 1; at < stream.length; at += step, step = (step * 7) % 65_521 || 1) {
      if (!socket.write(stream.subarray(at, at + step)))
        await new Promise<void>((resolve) => socket.once('drain', () => resolve()))
    }
    await until(() => frames.length === bodies.length)
    frames.forEach((frame, index) => expect(frame.equals(bodies[index]!)).toBe(true))
  })

  it('reads nothing before it is told to serve', async () => {
    const { port, sockets } = await server(adapter, echo, {}, false)
    const { socket, frames, until } = await client(port)
    socket.write(framed(body(10, 1)))
    await until(() => sockets.statistics().accepted === 1)
    // The loop turns often enough for a read that was under way.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(sockets.statistics().frames).toBe(0)
    sockets.serve()
    await until(() => frames.length === 1)
  })

  it('keeps apart what many connections send at once', async () => {
    const { port, sockets } = await server(adapter)
    const all = await Promise.all(Array.from({ length: 8 }, () => client(port)))
    all.forEach(({ socket }, who) => {
      for (let message = 0; message < 50; message++) {
        const frame = framed(body(10 + ((who * 7919 + message * 104_729) % 40_000), who))
        socket.write(frame.subarray(0, 7))
        socket.write(frame.subarray(7))
      }
    })
    await Promise.all(all.map(({ until, frames }) => until(() => frames.length === 50)))
    all.forEach(({ frames }, who) => {
      frames.forEach((frame, message) => {
        expect(frame.equals(body(10 + ((who * 7919 + message * 104_729) % 40_000), who))).toBe(true)
      })
    })
    expect(sockets.statistics()).toMatchObject({ connections: 8, frames: 400 })
    expect(sockets.pool.used).toBe(0)
  })

  it('a frame that is too large, or negative, ends its own connection only', async () => {
    const { port, log } = await server(adapter)
    const [good, large, negative] = await Promise.all([client(port), client(port), client(port)])
    large.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]))
    negative.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
    await Promise.all([large.until(() => large.closed), negative.until(() => negative.closed)])
    good.socket.write(framed(body(9, 9)))
    await good.until(() => good.frames.length === 1)
    expect(log.filter((line) => line.startsWith('connectionClosed'))).toHaveLength(2)
  })

  it('tells that a client left in the middle of a frame, and gives its buffer back', async () => {
    const { port, log, sockets } = await server(adapter)
    const { socket } = await client(port)
    socket.end(framed(body(100_000, 1)).subarray(0, 50_000))
    while (!log.includes('connectionClosed 1')) await new Promise((resolve) => setImmediate(resolve))
    expect(sockets.pool.used).toBe(0)
    expect(sockets.statistics().connections).toBe(0)
  })

  it('mute holds back the frames behind, unmute brings them', async () => {
    const seen: number[] = []
    const { port, sockets } = await server(adapter, (server, connection, bytes) => {
      seen.push(bytes[0]!)
      server.mute(connection)
    })
    const { socket } = await client(port)
    socket.write(Buffer.concat([1, 2, 3].map((seed) => framed(body(100, seed)))))
    const untilSeen = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise((resolve) => setImmediate(resolve))
    }
    await untilSeen(1)
    socket.write(framed(body(600_000, 4)))
    for (let count = 1; count <= 4; count++) {
      await untilSeen(count)
      expect(seen).toHaveLength(count)
      sockets.unmute(1)
    }
    expect(seen).toEqual([1, 2, 3, 4])
  })

  it('does not read from a client that does not read its answers', async () => {
    let frames = 0
    const answer = 300_000
    const { port } = await server(adapter, (server, connection) => {
      frames++
      const frame = server.acquire(4 + answer).subarray(0, 4 + answer)
      new DataView(frame.buffer, frame.byteOffset).setUint32(0, answer)
      server.send(connection, frame)
    })
    const slow = await client(port)
    slow.socket.pause()
    const asked = 120
    // Larger than all the socket buffers between us.
    for (let message = 0; message < asked; message++) slow.socket.write(framed(body(50_000, message)))
    let before = -1
    // Frames stop arriving although most of them are on their way.
    while (before !== frames || frames === 0) {
      before = frames
      await Promise.all(
        Array.from({ length: 1 }, async () => {
          const probe = await client(port)
          probe.socket.destroy()
        }),
      )
    }
    expect(frames).toBeLessThan(asked)
    slow.socket.resume()
    await slow.until(() => slow.frames.length === asked)
    expect(frames).toBe(asked)
  })

  it('close lets the answer out first', async () => {
    const { port } = await server(adapter, (server, connection, bytes) => {
      echo(server, connection, bytes)
      server.close(connection)
    })
    const last = await client(port)
    last.socket.write(framed(body(200_000, 1)))
    await last.until(() => last.closed)
    expect(last.frames).toHaveLength(1)
  })

  it('refuses more connections than max.connections', async () => {
    const { port, sockets } = await server(adapter, echo, { maxConnections: 2 })
    const first = await Promise.all([client(port), client(port)])
    const third = await client(port)
    await third.until(() => third.closed)
    expect(sockets.statistics()).toMatchObject({ connections: 2, refused: 1 })
    first[0]!.socket.write(framed(body(3, 3)))
    await first[0]!.until(() => first[0]!.frames.length === 1)
  })
})
