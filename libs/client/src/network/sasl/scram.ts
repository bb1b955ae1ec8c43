/**
 * SCRAM-SHA-256 and SCRAM-SHA-512, the client's side: shows that it knows the password without sending it, and that the
 * server knows it too. Source: RFC 5802, RFC 7677, KIP-84, KIP-48 (delegation tokens); `ScramSaslClient`.
 */
import { fromBase64, toBase64, utf8 } from './bytes.ts'
import type { ClientCrypto, HashName } from './crypto.ts'

/** Fewer would make a stolen salt and proof cheap to guess from. */
const MIN_ITERATIONS = 4096
/** No channel binding, no other identity to act as. */
const GS2_HEADER = 'n,,'

export interface ScramState {
  readonly hash: HashName
  readonly password: string
  readonly nonce: string
  readonly clientFirstBare: string
  /** The signature by which the server shows itself; null: it is not its turn. */
  serverSignature: string | null
  done: boolean
}

/** What the server said cannot be: no password is shown to it. */
export class ScramRefused extends Error {}

export function startScram(
  hash: HashName,
  credentials: { readonly username: string; readonly password: string; readonly isToken?: boolean },
  nonce: string,
): { state: ScramState; message: Uint8Array } {
  const name = credentials.username.replaceAll('=', '=3D').replaceAll(',', '=2C')
  const clientFirstBare = `n=${name},r=${nonce}${credentials.isToken ? ',tokenauth=true' : ''}`
  const { password } = credentials
  const state = { hash, password, nonce, clientFirstBare, serverSignature: null, done: false }
  return { state, message: utf8(GS2_HEADER + clientFirstBare) }
}

/** The next message, null when the server has said its last. Throws `ScramRefused`. */
export function continueScram(state: ScramState, crypto: ClientCrypto, challenge: Uint8Array): Uint8Array | null {
  const text = new TextDecoder().decode(challenge)
  const fields = new Map(text.split(',').map((field) => [field.slice(0, 1), field.slice(2)]))
  const error = fields.get('e')
  if (error !== undefined) throw new ScramRefused(`the server says ${error}`)
  if (state.serverSignature === null) return prove(state, crypto, text, fields)
  if (fields.get('v') !== state.serverSignature) throw new ScramRefused('invalid server signature')
  state.done = true
  return null
}

function prove(
  state: ScramState,
  crypto: ClientCrypto,
  serverFirst: string,
  fields: ReadonlyMap<string, string>,
): Uint8Array {
  const { hash, clientFirstBare } = state
  const nonce = fields.get('r') ?? ''
  const salt = fromBase64(fields.get('s') ?? '')
  const iterations = Number(fields.get('i'))
  if (!nonce.startsWith(state.nonce) || nonce === state.nonce) throw new ScramRefused('invalid server nonce')
  if (!(iterations >= MIN_ITERATIONS)) throw new ScramRefused(`${fields.get('i')} iterations are too few`)
  if (salt === null || salt.length === 0) throw new ScramRefused('invalid salt')
  const withoutProof = `c=${toBase64(utf8(GS2_HEADER))},r=${nonce}`
  const authMessage = utf8(`${clientFirstBare},${serverFirst},${withoutProof}`)
  const salted = crypto.pbkdf2(hash, utf8(state.password), salt, iterations)
  const clientKey = crypto.hmac(hash, salted, utf8('Client Key'))
  const signature = crypto.hmac(hash, crypto.hash(hash, clientKey), authMessage)
  const proof = clientKey.map((byte, index) => byte ^ signature[index]!)
  const serverKey = crypto.hmac(hash, salted, utf8('Server Key'))
  state.serverSignature = toBase64(crypto.hmac(hash, serverKey, authMessage))
  return utf8(`${withoutProof},p=${toBase64(proof)}`)
}
