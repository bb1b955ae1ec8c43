/**
 * Losses of power at bad moments, as the simulator's storage model found them: what was cut off before must not come
 * back where nothing looks at it any more.
 */
import { describe, expect, it } from 'vitest'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, marker, openLog, produced, values } from './support.ts'

const config = { 'segment.bytes': 100_000, 'index.interval.bytes': 60 }

describe('after a loss of power', () => {
  it('look-ups in a closed segment do not follow index entries of batches that were cut off', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log, directory } = openLog(fs, config)
    for (const value of ['a', 'b', 'c', 'd']) append(log, batch([value]))
    log.roll(1000)
    log.flush()
    log.truncateTo(1)
    for (const value of ['a longer value', 'e', 'f']) append(log, batch([value]))
    log.flush()
    log.roll(1000)
    append(log, batch(['g']))
    log.flush()
    directory.writeCheckpoints()
    fs.crash()
    const found = openLog(fs, config).log
    for (let offset = 0; offset < 5; offset++) {
      expect(values(found, offset)).toEqual(['a', 'a longer value', 'e', 'f', 'g'].slice(offset))
    }
  })

  it('a log that was truncated and stopped cleanly ends where it ended', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log, directory } = openLog(fs, config)
    for (const value of ['a', 'b', 'c', 'd']) append(log, batch([value]))
    log.roll(1000)
    log.flush()
    log.truncateTo(1)
    directory.closeCleanly()
    fs.crash()
    const found = openLog(fs, config)
    expect([found.directory.cleanShutdown, found.log.logEndOffset, values(found.log)]).toEqual([true, 1, ['a']])
  })

  it('a log that was truncated to nothing and stopped cleanly is empty', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log, directory } = openLog(fs, config)
    append(log, batch(['a']))
    log.flush()
    log.roll(1000)
    append(log, batch(['b']))
    log.truncateTo(0)
    directory.closeCleanly()
    fs.crash()
    const found = openLog(fs, config)
    expect([found.directory.cleanShutdown, found.log.logEndOffset, values(found.log)]).toEqual([true, 0, []])
  })

  it('an abort that recovery has found again stays known when the power goes a second time', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log, directory } = openLog(fs, config)
    append(log, produced(1, 0, 0, ['a'], { isTransactional: true }), { transactionVerified: true })
    marker(log, 1, 0, false)
    log.flush()
    directory.writeCheckpoints()
    fs.crash()
    const second = openLog(fs, config).log
    second.roll(1000)
    // The new segment begins at the recovery point: nothing before it is looked at again.
    fs.syncDirectory('/data/topic-0')
    fs.crash()
    const third = openLog(fs, config).log
    third.setHighWatermark(2)
    expect(third.abortedTransactions(0, 2)).toMatchObject([{ producerId: 1, firstOffset: 0 }])
  })

  it('a segment that was cut off does not come back behind batches of a later leader', () => {
    const fs = new MemoryFileSystem()
    const { log, directory } = openLog(fs, config)
    append(log, batch(['a']), { leaderEpoch: 1 })
    append(log, batch(['b']), { leaderEpoch: 1 })
    log.roll(1000)
    append(log, batch(['old']), { leaderEpoch: 1 })
    log.flush()
    directory.writeCheckpoints()
    log.truncateTo(1)
    append(log, batch(['new']), { leaderEpoch: 2 })
    // The bytes are on the disk, that the second segment was removed is not.
    const file = fs.open(`${log.directory}/00000000000000000000.log`)
    file.sync()
    fs.crash()
    const found = openLog(fs, config).log
    expect(values(found)).toEqual(['a', 'new'])
    expect(found.epochs.entries).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 2, startOffset: 1 },
    ])
  })

  it('a segment that recovery has removed stays away after a clean stop', () => {
    const fs = new MemoryFileSystem()
    const { log } = openLog(fs, config)
    append(log, batch(['a']))
    log.roll(1000)
    append(log, batch(['b']))
    fs.syncDirectory(log.directory)
    // The first segment loses its batch, so the second one cannot stay.
    fs.crash()
    openLog(fs, config).directory.closeCleanly()
    fs.crash()
    const found = openLog(fs, config)
    expect([found.directory.cleanShutdown, found.log.segments().length, found.log.logEndOffset]).toEqual([true, 1, 0])
  })
})
