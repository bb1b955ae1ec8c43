/**
 * Makes answers of two clusters comparable: what each cluster chooses for itself (ids, ports, times, sizes of disks)
 * becomes a name by order of appearance, lists without a promised order are sorted by what identifies their
 * elements, record batches are taken apart, and errors carry their names.
 */
import { errorName } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import { BATCH_OVERHEAD, readBatchHeader, sizeInBytes } from '@troupe/wire/record-batch'

/** Names for what differs: `<producer 1>` is the first producer id that a scenario saw. */
export class Names {
  readonly #byKind = new Map<string, Map<unknown, string>>()
  readonly #topics = new Map<unknown, string>()

  /** The id of a topic is called after it wherever it stands. */
  learn(message: unknown): void {
    if (message === null || typeof message !== 'object' || message instanceof Uint8Array) return
    const { topicId, name } = message as { topicId?: unknown; name?: unknown }
    if (topicId && name && topicId !== zeroUuid) this.#topics.set(topicId, `<id of ${String(name)}>`)
    for (const field of Object.values(message)) this.learn(field)
  }

  topic(id: string): string {
    if (id === zeroUuid) return 'zero'
    return this.#topics.get(id) ?? (id.endsWith('AAQQ') ? 'made up' : '<id>')
  }

  of(kind: string, value: unknown): string {
    const names = this.#byKind.get(kind) ?? new Map<unknown, string>()
    this.#byKind.set(kind, names)
    const name = names.get(value) ?? `<${kind} ${names.size + 1}>`
    names.set(value, name)
    return name
  }
}

type Rule = (value: never, names: Names) => unknown

const positive =
  (kind: string): Rule =>
  (value: number, names) =>
    value > 0 ? names.of(kind, value) : value

/** A producer id of a cluster's own; scripts use small made-up ones below 100000000 for unknown producers. */
const producerId: Rule = (value: number, names) =>
  value >= 0 && value < madeUpProducerIds ? names.of('producer', value) : value
export const madeUpProducerIds = 100_000_000

const disk: Rule = (value: number) => (value > 0 ? '<bytes>' : value)

const time: Rule = (value: number) => (value > firstRealTime ? '<time>' : value)
/** Scripts stamp their records with times long past. */
const firstRealTime = Date.UTC(2025, 0, 1)

/** We say the same in words of our own; whether anything is said has to be the same. */
const words: Rule = (value: string | null) => (value ? '<words>' : value)

const error: Rule = (value: number) => errorName(value)

const rules: Readonly<Record<string, Rule>> = {
  errorCode: error,
  errorMessage: words,
  batchIndexErrorMessage: words,
  partitionErrorCode: error,
  topicConfigErrorCode: error,
  clusterId: (value: string | null) => (value ? '<cluster>' : value),
  host: (value: string) => (value === '127.0.0.1' ? '<host>' : value),
  clientHost: (value: string) => value,
  port: (value: number) => (value > 0 ? '<port>' : value),
  topicId: (value: string, names) => names.topic(value),
  replicaDirectoryId: (value: string) => (value === zeroUuid ? 'zero' : '<directory>'),
  producerId,
  sessionId: positive('session'),
  timestamp: time,
  logAppendTimeMs: time,
  lastTimestamp: time,
  transactionStartTimeMs: time,
  lastFetchTimestamp: time,
  lastCaughtUpTimestamp: time,
  logDir: () => '<directory>',
  totalBytes: disk,
  usableBytes: disk,
  finalizedFeaturesEpoch: () => '<epoch>',
  records: (value: Uint8Array | null, names) => (value === null ? null : batches(value, names)),
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

const identity = [
  'name',
  'topic',
  'topicName',
  'groupId',
  'transactionalId',
  'key',
  'partitionIndex',
  'index',
  'partition',
  'partitionId',
]
const identityRest = [
  'resourceType',
  'resourceName',
  'groupInstanceId',
  'apiKey',
  'brokerId',
  'nodeId',
  'metadata',
  'memberMetadata',
  'memberAssignment',
]

export function normalise(value: unknown, names: Names, key = ''): unknown {
  const rule = rules[key]
  if (rule && !Array.isArray(value)) return rule(value as never, names)
  if (value instanceof Uint8Array) return hex(value)
  if (typeof value === 'string') return value.replace(uuid, (found) => names.of('uuid', found))
  if (Array.isArray(value))
    return sorted(value, names, key).map((item) => normalise(item, names, key === 'synonyms' ? '' : `${key}[]`))
  if (value === null || typeof value !== 'object') return value
  const result: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value))
    if (field !== undefined) result[name] = normalise(field, names, name)
  return result
}

function sorted(items: readonly unknown[], names: Names, key: string): readonly unknown[] {
  if (key === 'partitions' && typeof items[0] === 'number') return [...(items as number[])].sort((a, b) => a - b)
  // Synonyms are in order of precedence, and numbers in the order that the controller chose.
  if (items.length < 2 || typeof items[0] !== 'object' || items[0] === null) return items
  if ('source' in items[0] && 'value' in items[0]) return items
  const keys = new Map(items.map((item) => [item, identityOf(item as Record<string, unknown>, names)]))
  return [...items].sort((a, b) => (keys.get(a)! < keys.get(b)! ? -1 : keys.get(a)! > keys.get(b)! ? 1 : 0))
}

function identityOf(item: Record<string, unknown>, names: Names): string {
  const topic = typeof item.topicId === 'string' ? names.topic(item.topicId) : ''
  return (
    topic +
    [...identity, ...identityRest]
      .map((name) => item[name])
      .filter((part) => part !== undefined && part !== null)
      .map((part) =>
        typeof part === 'number'
          ? String(part).padStart(12, '0')
          : part instanceof Uint8Array
            ? hex(part)
            : String(part).replace(uuid, ''),
      )
      .join(' ')
  )
}

/** Batches with their headers field by field and their records byte for byte. */
function batches(bytes: Uint8Array, names: Names): unknown[] {
  const result: unknown[] = []
  let position = 0
  while (bytes.length - position >= BATCH_OVERHEAD) {
    const size = sizeInBytes(bytes, position)
    if (position + size > bytes.length) break
    const header = readBatchHeader(bytes, position)
    result.push({
      ...header,
      producerId: (producerId as (value: number, names: Names) => unknown)(header.producerId, names),
      maxTimestamp: (time as (value: number) => unknown)(header.maxTimestamp),
      baseTimestamp: (time as (value: number) => unknown)(header.baseTimestamp),
      body: hex(bytes.subarray(position + BATCH_OVERHEAD, position + size)),
    })
    position += size
  }
  if (position < bytes.length) result.push({ cutOff: bytes.length - position })
  return result
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
