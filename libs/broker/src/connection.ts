/**
 * A client's connection: requests in, responses out in the same order (KIP: the protocol guide's "Network").
 *
 * Requests of one connection may be worked on together; how many is bounded by not reading any further.
 */
import type { Connection, FrontState } from './state.ts'

/** More than this many unanswered requests, and the connection is not read until half of them are answered. */
const MAX_UNANSWERED = 64

export function openConnection(front: FrontState, id: number, remoteAddress: string, listener: string): void {
  front.connections.set(id, { id, remoteAddress, listener, queue: [], muted: false, open: true })
}

/** Holds the client back when it sent more than it may have unanswered. */
export function boundConnection(front: FrontState, connection: Connection): void {
  if (connection.muted || connection.queue.length <= MAX_UNANSWERED) return
  connection.muted = true
  front.env.transport.mute(connection.id)
}

/** Sends what is ready, up to the first request that is not. */
export function flushResponses(front: FrontState, connection: Connection): void {
  if (!connection.open) return
  const { queue } = connection
  let ready = 0
  for (; ready < queue.length && queue[ready].settled; ready++) {
    const { frame } = queue[ready]
    if (frame !== null) front.env.transport.send(connection.id, frame)
  }
  if (ready === 0) return
  if (ready === 1) queue.shift()
  else queue.splice(0, ready)
  if (connection.muted && queue.length <= MAX_UNANSWERED / 2) {
    connection.muted = false
    front.env.transport.unmute(connection.id)
  }
}

/** Ours or the client's wish: what it asked for is dropped, what was encoded goes back to the pool. */
export function forgetConnection(front: FrontState, connection: Connection): void {
  if (!connection.open) return
  connection.open = false
  front.connections.delete(connection.id)
  for (const request of connection.queue) {
    request.abandon()
    if (request.frame !== null) front.env.transport.release(request.frame)
  }
  connection.queue.length = 0
}

export function closeConnection(front: FrontState, connection: Connection): void {
  if (!connection.open) return
  forgetConnection(front, connection)
  front.env.transport.close(connection.id)
}
