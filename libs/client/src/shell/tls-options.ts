/** `security.protocol` and `ssl.*` as options of Node's TLS. */
import type { ConnectionOptions } from 'node:tls'
import type { Properties } from './property.ts'

/** null: without TLS. */
export function tlsOptions(properties: Properties): ConnectionOptions | null {
  const protocol = String(properties['security.protocol'] ?? 'PLAINTEXT').toUpperCase()
  if (!protocol.endsWith('SSL')) return null
  return {}
}
