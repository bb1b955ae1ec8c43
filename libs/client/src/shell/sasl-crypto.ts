/** Node's cryptography for SCRAM. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import type { ClientCrypto, HashName } from '../network/sasl/crypto.ts'

const sizes: Readonly<Record<HashName, number>> = { sha1: 20, sha256: 32, sha512: 64 }
const NONCE_BYTES = 24

/** The core knows no Buffers, whose `map` and `slice` are others. */
const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer)

export const saslCrypto: ClientCrypto = {
  hash: (name, bytes) => plain(createHash(name).update(bytes).digest()),
  hmac: (name, key, bytes) => plain(createHmac(name, key).update(bytes).digest()),
  pbkdf2: (name, password, salt, iterations) => plain(pbkdf2Sync(password, salt, iterations, sizes[name], name)),
  nonce: () => randomBytes(NONCE_BYTES).toString('base64url'),
}
