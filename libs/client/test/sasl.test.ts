/**
 * SASL: SCRAM by the vectors of its RFCs, login modules, and the network actor's way from an open connection to one that
 * may be used. Against Apache Kafka: `shell/sasl.test.ts`.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { networkDefaults, type NetworkProperties } from '../src/config.ts'
import { consumerActor } from '../src/consumer.ts'
import { networkActor } from '../src/network.ts'
import { credentialsOf, jaasOptions } from '../src/network/sasl/credentials.ts'
import { continueScram, startScram } from '../src/network/sasl/scram.ts'
import { producerActor } from '../src/producer.ts'
import { saslCrypto } from '../src/shell/sasl-crypto.ts'
import { ProducerStage } from './producer-stage.ts'
import { Stage, type Body } from './stage.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array | null): string | null => data && new TextDecoder().decode(data)

describe('SCRAM', () => {
  const rfc7677 = {
    hash: 'sha256',
    nonce: 'rOprNGfwEbeRWgbNEkqO',
    first: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    final: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    verdict: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  } as const
  const rfc5802 = {
    hash: 'sha1',
    nonce: 'fyko+d2lbbFgONRv9qkxdawL',
    first: 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    final: 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    verdict: 'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  } as const

  test.each([
    ['RFC 7677', rfc7677],
    ['RFC 5802', rfc5802],
  ] as const)('the example of %s', (_, { hash, nonce, first, final, verdict }) => {
    const { state, message } = startScram(hash, { username: 'user', password: 'pencil' }, nonce)
    expect(text(message)).toBe(`n,,n=user,r=${nonce}`)
    expect(text(continueScram(state, saslCrypto, bytes(first)))).toBe(final)
    expect([continueScram(state, saslCrypto, bytes(verdict)), state.done]).toEqual([null, true])
  })

  const start = (): ReturnType<typeof startScram>['state'] =>
    startScram('sha256', { username: 'user', password: 'pencil' }, rfc7677.nonce).state

  test.each([
    ['another nonce', rfc7677.first.replace('rOpr', 'xOpr')],
    ['our own nonce alone', rfc7677.first.replace(/%[^,]*/, '')],
    ['too few iterations', rfc7677.first.replace('4096', '4095')],
    ['no iterations', rfc7677.first.replace('i=', 'x=')],
    ['a salt that is none', rfc7677.first.replace('W22Z', '***')],
    ['an error', 'e=unknown-user'],
  ])('a server that sends %s is shown no proof', (_, first) => {
    expect(() => continueScram(start(), saslCrypto, bytes(first))).toThrow(Error)
  })

  test('a server that does not know the password is not believed', () => {
    const state = start()
    continueScram(state, saslCrypto, bytes(rfc7677.first))
    expect(() => continueScram(state, saslCrypto, bytes('v=AAAA'))).toThrow('invalid server signature')
  })

  test('names are escaped; a delegation token says that it is one', () => {
    const { message } = startScram('sha512', { username: 'a=b,c', password: 'p', isToken: true }, 'n')
    expect(text(message)).toBe('n,,n=a=3Db=2Cc,r=n,tokenauth=true')
  })
})

