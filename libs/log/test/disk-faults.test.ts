/** A disk that lies: what it did to the bytes shows in a checksum, and is never served as something that was appended. */
import { describe, expect, it } from 'vitest'
import { KafkaError } from '@troupe/wire/errors'
import { validateBatch } from '@troupe/wire/record-batch'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, openLog, readBatches, text, values } from './support.ts'

const config = { 'segment.bytes': 600, 'index.interval.bytes': 100 }
const file = '/data/topic-0/00000000000000000000.log'

describe('a disk that lies', () => {
  it('every flipped bit of a batch is cut off by recovery, with all that follows', () => {
    const sizes = [0, 1, 2].map((i) => batch([`value ${i}`]).length)
    for (let bit = 8 * sizes[0]; bit < 8 * (sizes[0] + sizes[1]); bit += 1) {
      const fs = new MemoryFileSystem({ syncAtOnce: true })
      const { log } = openLog(fs, config)
      for (const i of [0, 1, 2]) append(log, batch([`value ${i}`]))
      fs.kill()
      fs.flipBit(file, bit)
      const found = openLog(fs, config).log
      const byte = (bit >>> 3) - sizes[0]
      // The checksum begins behind the leader epoch: offset and epoch are the broker's own, and so unprotected in Kafka.
      if (byte < 16) expect(values(found)[0]).toBe('value 0')
      else expect(values(found)).toEqual(['value 0'])
      expect(values(found).every((value) => /^value \d$/.test(value))).toBe(true)
      expect(append(found, batch(['next'])).error).toBe(KafkaError.NONE)
    }
  })

  it('a flipped bit in what is read reaches a client only with a checksum that does not fit', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log } = openLog(fs, config)
    append(log, batch(['value']))
    fs.flipBit(file, 8 * 70)
    const { slice } = log.read({ offset: 0, maxBytes: 1000, upTo: 1, minOneBatch: true })
    const bytes = new Uint8Array(slice?.sizeInBytes ?? 0)
    slice?.readInto(bytes, 0)
    expect(validateBatch(bytes, 0, {})).toBe(KafkaError.CORRUPT_MESSAGE)
    // A follower does not take it either.
    const follower = openLog(new MemoryFileSystem({ syncAtOnce: true }), config).log
    expect(follower.appendAsFollower(bytes, 1000).error).toBe(KafkaError.CORRUPT_MESSAGE)
    expect(follower.logEndOffset).toBe(0)
  })

  it('a write that lands elsewhere is found at the next recovery', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { log } = openLog(fs, config)
    append(log, batch(['a']))
    const { length } = batch(['a'])
    fs.redirect = (path, position) => (path === file ? position - length + 20 : undefined)
    append(log, batch(['b']))
    fs.redirect = null
    fs.kill()
    const found = openLog(fs, config).log
    // Batch 1 is zeros, batch 0 was written over: neither is left.
    expect(readBatches(found)).toEqual([])
    expect(append(found, batch(['c']))).toMatchObject({ error: KafkaError.NONE, baseOffset: 0 })
  })

  it('a slow disk does its syncs one after the other, and the recovery point waits for them', () => {
    const fs = new MemoryFileSystem()
    const { log } = openLog(fs, config)
    const done: number[] = []
    for (const i of [1, 2]) {
      append(log, batch(['a']))
      log.flushLater(1000, () => done.push(i))
    }
    expect(fs.pendingSyncs).toBe(2)
    fs.completeSyncs(1)
    expect([done, log.recoveryPoint, fs.pendingSyncs]).toEqual([[1], 1, 1])
    fs.completeSyncs()
    expect([done, log.recoveryPoint, fs.pendingSyncs]).toEqual([[1, 2], 2, 0])
  })

  it('a replaced disk is empty, also for handles that were open', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs, config)
    append(log, batch(['a']))
    log.flush()
    fs.replaceDisk()
    expect(append(log, batch(['b'])).error).toBe(KafkaError.KAFKA_STORAGE_ERROR)
    const again = openLog(fs, config)
    expect(again.directory.cleanShutdown).toBe(false)
    expect([again.log.logEndOffset, again.directory.directoryId]).toEqual([0, directory.directoryId])
  })

  it('a background sync covers what was cut off and written again before it was asked for, and nothing later', () => {
    for (const later of [false, true]) {
      const fs = new MemoryFileSystem()
      fs.makeDirectory('/d')
      const handle = fs.open('/d/f')
      handle.append([text('old')])
      handle.sync()
      fs.syncDirectory('/d')
      handle.truncate(0)
      handle.append([text('newer')])
      fs.syncLater([handle], () => {})
      if (later) handle.truncate(2)
      fs.completeSyncs()
      fs.crash()
      expect(new TextDecoder().decode(fs.readFile('/d/f'))).toBe(later ? 'old' : 'newer')
    }
  })
})
