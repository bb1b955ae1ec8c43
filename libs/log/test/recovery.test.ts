/** Opening a log after whatever happened: interrupted swaps, lost indexes, torn tails. */
import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, logConfig, marker, openLog, produced, readBatches, topicId, values } from './support.ts'
import { LogDirectory } from '../src/log-directory.ts'
import { identity } from './support.ts'

const config = { 'segment.bytes': 300, 'index.interval.bytes': 50 }
const at = (name: string): string => `/data/topic-0/${name}`

/** Twelve records in three segments, stopped cleanly. */
function stopped(): MemoryFileSystem {
  const fs = new MemoryFileSystem({ syncAtOnce: true })
  const { directory, log } = openLog(fs, config)
  for (let i = 0; i < 12; i++) append(log, batch([`${i}`]), { leaderEpoch: i >> 2 })
  expect(log.segments()).toHaveLength(3)
  directory.closeCleanly()
  return fs
}

function put(fs: MemoryFileSystem, path: string, bytes: Uint8Array): void {
  const file = fs.open(path)
  file.truncate(0)
  file.append([bytes])
}

const all = Array.from({ length: 12 }, (_, i) => `${i}`)

describe('opening a log', () => {
  it('removes what waits for deletion and what the cleaner did not finish', () => {
    const fs = stopped()
    const names = [
      '00000000000000000000.log.deleted',
      '00000000000000000000.log.cleaned',
      '00000000000000000000.index.cleaned',
    ]
    for (const name of names) put(fs, at(name), new Uint8Array(100))
    // Not all of the cleaner's files had become swap files.
    put(fs, at('00000000000000000000.timeindex.swap'), new Uint8Array(24))
    expect(values(openLog(fs, config).log)).toEqual(all)
    expect(fs.list('/data/topic-0').filter((name) => /deleted|cleaned|swap/.test(name))).toEqual([])
  })

  it('finishes a swap: the swapped segment takes the place of those it covers', () => {
    const fs = stopped()
    const first = fs.readFile(at('00000000000000000000.log'))!
    const second = fs.readFile(at('00000000000000000004.log'))!
    // The cleaner kept offsets 1 and 7 of the first two segments.
    const size = first.length / 4
    const merged = new Uint8Array(2 * size)
    merged.set(first.subarray(size, 2 * size))
    merged.set(second.subarray(3 * size), size)
    put(fs, at('00000000000000000000.log.swap'), merged)
    put(fs, at('00000000000000000000.index.swap'), new Uint8Array(0))
    put(fs, at('00000000000000000000.timeindex.swap'), new Uint8Array(0))
    const { log } = openLog(fs, config)
    expect(values(log)).toEqual(['1', '7', '8', '9', '10', '11'])
    expect(log.segments().map((each) => each.baseOffset)).toEqual([0, 8])
    expect(log.offsetForTimestamp(0, 12)?.offset).toBe(1)
  })

  it('finishes a swap of which only the log has its name', () => {
    const fs = stopped()
    fs.rename(at('00000000000000000000.index'), at('00000000000000000000.index.swap'))
    fs.rename(at('00000000000000000000.timeindex'), at('00000000000000000000.timeindex.swap'))
    expect(values(openLog(fs, config).log)).toEqual(all)
    expect(fs.exists(at('00000000000000000000.index'))).toBe(true)
  })

  it('makes missing and corrupt indexes again', () => {
    for (const suffix of ['index', 'timeindex']) {
      for (const damage of ['missing', 'garbage', 'preallocated'] as const) {
        const fs = stopped()
        const path = at(`00000000000000000004.${suffix}`)
        const good = fs.readFile(path)!
        if (damage === 'missing') fs.unlink(path)
        else if (damage === 'garbage') put(fs, path, new Uint8Array(48).fill(0x7f))
        else put(fs, path, Uint8Array.from([...good, ...new Uint8Array(960)]))
        const { directory, log } = openLog(fs, config)
        for (let offset = 0; offset < 12; offset++)
          expect(log.read({ offset, maxBytes: 1, upTo: 12, minOneBatch: true }).firstOffset).toBe(offset)
        expect(log.offsetForTimestamp(1000, 12)?.offset).toBe(0)
        expect(log.segments()[1].largestTimestamp).toBe(1000)
        directory.closeCleanly()
        if (damage !== 'preallocated') expect(fs.readFile(path)).toEqual(good)
      }
    }
  })

  it('removes an index without a log, and ignores a torn snapshot', () => {
    const fs = stopped()
    put(fs, at('00000000000000000099.index'), new Uint8Array(8))
    const snapshots = fs.list('/data/topic-0').filter((name) => name.endsWith('.snapshot'))
    for (const name of snapshots) put(fs, at(name), fs.readFile(at(name))!.subarray(0, 7))
    expect(values(openLog(fs, config).log)).toEqual(all)
    expect(fs.exists(at('00000000000000000099.index'))).toBe(false)
    expect(fs.list('/data/topic-0').filter((name) => name.endsWith('.snapshot'))).toEqual([])
  })

  it('cuts a torn tail, and with it every later segment', () => {
    // Body, length, magic, checksum of the third batch; offset and epoch are not under the checksum.
    for (const flip of [65, 8, 11, 16, 17]) {
      const fs = stopped()
      fs.unlink('/data/.kafka_cleanshutdown')
      fs.unlink('/data/recovery-point-offset-checkpoint')
      const path = at('00000000000000000004.log')
      const bytes = fs.readFile(path)!
      bytes[bytes.length / 2 + flip] ^= 0xff
      put(fs, path, bytes)
      const { log } = openLog(fs, config)
      expect(log.logEndOffset).toBe(6)
      expect(values(log)).toEqual(all.slice(0, 6))
      expect(log.latestEpoch).toBe(1)
      append(log, batch(['next']), { leaderEpoch: 9 })
      expect(values(log).at(-1)).toBe('next')
    }
  })

  it('trusts everything below the recovery point', () => {
    const fs = stopped()
    fs.unlink('/data/.kafka_cleanshutdown')
    const path = at('00000000000000000000.log')
    const bytes = fs.readFile(path)!
    // Within a value, where only the checksum would tell.
    bytes[bytes.length - 2] ^= 1
    put(fs, path, bytes)
    expect(openLog(fs, config).log.logEndOffset).toBe(12)
    fs.unlink('/data/recovery-point-offset-checkpoint')
    expect(openLog(fs, config).log.logEndOffset).toBe(3)
  })

  it('makes a corrupt transaction index again from the log', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs, config)
    for (let i = 0; i < 5; i++) {
      append(log, produced(1, 0, i, ['a'], { isTransactional: true }), { transactionVerified: true })
      marker(log, 1, 0, i % 2 === 1)
    }
    const before = log.abortedTransactions(0, 10)
    expect(before).toHaveLength(3)
    directory.closeCleanly()
    for (const name of fs.list('/data/topic-0').filter((each) => each.endsWith('.txnindex')))
      put(fs, at(name), new Uint8Array(34).fill(1))
    const again = openLog(fs, config).log
    expect(again.abortedTransactions(0, 10)).toEqual(before)
    expect(readBatches(again)).toHaveLength(10)
  })

  it('starts an empty log where its data is gone but its start is known', () => {
    const fs = stopped()
    put(fs, '/data/log-start-offset-checkpoint', new TextEncoder().encode('0\n1\ntopic 0 500\n'))
    expect(openLog(fs, config).log).toMatchObject({ logStartOffset: 500, logEndOffset: 500, latestEpoch: -1 })
  })

  it('adopts a directory whose topic id was being written', () => {
    const fs = stopped()
    put(fs, at('partition.metadata'), new TextEncoder().encode('version: 0\ntopic_id: dHJv'))
    const directory = LogDirectory.open(fs, '/data', identity)
    expect(directory.onDisk()).toEqual([{ topic: 'topic', partition: 0, topicId: '' }])
    expect(values(directory.open('topic', topicId, 0, logConfig(config), 1000))).toEqual(all)
  })
})

