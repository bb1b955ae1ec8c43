/**
 * UTF-8. Most texts of keys and values are short and ASCII: then a loop costs less than the call of the platform's
 * encoder, and the bytes lie in the JavaScript heap, where the garbage collector has little to do with them.
 */
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** V8 keeps typed arrays up to this size in its own heap. */
const SHORT_BYTES = 64
/** From here on the decoder is faster. */
const SHORT_CHARACTERS = 8

export function encodeText(text: string): Uint8Array {
  const { length } = text
  if (length > SHORT_BYTES) return encoder.encode(text)
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0x7f) return encoder.encode(text)
    bytes[at] = code
  }
  return bytes
}

/** A broken sequence becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  const { length } = bytes
  if (length > SHORT_CHARACTERS) return decoder.decode(bytes)
  let text = ''
  for (let at = 0; at < length; at++) {
    const code = bytes[at]!
    if (code > 0x7f) return decoder.decode(bytes)
    text += String.fromCharCode(code)
  }
  return text
}

/** Of several texts; the next one begins where it is full. */
const SHARED_BYTES = 32 * 1024
/** A longer one has its own. */
const SHARING_CHARACTERS = 1024
let shared = new Uint8Array(0)
let filled = 0

/** For bytes that are soon forgotten: they lie in one buffer with others, which lives as long as one of them is used. */
export function encodeTextShared(text: string): Uint8Array {
  const { length } = text
  if (length <= SHORT_BYTES || length > SHARING_CHARACTERS) return encodeText(text)
  if (shared.length - filled < length * 3) {
    shared = new Uint8Array(SHARED_BYTES)
    filled = 0
  }
  const from = filled
  filled += encoder.encodeInto(text, shared.subarray(from)).written
  return shared.subarray(from, filled)
}
