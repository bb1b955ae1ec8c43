/** A disk that is full or fails: nothing is corrupted, nothing is acknowledged that is not there. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { StorageError } from '../src/file-system.ts'
import { MemoryFileSystem, type FileOperation } from '../src/memory-file-system.ts'
import { append, batch, marker, openLog, produced, readBatches, values } from './support.ts'

const config = { 'segment.bytes': 600, 'index.interval.bytes': 100 }

describe('a failing disk', () => {
  it('Z14: the first error takes the log offline before the next append', () => {
    for (const code of ['EIO', 'ENOSPC'] as const) {
      const fs = new MemoryFileSystem({ syncAtOnce: true })
      const { directory, log } = openLog(fs, config)
      append(log, batch(['a']))
      fs.fault = (operation) => (operation === 'append' ? code : undefined)
      expect(append(log, batch(['lost']))).toMatchObject({ error: KafkaError.KAFKA_STORAGE_ERROR, baseOffset: -1 })
      fs.fault = null
      expect(log.offlineReason).toMatch(code)
      expect(append(log, batch(['refused'])).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
      expect(log.appendAsFollower(batch(['refused']), 1000).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
      expect(() => log.read({ offset: 0, maxBytes: 10, upTo: 1, minOneBatch: true })).toThrow(StorageError)
      expect(() => log.truncateTo(0)).toThrow(StorageError)
      let flushed: string | null = null
      log.flushLater(1000, (error) => (flushed = error))
      expect(flushed).toMatch(code)
      directory.closeCleanly()
      // Half a batch lies at the end: this was no clean stop.
      const again = openLog(fs, config)
      expect(again.directory.cleanShutdown).toBe(false)
      expect(values(again.log)).toEqual(['a'])
      expect(append(again.log, batch(['b']))).toMatchObject({ baseOffset: 1 })
    }
  })

  it('KAFKA-7866: offsets do not repeat when the transaction index cannot be written', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log } = openLog(fs, config)
    append(log, produced(1, 0, 0, ['a'], { isTransactional: true }), { transactionVerified: true })
    fs.fault = (operation, path) => (operation === 'write' && path.endsWith('.txnindex') ? 'EIO' : undefined)
    expect(marker(log, 1, 0, false).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    expect(log.logEndOffset).toBe(2)
    fs.fault = null
    fs.kill()
    const again = openLog(fs, config).log
    // The marker is in the log; recovery makes the index entry.
    expect(again.logEndOffset).toBe(2)
    again.setHighWatermark(2)
    expect(again.abortedTransactions(0, 2)).toMatchObject([{ producerId: 1, firstOffset: 0 }])
  })

  it('a failed background sync takes the log offline and says so', () => {
    const fs = new MemoryFileSystem()
    const { log } = openLog(fs, config)
    append(log, batch(['a']))
    const answers: (string | null)[] = []
    log.flushLater(1000, (error) => answers.push(error))
    fs.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined)
    fs.completeSyncs()
    expect(answers).toHaveLength(1)
    expect(answers[0]).toMatch('EIO')
    expect(log).toMatchObject({ recoveryPoint: 0 })
    expect(log.offlineReason).toMatch('EIO')
  })

  it('keeps what was there when the disk fills up, and never acknowledges what was not', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log } = openLog(fs, config)
    fs.capacity = 3000
    const acknowledged: string[] = []
    for (let i = 0; i < 100; i++)
      if (append(log, batch([`value ${i}`])).error === KafkaError.NONE) acknowledged.push(`value ${i}`)
    expect(acknowledged.length).toBeGreaterThan(5)
    expect(acknowledged.length).toBeLessThan(50)
    fs.capacity = Infinity
    fs.kill()
    expect(values(openLog(fs, config).log)).toEqual(acknowledged)
  })

  it('whatever call fails, what was acknowledged is there afterwards', () => {
    const operations: FileOperation[] = [
      'append',
      'write',
      'truncate',
      'sync',
      'rename',
      'unlink',
      'syncDirectory',
      'open',
    ]
    const plan = fc.record({
      operation: fc.constantFrom(...operations),
      after: fc.integer({ min: 0, max: 60 }),
      code: fc.constantFrom('EIO' as const, 'ENOSPC' as const),
    })
    fc.assert(
      fc.property(
        plan,
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 20, maxLength: 60 }),
        ({ operation, after, code }, steps) => {
          const fs = new MemoryFileSystem({ syncAtOnce: true })
          const { directory, log } = openLog(fs, config)
          let left = after
          fs.fault = (each) => (each === operation && left-- <= 0 ? code : undefined)
          const expected: string[] = []
          try {
            steps.forEach((step, i) => {
              if (step <= 3) {
                if (append(log, batch([`${i}`])).error === KafkaError.NONE) expected.push(`${i}`)
              } else if (step === 4) log.flush()
              else directory.writeCheckpoints()
            })
          } catch (error) {
            if (!(error instanceof StorageError)) throw error
          }
          fs.fault = null
          fs.kill()
          const found = openLog(fs, config).log
          // An append that failed after its bytes were written is there too: its outcome was unknown to the client.
          expect(values(found).slice(0, expected.length)).toEqual(expected)
          expect(readBatches(found).map((each) => each.baseOffset)).toEqual(readBatches(found).map((_, i) => i))
        },
      ),
      { numRuns: 300 },
    )
  })
})
