/**
 * Accepts connections whose bytes are read straight into buffers of ours.
 *
 * Node offers that (`onread`) for outgoing sockets only. The accepted handle is therefore put under a socket of our
 * own making; `_handle` and `_server` are private, which is why this is one file with a self-test and a fallback to
 * 'data' events, where the bytes are copied once more.
 */
import net from 'node:net'

export interface ReadTarget {
  /** Where the next bytes go. */
  buffer(): Uint8Array
  /** `length` bytes are there now. False: read no more until `resumeReading`. */
  received(length: number): boolean
}

export interface ReadingSocket {
  readonly socket: net.Socket
  resumeReading(): void
}

/** Puts a freshly accepted socket (of a server with `pauseOnConnect`) on a target. */
export type AcceptAdapter = (accepted: net.Socket, server: net.Server, target: ReadTarget) => ReadingSocket

interface PrivateSocket extends net.Socket {
  _handle: unknown
  _server: net.Server | null
  server: net.Server | null
}

export const onreadAdapter: AcceptAdapter = (accepted, server, target) => {
  const from = accepted as PrivateSocket
  const options = {
    handle: from._handle,
    // Or it would read at once: a broker that has just started must not answer before it knows the cluster.
    manualStart: true,
    onread: { buffer: () => target.buffer(), callback: (length: number) => target.received(length) },
  }
  const socket = new net.Socket(options as net.SocketConstructorOpts) as PrivateSocket
  from._handle = null
  // The server counts its connections down when the socket it knows closes.
  from.server = from._server = null
  socket.server = socket._server = server
  return { socket, resumeReading: () => void socket.read(0) }
}

export const dataAdapter: AcceptAdapter = (socket, _server, target) => {
  let rest: Uint8Array | null = null
  const give = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length;) {
      const buffer = target.buffer()
      const length = Math.min(buffer.length, chunk.length - at)
      buffer.set(chunk.subarray(at, at + length))
      at += length
      if (target.received(length)) continue
      rest = chunk.subarray(at)
      socket.pause()
      return
    }
  }
  socket.on('data', give)
  const resumeReading = (): void => {
    const pending = rest
    rest = null
    if (pending !== null) give(pending)
    if (rest === null) socket.resume()
  }
  return { socket, resumeReading }
}

/** Tries the fast adapter on a loopback connection: both directions, pausing, and the server's closing. */
export async function chooseAdapter(): Promise<{ adapter: AcceptAdapter; name: 'onread' | 'data' }> {
  try {
    if (await selfTest(onreadAdapter)) return { adapter: onreadAdapter, name: 'onread' }
  } catch {
    // Any surprise means that this Node's private parts are others than we know.
  }
  return { adapter: dataAdapter, name: 'data' }
}

const selfTestLimitMs = 1000

export function selfTest(adapter: AcceptAdapter): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const window = new Uint8Array(4)
  const sent = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const seen: number[] = []
  let reading: ReadingSocket | null = null
  const target: ReadTarget = {
    buffer: () => window,
    received: (length) => {
      seen.push(...window.subarray(0, length))
      if (seen.length === 4) setImmediate(() => reading?.resumeReading())
      if (seen.length === sent.length) reading?.socket.write(Uint8Array.from(seen))
      return seen.length !== 4
    },
  }
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
    reading = adapter(accepted, server, target)
    reading.socket.on('error', () => finish(false))
    reading.resumeReading()
  })
  const limit = setTimeout(() => finish(false), selfTestLimitMs)
  let client: net.Socket | null = null
  const finish = (passed: boolean): void => {
    clearTimeout(limit)
    client?.destroy()
    reading?.socket.destroy()
    server.close()
    resolve(passed)
  }
  server.on('error', () => finish(false))
  server.listen(0, '127.0.0.1', () => {
    let echoed = 0
    client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1', () => client?.write(sent))
    client.on('error', () => finish(false))
    client.on('data', (chunk) => {
      echoed += chunk.length
      if (echoed !== sent.length) return
      // The server must notice that its last connection has gone.
      server.close(() => finish(seen.every((byte, index) => byte === sent[index])))
      client?.end()
      reading?.socket.end()
    })
  })
  return promise
}
