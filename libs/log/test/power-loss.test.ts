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
})
