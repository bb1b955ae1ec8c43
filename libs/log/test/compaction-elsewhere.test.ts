/** A compaction that is done elsewhere: the same bytes as here, and only while the log is what it was. */
import { expect, test } from 'vitest'
import '@troupe/wire/native.node'
import { KafkaError } from '@troupe/wire/errors'
import { compact, type Compacted, type CompactionJob } from '../src/compaction.ts'
import { FilePool } from '../src/file-pool.ts'
import { StorageError } from '../src/file-system.ts'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, marker, openLog, produced, readRecords, topicId, untext, type Opened } from './support.ts'

const config = {
  'segment.bytes': 500,
  'cleanup.policy': ['compact'],
  'min.cleanable.dirty.ratio': 0.01,
  'index.interval.bytes': 100,
  'delete.retention.ms': 100,
  'file.delete.delay.ms': 0,
}
const elsewhere = { fromBytes: 0, suffix: '.1-1.tmp' }

/** Keys that repeat, tombstones, a transaction that was aborted and one that was not. */
function filled(fs = new MemoryFileSystem({ syncAtOnce: true })): Opened & { fs: MemoryFileSystem } {
  const opened = openLog(fs, config)
  const { log } = opened
  const send = (bytes: Uint8Array): void =>
    expect(append(log, bytes, { transactionVerified: true }).error).toBe(KafkaError.NONE)
  for (let i = 0; i < 40; i++) send(batch([`k${i % 4}=${i}`, i % 10 === 9 ? 'gone=' : 'gone=x']))
  for (const [producer, commit] of [[1, false], [2, true]] as const) {
    send(produced(producer, 0, 0, [`k${producer}=in a transaction`], { isTransactional: true }))
    marker(log, producer, 0, commit)
  }
  for (let i = 0; i < 10; i++) send(batch([`k${i % 4}=later ${i}`]))
  log.setHighWatermark(log.logEndOffset)
  log.roll(1000)
  log.flush()
  return { ...opened, fs }
}

function jobOf({ directory }: Opened): CompactionJob {
  const step = directory.cleanStep(2000, 1, elsewhere)
  if (step === null || step === 'more' || !('job' in step)) throw new TypeError('no job')
  return step.job
}

/** As another thread does it: from a copy of the description, with files of its own. */
function doElsewhere(fs: MemoryFileSystem, job: CompactionJob): Compacted {
  const pass = compact(structuredClone(job), new FilePool(fs))
  for (;;) {
    const step = pass.next()
    if (step.done) return structuredClone(step.value)
  }
}

/** Names and bytes of a log's files, without those that wait for removal. */
function filesOf(fs: MemoryFileSystem): Map<string, string> {
  const path = '/data/topic-0'
  const names = fs.list(path).filter((name) => /\.(log|index|timeindex|txnindex)$/.test(name))
  return new Map(names.map((name) => [name, fs.readFile(`${path}/${name}`)!.join(' ')]))
}

const unfinished = (fs: MemoryFileSystem): string[] =>
  fs.list('/data/topic-0').filter((name) => /\.(tmp|cleaned|swap)$/.test(name))

test('leaves the files that a compaction here leaves', () => {
  const here = filled()
  const there = filled()
  const cleaned = here.directory.cleanOne(2000)
  const compacted = doElsewhere(there.fs, jobOf(there))
  expect(there.directory.finishCleaning(compacted)).toEqual(cleaned)
  expect(filesOf(there.fs)).toEqual(filesOf(here.fs))
  expect(there.log.cleanedUpTo).toBe(here.log.cleanedUpTo)
  expect(there.directory.cleanStep(2000, 1, elsewhere)).toBeNull()
  expect(unfinished(there.fs)).toEqual([])
})

test.each<[string, (opened: Opened) => void]>([
  ['truncated', ({ log }) => log.truncateTo(log.logEndOffset - 15)],
  ['emptied', ({ log }) => log.truncateFullyAndStartAt(500)],
  ['deleted', ({ directory }) => directory.delete(topicId, 0, 3000)],
])('counts for nothing when the log was %s meanwhile', (_what, change) => {
  const opened = filled()
  const compacted = doElsewhere(opened.fs, jobOf(opened))
  change(opened)
  const before = filesOf(opened.fs)
  expect(opened.directory.finishCleaning(compacted)).toBeNull()
  expect(filesOf(opened.fs)).toEqual(before)
  expect(unfinished(opened.fs)).toEqual([])
})

test('goes on where appends went on meanwhile', () => {
  const opened = filled()
  const compacted = doElsewhere(opened.fs, jobOf(opened))
  append(opened.log, batch(['k0=newest']))
  opened.log.setHighWatermark(opened.log.logEndOffset)
  opened.directory.finishCleaning(compacted)
  const newest = new Map(readRecords(opened.log).map(({ key, value }) => [untext(key), untext(value)]))
  expect(newest.get('k0')).toBe('newest')
  expect(newest.get('k3')).toBe('later 7')
})

test('what was not done is cleared away, and the log is cleaned here then', () => {
  const opened = filled()
  doElsewhere(opened.fs, jobOf(opened))
  expect(unfinished(opened.fs)).not.toEqual([])
  expect(opened.directory.finishCleaning(null)).toBeNull()
  expect(unfinished(opened.fs)).toEqual([])
  expect(opened.directory.cleanOne(2000)).not.toBeNull()
})

test('survives a crash between any two calls of the disk, wherever they are made', () => {
  let completed = 0
  for (let failAt = 0; completed < 3; failAt++) {
    const opened = filled()
    const { fs, directory } = opened
    const before = new Map(readRecords(opened.log).map(({ key, value }) => [untext(key), untext(value)]))
    let left = failAt
    fs.fault = () => (left-- > 0 ? undefined : 'EIO')
    try {
      const compacted = doElsewhere(fs, jobOf(opened))
      directory.finishCleaning(compacted)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
    }
    if (left > 0) completed++
    fs.fault = null
    fs.crash({ random: () => (failAt * 2654435761) >>> 0 })
    const { log } = openLog(fs, config)
    expect(log.logEndOffset).toBe(opened.log.logEndOffset)
    const after = new Map(readRecords(log).map(({ key, value }) => [untext(key), untext(value)]))
    expect([...after].sort(), `call ${failAt}`).toEqual([...before].sort())
    expect(unfinished(fs)).toEqual([])
  }
})