it('knows no leader epochs of a log that was thrown away before it was killed', () => {
  const fs = new MemoryFileSystem({ syncAtOnce: true })
  const { directory, log } = openLog(fs)
  append(log, batch(['old']), { leaderEpoch: 7 })
  directory.writeCheckpoints()
  // A follower that fell out of the leader's range starts over, and finds older epochs there.
  log.truncateFullyAndStartAt(50)
  fs.kill()
  const empty = openLog(fs).log
  expect(empty.logEndOffset).toBe(50)
  expect(empty.latestEpoch).toBe(-1)
  append(empty, batch(['new']), { leaderEpoch: 5 })
  fs.kill()
  expect(openLog(fs).log.latestEpoch).toBe(5)
})

it('still expects producers it has not seen, after a kill, in a log that was started over past 0', () => {
  const fs = new MemoryFileSystem({ syncAtOnce: true })
  openLog(fs).log.truncateFullyAndStartAt(50)
  fs.kill()
  const { log } = openLog(fs)
  // The batches before this one are cut off here; the producer is in the middle of its sequence.
  expect(append(log, produced(1, 0, 5, ['a'])).error).toBe(0)
})

it('rebuilds the leader epochs from all batches when their file is torn, also from those below the recovery point', () => {
  const fs = new MemoryFileSystem({ syncAtOnce: true })
  const { log, directory } = openLog(fs)
  append(log, batch(['a']), { leaderEpoch: 3 })
  append(log, batch(['b']), { leaderEpoch: 5 })
  log.roll(1000)
  append(log, batch(['c']), { leaderEpoch: 6 })
  log.flush()
  directory.writeCheckpoints()
  fs.kill()
  fs.open(`${log.directory}/leader-epoch-checkpoint`).truncate(4)
  expect(openLog(fs).log.epochs.entries).toEqual([
    { epoch: 3, startOffset: 0 },
    { epoch: 5, startOffset: 1 },
    { epoch: 6, startOffset: 2 },
  ])
})
