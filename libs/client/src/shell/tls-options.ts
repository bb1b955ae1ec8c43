/**
 * `security.protocol` and `ssl.*` as options of Node's TLS.
 *
 * Certificates and keys are PEM, in a property or in a file (KIP-651), or a PKCS#12 key store. Java's own JKS is refused.
 * Without a trust store the roots of the runtime are trusted, as Java trusts its own.
 */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions, SecureVersion } from 'node:tls'
import { clientDefinitions, configError, valueOf } from './definitions.ts'
import { KafkaError } from './errors.ts'
import type { Properties } from './property.ts'

type Read = (name: string) => string | null

/** null: without TLS. */
export function tlsOptions(properties: Properties): ConnectionOptions | null {
  const read: Read = (name) => {
    const value = valueOf(clientDefinitions.admin.get(name)!, properties[name])
    return value === null ? null : String(value)
  }
  if (!/ssl$/i.test(read('security.protocol')!)) return null
  return { ...trusted(read), ...identity(read), ...versions(read), ...endpointCheck(read) }
}

function trusted(read: Read): ConnectionOptions {
  const given = read('ssl.truststore.certificates')
  const location = read('ssl.truststore.location')
  if (given !== null && location !== null)
    throw new KafkaError(
      'InvalidConfigurationException',
      'Both SSL truststore location and separate trust certificates are specified.',
    )
  if (given !== null) return { ca: given }
  if (location === null) return {}
  const store = load('ssl.truststore.location', location)
  if (!isPem(store)) throw unsupported('ssl.truststore.location', location, 'a trust store must be PEM')
  return { ca: store.toString('latin1') }
}

function identity(read: Read): ConnectionOptions {
  const chain = read('ssl.keystore.certificate.chain')
  const key = read('ssl.keystore.key')
  const location = read('ssl.keystore.location')
  const password = read('ssl.key.password')
  const passphrase = password === null ? {} : { passphrase: password }
  if (chain !== null || key !== null) {
    if (location !== null)
      throw new KafkaError(
        'InvalidConfigurationException',
        'Both SSL keystore location and separate private key are specified.',
      )
    if (chain === null || key === null)
      throw new KafkaError(
        'InvalidConfigurationException',
        `SSL ${key === null ? 'private key' : 'certificate chain'} is not specified.`,
      )
    return { cert: chain, key, ...passphrase }
  }
  if (location === null) return {}
  const store = load('ssl.keystore.location', location)
  if (isPem(store)) return { cert: store.toString('latin1'), key: store.toString('latin1'), ...passphrase }
  if (read('ssl.keystore.type')!.toUpperCase() !== 'PKCS12')
    throw unsupported('ssl.keystore.location', location, 'a key store must be PEM or, with ssl.keystore.type, PKCS12')
  const storePassword = read('ssl.keystore.password') ?? password
  return { pfx: store, ...(storePassword !== null && { passphrase: storePassword }) }
}

function load(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new KafkaError('KafkaException', `Failed to load SSL keystore ${path} of ${name}`, { cause })
  }
}

const isPem = (store: Buffer): boolean => store.includes('-----BEGIN ')

function unsupported(name: string, value: string, why: string): KafkaError {
  return configError(name, value, why)
}

function versions(read: Read): ConnectionOptions {
  const enabled = (read('ssl.enabled.protocols') ?? '').split(',').filter((each) => each !== '')
  const known = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'].filter((version) => enabled.includes(version))
  if (known.length === 0) throw configError('ssl.enabled.protocols', enabled.join(','), 'no known protocol')
  const suites = read('ssl.cipher.suites')
  return {
    minVersion: known[0] as SecureVersion,
    maxVersion: known.at(-1) as SecureVersion,
    ...(suites !== null && suites !== '' && { ciphers: suites.replaceAll(',', ':') }),
  }
}

/** Empty: whoever has a trusted certificate may be the broker, whatever it is called. */
function endpointCheck(read: Read): ConnectionOptions {
  const algorithm = read('ssl.endpoint.identification.algorithm')
  return algorithm === null || algorithm === '' ? { checkServerIdentity: () => undefined } : {}
}
