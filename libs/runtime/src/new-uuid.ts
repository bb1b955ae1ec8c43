/** A random uuid as Kafka writes it, in 22 characters of base64url; never one that looks like an option (Uuid.randomUuid). */
import { randomBytes } from 'node:crypto'

export function newUuid(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
