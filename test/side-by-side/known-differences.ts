/**
 * Where Troupe answers otherwise than Apache Kafka 4.3.1, and why. A `*` stands for anything. The suite fails on a
 * difference that is not listed here, and on a line here that no longer describes any difference.
 */
import type { KnownDifference } from './harness/compare.ts'

export const knownDifferences: readonly KnownDifference[] = []
