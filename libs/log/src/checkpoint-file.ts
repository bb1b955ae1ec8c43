/**
 * Kafka's small text files: offset checkpoints, the leader-epoch checkpoint, partition.metadata, meta.properties and
 * `.kafka_cleanshutdown`. Parsers answer undefined for a file that is torn or foreign; the caller knows what to
 * rebuild.
 *
 * Source: CheckpointFile, OffsetCheckpointFile, LeaderEpochCheckpointFile, PartitionMetadataFile, MetaProperties,
 * CleanShutdownFileHandler.
 */
import type { EpochEntry } from './leader-epoch-cache.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export interface OffsetEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

function encodeLines(lines: readonly string[]): Uint8Array {
  return encoder.encode(['0', String(lines.length), ...lines].join('\n') + '\n')
}

/** The lines after version and count; undefined unless there are exactly as many as announced. */
function decodeLines(bytes: Uint8Array): string[] | undefined {
  const text = decoder.decode(bytes)
  // A missing newline at the end may hide missing digits.
  if (!text.endsWith('\n')) return undefined
  const [version, count, ...lines] = text.slice(0, -1).split('\n')
  if (version !== '0' || Number(count) !== lines.length) return undefined
  return lines
}

export function encodeOffsets(entries: readonly OffsetEntry[]): Uint8Array {
  return encodeLines(entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`))
}

export function decodeOffsets(bytes: Uint8Array): OffsetEntry[] | undefined {
  const entries: OffsetEntry[] = []
  for (const line of decodeLines(bytes) ?? ['']) {
    const parts = /^(\S+) (\d+) (\d+)$/.exec(line)
    if (!parts) return undefined
    entries.push({ topic: parts[1], partition: Number(parts[2]), offset: Number(parts[3]) })
  }
  return entries
}

export function encodeEpochs(entries: readonly EpochEntry[]): Uint8Array {
  return encodeLines(entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))
}

export function decodeEpochs(bytes: Uint8Array): EpochEntry[] | undefined {
  const entries: EpochEntry[] = []
  for (const line of decodeLines(bytes) ?? ['']) {
    const parts = /^(\d+) (\d+)$/.exec(line)
    if (!parts) return undefined
    entries.push({ epoch: Number(parts[1]), startOffset: Number(parts[2]) })
  }
  return entries
}

export function encodePartitionMetadata(topicId: string): Uint8Array {
  return encoder.encode(`version: 0\ntopic_id: ${topicId}`)
}

export function decodePartitionMetadata(bytes: Uint8Array): string | undefined {
  return /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/.exec(decoder.decode(bytes))?.[1]
}

export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  readonly directoryId: string
}

export function encodeMetaProperties({ clusterId, nodeId, directoryId }: MetaProperties): Uint8Array {
  const lines = ['#', `version=1`, `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${directoryId}`]
  return encoder.encode(lines.join('\n') + '\n')
}

/** Undefined when it is not version 1; a missing directory.id is ''. */
export function decodeMetaProperties(bytes: Uint8Array): MetaProperties | undefined {
  const properties = new Map<string, string>()
  for (const line of decoder.decode(bytes).split(/\r?\n/)) {
    const parts = /^\s*([^#!=:\s][^=:\s]*)\s*[=:]\s*(.*?)\s*$/.exec(line)
    // java.util.Properties escapes these on writing.
    if (parts) properties.set(parts[1], parts[2].replace(/\\([=:#! ])/g, '$1'))
  }
  const clusterId = properties.get('cluster.id')
  const nodeId = Number(properties.get('node.id') ?? NaN)
  if (properties.get('version') !== '1' || clusterId === undefined || !Number.isInteger(nodeId)) return undefined
  return { clusterId, nodeId, directoryId: properties.get('directory.id') ?? '' }
}

/** −1 as broker epoch says that none is known, as Kafka writes it where it has none. */
export function encodeCleanShutdown(brokerEpoch: number): Uint8Array {
  return encoder.encode(JSON.stringify({ version: 0, brokerEpoch }))
}

/** The broker epoch; −1 if the marker does not tell. */
export function decodeCleanShutdown(bytes: Uint8Array): number {
  const epoch = /"brokerEpoch"\s*:\s*(-?\d+)/.exec(decoder.decode(bytes))
  return epoch ? Number(epoch[1]) : -1
}
