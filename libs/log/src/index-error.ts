/**
 * An index file that cannot be what was written. Its segment rebuilds it from the log.
 */
export class CorruptIndexError extends Error {
  constructor(path: string, what: string) {
    super(`${path}: ${what}`)
  }
}
