/**
 * Who this client is, from its properties: `sasl.mechanism` with `sasl.jaas.config`, whose login modules are Java
 * classes that stand for their options, or with `sasl.username` and `sasl.password`, as librdkafka has them.
 */
import type { NetworkProperties } from '../../config.ts'

export type Mechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

export interface Credentials {
  readonly mechanism: Mechanism
  /** Empty for OAUTHBEARER, whose tokens are asked for. */
  readonly username: string
  readonly password: string
  /** A delegation token (KIP-48): `username` is its id, `password` its HMAC. */
  readonly isToken: boolean
}

const mechanisms: ReadonlySet<string> = new Set(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])

/** null: connections are not authenticated by SASL. Throws when they should be and cannot. */
export function credentialsOf(properties: NetworkProperties): Credentials | null {
  const protocol = properties['security.protocol'].toUpperCase()
  if (!protocol.startsWith('SASL_')) return null
  const mechanism = properties['sasl.mechanism']
  if (!mechanisms.has(mechanism)) throw new RangeError(`sasl.mechanism ${mechanism} is not supported`)
  const options = jaasOptions(properties['sasl.jaas.config'] ?? '')
  const username = properties['sasl.username'] ?? options.get('username') ?? ''
  const password = properties['sasl.password'] ?? options.get('password') ?? ''
  if (mechanism !== 'OAUTHBEARER' && (username === '' || password === '')) {
    throw new RangeError(`sasl.mechanism ${mechanism} needs a user name and a password`)
  }
  const isToken = options.get('tokenauth') === 'true'
  return { mechanism: mechanism as Mechanism, username, password, isToken }
}

/** The options of the first login module: `Class required name="value" …;` */
export function jaasOptions(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  const pattern = /([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))|;/g
  for (const [all, name, double, single, plain] of text.matchAll(pattern)) {
    if (all === ';') break
    options.set(name!, (double ?? single)?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '')
  }
  return options
}
