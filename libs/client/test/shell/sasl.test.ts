/** SASL against Apache Kafka: every mechanism, wrong passwords, authenticating again within a connection (KIP-368). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts, startApacheKafka, type ApacheKafka } from '../../../../tools/src/reference/apache-kafka.ts'
import { kafkaClasspath } from '../../../../tools/src/reference/maven.ts'
import type { ClientTransport } from '../../src/transport.ts'
import { ClientNode, Consumer, Producer, tcpConnector, type Connector, type Properties } from '../../src/shell/index.ts'
import { saslCrypto } from '../../src/shell/sasl-crypto.ts'

const classpath = kafkaClasspath()
const modules = 'org.apache.kafka.common.security'
const plainModule = `${modules}.plain.PlainLoginModule required`
const scramModule = `${modules}.scram.ScramLoginModule required`
const bearerModule = `${modules}.oauthbearer.OAuthBearerLoginModule required`
const SASL_HANDSHAKE = 17
const ALTER_USER_SCRAM_CREDENTIALS = 51
/** Short: a connection authenticates again about every two seconds. */
const SESSION_MS = 2500

const directory = mkdtempSync(join(tmpdir(), 'troupe-sasl-'))
let kafka: ApacheKafka
let bootstrap: string

async function createScramUser(name: string, password: string): Promise<void> {
  await using node = new ClientNode({ properties: { 'bootstrap.servers': kafka.bootstrap } })
  const iterations = 4096
  const salt = new TextEncoder().encode('a salt of its own')
  for (const [mechanism, hash] of [
    [1, 'sha256'],
    [2, 'sha512'],
  ] as const) {
    const saltedPassword = saslCrypto.pbkdf2(hash, new TextEncoder().encode(password), salt, iterations)
    const body = { deletions: [], upsertions: [{ name, mechanism, iterations, salt, saltedPassword }] }
    const request = { kind: 'request', to: 'any', api: ALTER_USER_SCRAM_CREDENTIALS, body, timeoutMs: 30_000 }
    const answer = await node.ask<{ body: { results: { errorCode: number }[] } }>('network', request as never)
    expect(answer.body.results.map(({ errorCode }) => errorCode)).toEqual([0])
  }
}

beforeAll(async () => {
  if (typeof classpath !== 'string') return
  const [port] = await freePorts(1)
  bootstrap = `127.0.0.1:${port}`
  kafka = await startApacheKafka({
    classpath,
    directory,
    nodes: 1,
    heap: '256M',
    silent: true,
    listeners: [`SASL://${bootstrap}`],
    properties: {
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'listener.name.sasl.plain.sasl.jaas.config': `${plainModule} user_alice="alice's secret";`,
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${scramModule};`,
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${scramModule};`,
      'listener.name.sasl.oauthbearer.sasl.jaas.config': `${bearerModule} unsecuredLoginStringClaim_sub="broker";`,
      'connections.max.reauth.ms': `${SESSION_MS}`,
    },
  })
  await createScramUser('bo=b,', 'sécret')
}, 60_000)

afterAll(async () => {
  await kafka?.stop('SIGKILL')
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})

const sasl = (mechanism: string, jaas: string): Properties => ({
  'bootstrap.servers': bootstrap,
  'security.protocol': 'SASL_PLAINTEXT',
  'sasl.mechanism': mechanism,
  'sasl.jaas.config': jaas,
})

describe.skipIf(typeof classpath !== 'string')('Apache Kafka', () => {
  test.each([
    ['PLAIN', `${plainModule} username="alice" password="alice's secret";`],
    ['SCRAM-SHA-256', `${scramModule} username="bo=b," password="sécret";`],
    ['SCRAM-SHA-512', `${scramModule} username="bo=b," password="sécret";`],
    ['OAUTHBEARER', `${bearerModule} unsecuredLoginStringClaim_sub="carol";`],
  ])(
    '%s: records there and back',
    async (mechanism, jaas) => {
      const topic = `of-${mechanism}`
      await using producer = new Producer(sasl(mechanism, jaas))
      await producer.send({ topic, value: new TextEncoder().encode('one') })
      await using consumer = new Consumer({
        ...sasl(mechanism, jaas),
        'auto.offset.reset': 'earliest',
        'group.id': topic,
      })
      consumer.subscribe([topic])
      for await (const { value } of consumer) {
        expect(new TextDecoder().decode(value as Uint8Array)).toBe('one')
        break
      }
    },
    60_000,
  )

  test.each([
    ['PLAIN', `${plainModule} username="alice" password="wrong";`, /Invalid username or password/],
    ['SCRAM-SHA-512', `${scramModule} username="bo=b," password="wrong";`, /invalid credentials/i],
    ['SCRAM-SHA-256', `${scramModule} username="nobody" password="wrong";`, /invalid credentials/i],
  ])(
    '%s: a wrong password is refused, in the words of the broker',
    async (mechanism, jaas, words) => {
      await using producer = new Producer(sasl(mechanism, jaas))
      const sent = producer.send({ topic: 'never', value: null })
      await expect(sent).rejects.toMatchObject({ code: 58, retriable: false, message: expect.stringMatching(words) })
      await using consumer = new Consumer({ ...sasl(mechanism, jaas), 'group.id': 'refused' })
      consumer.subscribe(['never'])
      await expect(consumer.poll({ timeoutMs: 20_000 })).rejects.toMatchObject({ code: 58 })
    },
    60_000,
  )

  test('a token of the application', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const expires = Math.floor(Date.now() / 1000) + 600
    let asked = 0
    await using node = new ClientNode({
      properties: sasl('OAUTHBEARER', `${bearerModule};`),
      tokens: () => {
        asked++
        return Promise.resolve(`${part({ alg: 'none' })}.${part({ sub: 'dave', iat: expires - 600, exp: expires })}.`)
      },
    })
    await using producer = new Producer(sasl('OAUTHBEARER', `${bearerModule};`), { node })
    await producer.send({ topic: 'tokens', value: null })
    expect(asked).toBeGreaterThan(0)
  }, 60_000)

  test('a connection authenticates again, and no request is lost by it', async () => {
    const properties = sasl('SCRAM-SHA-256', `${scramModule} username="bo=b," password="sécret";`)
    const handshakes = new Map<number, number>()
    const connector: Connector = (deliver) => {
      const inner = tcpConnector(properties)(deliver)
      const send: ClientTransport['send'] = (connection, frame) => {
        const api = (frame[4]! << 8) | frame[5]!
        if (api === SASL_HANDSHAKE) handshakes.set(connection, (handshakes.get(connection) ?? 0) + 1)
        inner.send(connection, frame)
      }
      return Object.assign(Object.create(inner) as ReturnType<Connector>, {
        connect: inner.connect.bind(inner),
        send,
        close: inner.close.bind(inner),
      })
    }
    await using producer = new Producer(properties, { connector })
    let sent = 0
    while (Math.max(0, ...handshakes.values()) < 3) {
      const { offset } = await producer.send({ topic: 'long', partition: 0, value: null })
      expect(offset).toBe(sent++)
    }
    // Nothing was sent over another connection.
    expect([...handshakes.values()].filter((count) => count >= 3)).toHaveLength(1)
  }, 60_000)
})