describe('credentials', () => {
  const of = (properties: Partial<NetworkProperties>): object | null =>
    credentialsOf({ ...networkDefaults, 'security.protocol': 'SASL_SSL', ...properties })

  test('from a login module, with quotes and escapes', () => {
    const config = [
      String.raw`org.example.PlainLoginModule required username="al\"ice" password='s;e=c' debug=true;`,
      'X required username="other";',
    ].join(' ')
    expect([...jaasOptions(config)]).toEqual([
      ['username', 'al"ice'],
      ['password', 's;e=c'],
      ['debug', 'true'],
    ])
    expect(of({ 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': config })).toEqual({
      mechanism: 'PLAIN',
      username: 'al"ice',
      password: 's;e=c',
      isToken: false,
    })
  })

  test('from user name and password; without SASL none', () => {
    const given = { 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': 'u', 'sasl.password': 'p' }
    expect(of(given)).toMatchObject({ username: 'u', password: 'p' })
    expect(of({ ...given, 'security.protocol': 'SSL' })).toBeNull()
  })

  test('none, or a mechanism that is not known, is refused at the start', () => {
    expect(() => of({ 'sasl.mechanism': 'PLAIN' })).toThrow('user name')
    expect(() => of({})).toThrow('GSSAPI')
  })
})

/** What a broker answers to each SaslAuthenticate in turn. */
type Verdict = {
  readonly errorCode?: number
  readonly errorMessage?: string
  readonly says?: string
  readonly ms?: number
}

describe('a connection', () => {
  let stage: Stage
  beforeEach(() => {
    stage = new Stage()
    stage.random = () => 0x8000_0000
    stage.crypto = { ...saslCrypto, nonce: () => 'rOprNGfwEbeRWgbNEkqO' }
    stage.brokers.add('orders', [1, 2])
  })

  function host(mechanism: string, change: object = {}): void {
    const who = { 'sasl.username': 'user', 'sasl.password': 'pencil' }
    const how = { 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': mechanism, ...who, ...change }
    stage.host('network', networkActor, { properties: { 'bootstrap.servers': ['b1:9091'], ...how } })
  }

  function accept(...verdicts: Verdict[]): void {
    stage.next.set('SaslHandshake', [...(stage.next.get('SaslHandshake') ?? []), { errorCode: 0, mechanisms: [] }])
    const answers = verdicts.map(({ errorCode = 0, errorMessage = null, says = '', ms = 0 }) => {
      return { errorCode, errorMessage, authBytes: bytes(says), sessionLifetimeMs: ms }
    })
    stage.next.set('SaslAuthenticate', [...(stage.next.get('SaslAuthenticate') ?? []), ...answers])
  }

  function ask(): number {
    const body = { topics: [] }
    return stage.ask('network', { kind: 'request', to: 'any', api: 3, body, timeoutMs: 5000, channel: 'c' })
  }

  const sent = (): string[] => stage.requests.map(({ name, version }) => `${name} v${version}`)
  const shown = (): (string | null)[] =>
    stage.requests.filter(({ name }) => name === 'SaslAuthenticate').map(({ body }) => text(body.authBytes))

  test('PLAIN: before anything else, and then as ever', () => {
    host('PLAIN')
    accept({})
    expect(stage.answer(ask())).toMatchObject({ kind: 'response' })
    expect(sent()).toEqual(['ApiVersions v4', 'SaslHandshake v1', 'SaslAuthenticate v2', 'Metadata v13'])
    expect(shown()).toEqual(['\0user\0pencil'])
  })

  test('SCRAM-SHA-256: the messages of RFC 7677 over the wire', () => {
    host('SCRAM-SHA-256')
    accept(
      { says: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096' },
      { says: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=' },
    )
    expect(stage.answer(ask())).toMatchObject({ kind: 'response' })
    expect(shown()).toEqual([
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ])
  })

  test('SCRAM: a broker that does not know the password is not talked to', () => {
    host('SCRAM-SHA-256')
    accept(
      { says: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096' },
      { says: 'v=AAAA' },
    )
    expect(stage.answer(ask())).toMatchObject({
      reason: 'authentication-failed',
      detail: 'SCRAM: invalid server signature',
    })
    expect(sent().at(-1)).toBe('SaslAuthenticate v2')
  })

  test('OAUTHBEARER: waits for a token, and sends it with its extensions', () => {
    host('OAUTHBEARER')
    accept({})
    const id = ask()
    expect([stage.tokensAsked, sent().at(-1)]).toEqual([[0], 'SaslHandshake v1'])
    stage.tell('network', { kind: 'oauthToken', id: 7, token: 'of somebody else' } as never)
    stage.tell('network', { kind: 'oauthToken', id: 0, token: 't', extensions: { a: 'b' } } as never)
    stage.run()
    expect(shown()).toEqual(['n,,\u0001auth=Bearer t\u0001a=b\u0001\u0001'])
    expect(stage.answer(id)).toMatchObject({ kind: 'response' })
  })

  test('OAUTHBEARER: refused with a reason in JSON, which is heard out', () => {
    host('OAUTHBEARER')
    accept({ says: '{"status":"invalid_token"}' }, { errorCode: 58, errorMessage: 'invalid_token' })
    const id = ask()
    stage.tell('network', { kind: 'oauthToken', id: 0, token: 't' } as never)
    stage.run()
    expect(shown().at(-1)).toBe('\u0001')
    expect(stage.answer(id)).toMatchObject({ reason: 'authentication-failed', error: 58, detail: 'invalid_token' })
  })

  test('OAUTHBEARER: no token in time, or none at all', () => {
    host('OAUTHBEARER', { 'request.timeout.ms': 3000 })
    accept()
    const late = ask()
    stage.advance(3000)
    expect(stage.answer(late)).toMatchObject({ reason: 'no-connection' })
    accept()
    const none = ask()
    stage.advance(200)
    stage.tell('network', { kind: 'oauthToken', id: 1, token: null, error: 'expired' } as never)
    stage.run()
    expect(stage.answer(none)).toMatchObject({ reason: 'authentication-failed', detail: 'no token: expired' })
  })

  test('refused: everybody who waits hears the words of the broker, and the next one tries again', () => {
    host('PLAIN')
    stage.held.add('SaslHandshake')
    const ids = [ask(), ask()]
    accept({ errorCode: 58, errorMessage: 'Invalid username or password' })
    stage.next.delete('SaslHandshake')
    stage.respond(stage.open('SaslHandshake'), { errorCode: 0, mechanisms: ['PLAIN'] })
    for (const id of ids) {
      const refusal = { reason: 'authentication-failed', error: 58, detail: 'Invalid username or password' }
      expect(stage.answer(id)).toEqual({ kind: 'unanswered', broker: -1, ...refusal })
    }
    stage.held.clear()
    accept({})
    const again = ask()
    stage.advance(100)
    expect(stage.answer(again)).toMatchObject({ kind: 'response' })
  })

  test('a mechanism that the broker does not have', () => {
    host('SCRAM-SHA-512')
    stage.next.set('SaslHandshake', [{ errorCode: 33, mechanisms: ['PLAIN'] }])
    const { error, detail } = stage.answer(ask()) as Body
    expect([error, detail]).toEqual([
      KafkaError.UNSUPPORTED_SASL_MECHANISM,
      'SASL mechanism SCRAM-SHA-512 is not enabled in the broker, which has PLAIN',
    ])
  })

  test('KIP-368: authenticates again before its session ends, and nothing else goes out meanwhile', () => {
    host('PLAIN')
    accept({ ms: 10_000 })
    ask()
    // Between 85 and 95 hundredths of the session.
    stage.advance(8999)
    ask()
    expect(sent().filter((each) => each.startsWith('Sasl'))).toHaveLength(2)
    stage.held.add('Metadata')
    const before = ask()
    stage.advance(1)
    stage.held.add('SaslHandshake')
    const id = ask()
    expect(sent().slice(-2)).toEqual(['Metadata v13', 'SaslHandshake v1'])
    // What was sent before is answered first.
    stage.respondAsBroker(stage.open('Metadata'))
    expect(stage.answer(before)).toMatchObject({ kind: 'response' })
    accept({ ms: 10_000 })
    stage.next.delete('SaslHandshake')
    stage.held.clear()
    stage.respond(stage.open('SaslHandshake'), { errorCode: 0, mechanisms: [] })
    expect(stage.answer(id)).toMatchObject({ kind: 'response' })
    expect(new Set(stage.requests.map(({ connection }) => connection)).size).toBe(1)
  })

  test('a peer that TLS refuses is no connection that was lost', () => {
    host('PLAIN')
    stage.held.add('ApiVersions')
    const id = ask()
    const { connection } = stage.open('ApiVersions')
    stage.tell('network', { kind: 'disconnected', connection, refused: 'SSL: no such certificate' } as never)
    stage.run()
    expect(stage.answer(id)).toMatchObject({ reason: 'authentication-failed', detail: 'SSL: no such certificate' })
  })

  test('a producer fails for good, a consumer says so at every poll', () => {
    host('PLAIN')
    stage.held.add('SaslHandshake')
    stage.host('producer:p', producerActor, { properties: {} })
    stage.host('consumer:c', consumerActor, { properties: {} })
    stage.ask('consumer:c', { kind: 'assign', partitions: [{ topic: 'orders', partition: 0 }] })
    const record = { topic: 'orders', partition: 0, key: null, value: null }
    const sentId = stage.ask('producer:p', { kind: 'send', ...record })
    const polled = stage.ask('consumer:c', { kind: 'poll', timeoutMs: 1000 })
    const ends = stage.ask('consumer:c', { kind: 'endOffsets', partitions: [{ topic: 'orders', partition: 0 }] })
    for (let n = 0; n < 20; n++) {
      const open = stage.requests.find(({ name, answered }) => name === 'SaslHandshake' && !answered)
      if (open === undefined) break
      stage.next.set('SaslAuthenticate', [{ errorCode: 58, errorMessage: 'wrong', authBytes: bytes('') }])
      stage.respond(open, { errorCode: 0, mechanisms: [] })
    }
    expect(stage.answer(sentId)).toMatchObject({ error: 58, detail: 'wrong' })
    expect(stage.answer(polled)).toMatchObject({ error: 58, detail: 'wrong' })
    expect(stage.answer(ends)).toMatchObject({ error: 58, detail: 'wrong' })
  })
})

test('without SASL nothing is shown to anybody', () => {
  const stage = new ProducerStage()
  stage.send(0, 'a')
  expect(stage.count('SaslHandshake')).toBe(0)
})
