/**
 * The front of a broker: its clients' connections and the API handlers behind them.
 *
 * | message          | from                  | effect                                                          |
 * | ---------------- | --------------------- | --------------------------------------------------------------- |
 * | connectionOpened | transport             | remembers the connection                                        |
 * | frame            | transport             | decodes one request and starts its handler (`api/*.ts`)         |
 * | connectionClosed | transport             | drops what the client waited for                                |
 * | timer            | itself                | continues the handler that set it                               |
 * | reply            | any actor it asked    | continues the handler that asked                                |
 *
 * Source of behaviour: Kafka's SocketServer, RequestContext and KafkaApis. What cannot be read, an API that is not
 * there and a version that is not there end the connection, except ApiVersions, which always gets an answer (KIP-511).
 */
import type { ActorDefinition, Reply } from '@troupe/actor'
import { Reader, WireError } from '@troupe/wire/io'
import { apiByKey } from '@troupe/wire/apis'
import { API_VERSIONS, respondUnsupportedVersion } from './api/18-api-versions.ts'
import type { AnyApiHandler } from './api.ts'
import { boundConnection, closeConnection, forgetConnection, openConnection } from './connection.ts'
import { RequestContext } from './context.ts'
import { advertised, handlers, highestVersion } from './handlers.ts'
import { newFrontState, type Connection, type FrontState } from './state.ts'
import type { Frame, FrontEnv, FrontMessage } from './transport.ts'

export const front: ActorDefinition<FrontState, FrontMessage, FrontEnv> = {
  kind: 'front',
  start(_args, env, out) {
    return newFrontState(env, out, advertised(env.config['unstable.api.versions.enable']))
  },
  step(state, message, env, out) {
    state.env = env
    state.out = out
    switch (message.kind) {
      case 'connectionOpened':
        return openConnection(state, message.connection, message.remoteAddress, message.listener)
      case 'frame':
        return onFrame(state, message)
      case 'connectionClosed': {
        const connection = state.connections.get(message.connection)
        if (connection) forgetConnection(state, connection)
        return
      }
      case 'timer':
        return onTimer(state, message.id)
      case 'reply':
        return onReply(state, message)
    }
  },
}

function onFrame(state: FrontState, { connection: id, bytes }: Frame): void {
  const connection = state.connections.get(id)
  // Opened in an earlier life of this actor: what it had asked for is lost, so the client must start anew.
  if (!connection) return state.env.transport.close(id)
  const reader = new Reader(bytes)
  let request: RequestContext | null = null
  try {
    request = readHeader(state, connection, reader)
    if (request === null) return
    request.request = request.spec.decodeRequest(reader, request.version)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    state.out.trace('request.malformed', { connection: id, api: request?.spec.name ?? null, cause: error.message })
    return closeConnection(state, connection)
  }
  connection.queue.push(request)
  boundConnection(state, connection)
  try {
    request.handler.handle(request.request, request)
  } catch (error) {
    request.fail(error)
  }
}

/** Null when the request was dealt with already. */
function readHeader(state: FrontState, connection: Connection, reader: Reader): RequestContext | null {
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  const handler = handlers.get(key)
  const spec = apiByKey(key)
  const supported = handler !== undefined && version >= handler.minVersion && version <= lastVersion(state, handler)
  if (!handler || !spec || (!supported && key !== API_VERSIONS)) {
    state.out.trace('request.unsupported', { connection: connection.id, key, version })
    closeConnection(state, connection)
    return null
  }
  const clientId = reader.nullableString()
  if (!supported) {
    const request = new RequestContext(state, connection, handler, spec, 0, correlationId, clientId)
    connection.queue.push(request)
    respondUnsupportedVersion(request)
    return null
  }
  if (spec.requestHeaderVersion(version) >= 2) reader.unknownTags({})
  return new RequestContext(state, connection, handler, spec, version, correlationId, clientId)
}

/** Versions that Kafka still calls unstable are there only when asked for. */
function lastVersion(state: FrontState, handler: AnyApiHandler): number {
  return highestVersion(handler, state.env.config['unstable.api.versions.enable'])
}

function onTimer(state: FrontState, id: number): void {
  const timer = state.timers.get(id)
  if (!timer) return
  state.timers.delete(id)
  proceed(timer.request, timer.resume)
}

function onReply(state: FrontState, { id, body }: Reply): void {
  const ask = state.asks.get(id)
  if (!ask) return
  state.asks.delete(id)
  proceed(ask.request, () => ask.resume(body))
}

function proceed(request: RequestContext, then: () => void): void {
  if (request.settled) return
  try {
    then()
  } catch (error) {
    request.fail(error)
  }
}
