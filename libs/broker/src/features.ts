/**
 * The feature levels this release can work at (KIP-584, KIP-1022): what ApiVersions calls supported.
 *
 * Which of them are in force is metadata (`ClusterView.features`).
 */
export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

/** Levels of Kafka 4.3: metadata.version 7 is 3.3-IV3, 30 is 4.3-IV0. */
export const supportedFeatures: readonly SupportedFeature[] = [
  { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
  { name: 'share.version', minVersion: 0, maxVersion: 1 },
  { name: 'streams.version', minVersion: 0, maxVersion: 1 },
]
