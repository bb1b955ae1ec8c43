/** Random ids from the actor's own seeded stream. */
import { bytesToUuid, zeroUuid } from '@troupe/wire/uuid'

/** Version 4; never one that Kafka reserves (the first hundred), and never one whose text starts with '-'. */
export function randomUuid(env: { random(): number }): string {
  for (;;) {
    const bytes = new Uint8Array(16)
    for (let i = 0; i < 16; i += 4) new DataView(bytes.buffer).setUint32(i, env.random())
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = bytesToUuid(bytes)
    if (text !== zeroUuid && !text.startsWith('-')) return text
  }
}
