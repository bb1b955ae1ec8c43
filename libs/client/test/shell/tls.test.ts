/** TLS: a proxy in front of the broker ends it, so that what is tested is the client's half. */
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Consumer, KafkaError, Producer, serdes, tcpConnector, type Connector, type Properties } from '@troupe/client'
import { Cluster } from '@troupe/tools/cluster'
import { keyPassword, makeCertificates, type Certificates } from './certificates.ts'
import { collect } from './collect.ts'
import { createTopics } from './topics.ts'

let cluster: Cluster
let certificates: Certificates
const proxies: tls.Server[] = []

beforeAll(async () => {
  certificates = makeCertificates()
  cluster = await Cluster.start({ brokers: 1 })
})
afterAll(async () => {
  for (const proxy of proxies) proxy.close()
  await cluster.stop()
  certificates.remove()
})

/** Ends TLS, and hands the bytes on to the broker. */
async function proxy(options: tls.TlsOptions = {}): Promise<number> {
  const broker = Number(cluster.bootstrap.split(':')[1])
  const server = tls.createServer({ ...certificates.broker, ...options }, (socket) => {
    const behind = net.connect(broker, '127.0.0.1')
    socket.pipe(behind).pipe(socket)
    socket.on('error', () => behind.destroy())
    behind.on('error', () => socket.destroy())
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, resolve))
  proxies.push(server)
  return (server.address() as net.AddressInfo).port
}

/** The broker names its own port; everybody is sent to the proxy instead. */
function through(port: number, properties: Properties, host = 'localhost'): Connector {
  const connector = tcpConnector(properties)
  return (deliver) => {
    const transport = connector(deliver)
    return {
      connect: () => transport.connect(host, port),
      send: (connection, frame) => transport.send(connection, frame),
      close: (connection?: number) => transport.close(connection as never),
    }
  }
}

const ssl = (more: Properties = {}): Properties => ({
  'bootstrap.servers': cluster.bootstrap,
  'security.protocol': 'SSL',
  'max.block.ms': 5000,
  ...more,
})

async function roundTrip(properties: Properties, port: number, host?: string): Promise<void> {
  const topic = `tls-${Math.random().toString(36).slice(2)}`
  await createTopics(cluster.bootstrap, [{ name: topic, partitions: 1, replicationFactor: 1 }])
  const connector = through(port, properties, host)
  await using producer = new Producer(properties, { connector })
  const large = 'x'.repeat(300_000)
  await producer.sendBatch(['a', large, 'b'].map((value) => ({ topic, value })))
  await using consumer = new Consumer(
    { ...properties, 'auto.offset.reset': 'earliest' },
    { connector, value: serdes.string },
  )
  consumer.assign([{ topic, partition: 0 }])
  expect((await collect(consumer, 3)).map(({ value }) => value)).toEqual(['a', large, 'b'])
}

async function refused(properties: Properties, port: number, host?: string): Promise<KafkaError> {
  await using producer = new Producer(properties, { connector: through(port, properties, host) })
  return producer.send({ topic: 'never', value: 'v' }).then(
    () => expect.fail('was accepted'),
    (error: KafkaError) => error,
  )
}

test('trusts the certificates of ssl.truststore.certificates', async () => {
  await roundTrip(ssl({ 'ssl.truststore.certificates': certificates.ca }), await proxy())
})

test('trusts the certificates of a PEM file', async () => {
  const location = join(certificates.directory, 'ca.pem')
  await roundTrip(ssl({ 'ssl.truststore.location': location, 'ssl.truststore.type': 'PEM' }), await proxy())
})

test('shows its own certificate to a broker that asks for one', async () => {
  const port = await proxy({ requestCert: true, rejectUnauthorized: true, ca: certificates.ca })
  const own = {
    'ssl.truststore.certificates': certificates.ca,
    'ssl.keystore.certificate.chain': certificates.client.cert,
    'ssl.keystore.key': certificates.client.key,
    'ssl.key.password': keyPassword,
  }
  await roundTrip(ssl(own), port)
})

test('does not trust a stranger', async () => {
  expect(await refused(ssl(), await proxy())).toMatchObject({ name: 'SslAuthenticationException', retriable: false })
})

test('compares the host name, unless ssl.endpoint.identification.algorithm is empty', async () => {
  const port = await proxy()
  const trusting = ssl({ 'ssl.truststore.certificates': certificates.ca })
  expect(await refused(trusting, port, '127.0.0.1')).toMatchObject({ name: 'SslAuthenticationException' })
  await roundTrip({ ...trusting, 'ssl.endpoint.identification.algorithm': '' }, port, '127.0.0.1')
})

test('refuses stores that it cannot read', () => {
  const wrong = (properties: Properties) => () => tcpConnector(ssl(properties))
  expect(wrong({ 'ssl.truststore.location': join(certificates.directory, 'broker.ext') })).toThrow(/must be PEM/)
  expect(wrong({ 'ssl.truststore.location': 'nowhere' })).toThrow(/Failed to load/)
  expect(wrong({ 'ssl.keystore.key': certificates.client.key })).toThrow(/certificate chain is not specified/)
  expect(wrong({ 'ssl.enabled.protocols': 'SSLv2' })).toThrow(/no known protocol/)
  expect(wrong({ 'security.protocol': 'TELNET' })).toThrow(/String must be one of/)
})
