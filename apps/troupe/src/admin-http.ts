/**
 * The admin endpoint: what the cluster looks like, metrics, and the means to crash, stop and start a broker.
 * For the people of this host: it listens on the loopback address and asks nobody who they are.
 */
import fastify, { type FastifyInstance } from 'fastify'
import type { Cluster } from '@troupe/runtime/cluster'
import { clusterMetrics, clusterStatus } from '@troupe/runtime/cluster-status'
import { renderMetrics } from '@troupe/runtime/prometheus'
import { BrokerNotRunning, NoSuchBroker, type Supervisor } from '@troupe/runtime/supervisor'

export interface AdminOptions {
  readonly cluster: Cluster
  readonly clusterId: string
  readonly supervisor: Supervisor
  readonly host: string
  readonly port: number
}

export interface Admin {
  readonly url: string
  close(): Promise<void>
}

export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = adminServer(options)
  const url = await server.listen({ host: options.host, port: options.port })
  return { url, close: () => server.close() }
}

export function adminServer({ cluster, clusterId, supervisor }: Omit<AdminOptions, 'host' | 'port'>): FastifyInstance {
  const server = fastify({ logger: false, forceCloseConnections: true })
  server.setErrorHandler((error, _request, reply) => {
    const status = statusOf(error)
    void reply.status(status).send({ error: (error as Error).message })
  })
  server.setNotFoundHandler((request, reply) => {
    const allowed = (['GET', 'POST'] as const).filter((method) =>
      server.findRoute({ method, url: routeOf(request.url) }),
    )
    if (allowed.length === 0) return void reply.status(404).send({ error: `there is no ${request.url}` })
    const error = `${request.method} is not allowed here, ${allowed.join(', ')} is`
    return void reply.status(405).header('allow', allowed.join(', ')).send({ error })
  })
  server.get('/v1/cluster', () => clusterStatus(cluster, clusterId))
  server.get('/metrics', async (_request, reply) => {
    const [status, metrics] = await Promise.all([clusterStatus(cluster, clusterId), clusterMetrics(cluster)])
    void reply.type('text/plain; version=0.0.4; charset=utf-8')
    return renderMetrics(status, metrics, process.memoryUsage.rss())
  })
  const action = (name: string, act: (broker: number) => Promise<void> | void): void => {
    server.post<{ Params: { id: string } }>(`/v1/brokers/:id/${name}`, async ({ params }) => {
      const broker = Number(params.id)
      await act(broker)
      return { id: broker, state: cluster.slot(broker)!.state }
    })
  }
  action('crash', (broker) => supervisor.crash(broker))
  action('stop', (broker) => supervisor.stopBroker(broker))
  action('start', (broker) => supervisor.startBroker(broker))
  return server
}

/** The pattern under which a URL's route is registered, for those that have one. */
function routeOf(url: string): string {
  return url.replace(/\?.*$/, '').replace(/^\/v1\/brokers\/[^/]+\//, '/v1/brokers/:id/')
}

function statusOf(error: unknown): number {
  if (error instanceof NoSuchBroker) return 404
  if (error instanceof BrokerNotRunning) return 409
  return (error as { statusCode?: number }).statusCode ?? 500
}
