/** The two logs of the crash test, as the process that writes them and the one that checks them open them. */
import type { FileSystem } from '../src/file-system.ts'
import { LogDirectory } from '../src/log-directory.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import { identity, logConfig, readRecords, untext } from './support.ts'

export const transactionalId = 4711
const plainId = 'Y3Jhc2gtdGVzdC1wbGFpbg'
const compactedId = 'Y3Jhc2gtdGVzdC1rZXlzMA'

const small = { 'segment.bytes': 16_000, 'index.interval.bytes': 500, 'retention.ms': -1 }
const plainConfig = logConfig(small)
const compactedConfig = logConfig({
  ...small,
  'segment.bytes': 4000,
  'cleanup.policy': ['compact'],
  'min.cleanable.dirty.ratio': 0.01,
  'file.delete.delay.ms': 0,
})

export interface CrashLogs {
  directory: LogDirectory
  plain: PartitionLog
  compacted: PartitionLog
}

export function openCrashLogs(fs: FileSystem, path: string, now: number): CrashLogs {
  const directory = LogDirectory.open(fs, path, identity)
  const plain = directory.open('plain', plainId, 0, plainConfig, now)
  const compacted = directory.open('compacted', compactedId, 0, compactedConfig, now)
  return { directory, plain, compacted }
}

/** A record says at which offset it was written. */
export const valueAt = (offset: number): string => `${offset}.`.padEnd(40 + (offset % 90), 'z')

/** The newest value of each key, `k0:12,k1:7`. */
export function keysOf(log: PartitionLog): string {
  const newest = new Map<string, string>()
  for (const record of readRecords(log)) newest.set(untext(record.key), untext(record.value))
  return [...newest]
    .sort()
    .map(([key, value]) => `${key}:${value}`)
    .join()
}
