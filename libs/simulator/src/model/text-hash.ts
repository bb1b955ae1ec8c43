/** Two hashes of a text, remembered: the same names and kinds come by all the time. */
import { hashText } from '@troupe/actor/random'

export interface TextHash {
  readonly high: number
  readonly low: number
}

const known = new Map<string, TextHash>()
const rememberedLength = 80

export function hashOf(text: string): TextHash {
  const found = known.get(text)
  if (found !== undefined) return found
  const hash = { high: hashText(text, 0x9e3779b9), low: hashText(text, 0x85ebca6b) }
  if (text.length <= rememberedLength && known.size < 100_000) known.set(text, hash)
  return hash
}
