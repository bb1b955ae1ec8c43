/**
 * What SCRAM needs of cryptography: a synchronous port of the network actor. The shell gives Node's; a simulation, in
 * which nobody has secrets, needs none.
 */

/** RFC 5802 knows SHA-1 too; Kafka does not. */
export type HashName = 'sha1' | 'sha256' | 'sha512'

export interface ClientCrypto {
  hash(name: HashName, bytes: Uint8Array): Uint8Array
  hmac(name: HashName, key: Uint8Array, bytes: Uint8Array): Uint8Array
  /** RFC 5802's Hi: PBKDF2 with HMAC, as long as the hash. */
  pbkdf2(name: HashName, password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array
  /** Printable, without commas, never the same twice. */
  nonce(): string
}
