/**
 * Shell file: packages with native code that may be missing: npm leaves an optional dependency out where it has no build
 * for the platform. Loaded with `require`, so that whoever loads us stays synchronous.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** What `load` requires, or null where it is not installed or does not run here. */
function optional<T>(load: () => T): T | null {
  try {
    return load()
  } catch {
    return null
  }
}

export const crc32 = optional(() => require('@node-rs/crc32') as typeof import('@node-rs/crc32'))
export const lz4 = optional(() => require('lz4-napi') as typeof import('lz4-napi'))
export const snappy = optional(() => require('snappy') as typeof import('snappy'))
