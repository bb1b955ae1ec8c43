/** Where clients reach brokers: always by the listener that the client itself came in on. */
import type { BrokerView, ClusterView } from '@troupe/actor'

export interface Endpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export function endpointOf(broker: BrokerView, listener: string): Endpoint | null {
  const endpoint = broker.listeners.find(({ name }) => name === listener)
  return endpoint ? { nodeId: broker.id, host: endpoint.host, port: endpoint.port, rack: broker.rack } : null
}

/**
 * The brokers that Metadata names: those that are alive, and those that were lost less than `sessionTimeoutMs` ago.
 *
 * Here a crash is known, and mended, within a moment; in Kafka the session of the dead broker would still run and clients
 * would still be told of it. They are used to that. To see brokers go and come several times a minute they are not:
 * librdkafka takes one that is not named apart, and while that lasts it cannot take it back.
 */
export function listedEndpoints(
  cluster: ClusterView,
  listener: string,
  now: number,
  sessionTimeoutMs: number,
): Endpoint[] {
  const endpoints: Endpoint[] = []
  for (const broker of cluster.brokers.values()) {
    const listed = !broker.fenced || now - (cluster.lostAt.get(broker.id) ?? -Infinity) < sessionTimeoutMs
    const endpoint = listed ? endpointOf(broker, listener) : null
    if (endpoint) endpoints.push(endpoint)
  }
  return endpoints.sort((a, b) => a.nodeId - b.nodeId)
}

export function aliveEndpoint(cluster: ClusterView, id: number, listener: string): Endpoint | null {
  const broker = cluster.brokers.get(id)
  return broker && !broker.fenced ? endpointOf(broker, listener) : null
}
