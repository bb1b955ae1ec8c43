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

/** Unfenced brokers that have this listener, by id. */
export function aliveEndpoints(cluster: ClusterView, listener: string): Endpoint[] {
  const endpoints: Endpoint[] = []
  for (const broker of cluster.brokers.values()) {
    const endpoint = broker.fenced ? null : endpointOf(broker, listener)
    if (endpoint) endpoints.push(endpoint)
  }
  return endpoints.sort((a, b) => a.nodeId - b.nodeId)
}

export function aliveEndpoint(cluster: ClusterView, id: number, listener: string): Endpoint | null {
  const broker = cluster.brokers.get(id)
  return broker && !broker.fenced ? endpointOf(broker, listener) : null
}
