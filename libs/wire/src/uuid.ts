/**
 * Kafka's UUIDs in Kafka's own text form: 16 bytes as 22 characters of base64url without padding.
 *
 * They stay strings in memory: they are compared and used as map keys far more often than they are written.
 * Source: `org.apache.kafka.common.Uuid`.
 */
import { WireError } from './wire-error.ts'

export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const SEXTETS = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) SEXTETS[ALPHABET.charCodeAt(i)] = i
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0))

export function bytesToUuid(bytes: Uint8Array, position = 0): string {
  let text = ''
  let any = 0
  for (let i = position; i < position + 15; i += 3) {
    const three = (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2]
    any |= three
    text += String.fromCharCode(
      CODES[three >>> 18],
      CODES[(three >>> 12) & 63],
      CODES[(three >>> 6) & 63],
      CODES[three & 63],
    )
  }
  const last = bytes[position + 15]
  // Most absent ids are zero: hand out the one shared string.
  if ((any | last) === 0) return zeroUuid
  return text + String.fromCharCode(CODES[last >>> 2], CODES[(last & 3) << 4])
}

export function uuidToBytes(uuid: string, target: Uint8Array = new Uint8Array(16), position = 0): Uint8Array {
  if (uuid === zeroUuid) return target.fill(0, position, position + 16)
  if (uuid.length !== 22) throw new WireError(`not a uuid: ${uuid}`)
  let wrong = 0
  for (let i = 0, at = position; i < 20; i += 4, at += 3) {
    const a = sextet(uuid, i)
    const b = sextet(uuid, i + 1)
    const c = sextet(uuid, i + 2)
    const d = sextet(uuid, i + 3)
    wrong |= a | b | c | d
    target[at] = (a << 2) | (b >> 4)
    target[at + 1] = (b << 4) | (c >> 2)
    target[at + 2] = (c << 6) | d
  }
  const a = sextet(uuid, 20)
  const b = sextet(uuid, 21)
  target[position + 15] = (a << 2) | (b >> 4)
  if ((wrong | a | b) < 0) throw new WireError(`not a uuid: ${uuid}`)
  return target
}

function sextet(uuid: string, index: number): number {
  const code = uuid.charCodeAt(index)
  return code < 128 ? SEXTETS[code] : -1
}
