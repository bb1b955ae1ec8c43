/** The directory of all logs: creation, deletion, checkpoints, starting again. */
import { describe, expect, it } from 'vitest'
import { decodeEpochs, decodeMetaProperties, decodeOffsets, encodeEpochs } from '../src/checkpoint-file.ts'
import { ForeignDirectoryError, LogDirectory } from '../src/log-directory.ts'
import { MemoryFileSystem } from '../src/memory-file-system.ts'
import { append, batch, identity, logConfig, openLog, topicId, values } from './support.ts'

const otherId = 'YW5vdGhlci10b3BpYy1pZA'
const textOf = (fs: MemoryFileSystem, path: string): string => new TextDecoder().decode(fs.readFile(path))

describe('log directory', () => {
  it('is marked with its cluster and node, and refuses another', () => {
    const fs = new MemoryFileSystem()
    expect(LogDirectory.open(fs, '/data', identity).directoryId).toBe(identity.directoryId)
    expect(textOf(fs, '/data/meta.properties')).toBe(
      `#\nversion=1\ncluster.id=${identity.clusterId}\nnode.id=1\ndirectory.id=${identity.directoryId}\n`,
    )
    expect(LogDirectory.open(fs, '/data', { clusterId: identity.clusterId, nodeId: 1 }).directoryId).toBe(
      identity.directoryId,
    )
    expect(() => LogDirectory.open(fs, '/data', { ...identity, nodeId: 2 })).toThrow(ForeignDirectoryError)
    expect(() => LogDirectory.open(fs, '/data', { ...identity, clusterId: 'other' })).toThrow(
      /belongs to node 1 of cluster/,
    )
    expect(() => LogDirectory.open(fs, '/new', { clusterId: 'c', nodeId: 1 })).toThrow(ForeignDirectoryError)
  })

  it('reads the meta.properties that Java writes', () => {
    const written =
      '#\n#Sat Nov 21 01:00:00 UTC 2026\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=abc\\=\nnode.id=3\nversion=1\n'
    expect(decodeMetaProperties(new TextEncoder().encode(written))).toEqual({
      clusterId: '4L6g3nShT-eMCtK--X86sw',
      directoryId: 'abc=',
      nodeId: 3,
    })
    expect(decodeMetaProperties(new TextEncoder().encode('version=0\nbroker.id=1\n'))).toBeUndefined()
  })

  it('Z13: a crash while logs are opened is no clean stop', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs)
    append(log, batch(['a']))
    directory.closeCleanly(77)
    expect(textOf(fs, '/data/.kafka_cleanshutdown')).toBe('{"version":0,"brokerEpoch":77}')
    const next = LogDirectory.open(fs, '/data', identity)
    expect(next).toMatchObject({ cleanShutdown: true, previousBrokerEpoch: 77 })
    fs.crash()
    expect(LogDirectory.open(fs, '/data', identity)).toMatchObject({ cleanShutdown: false, previousBrokerEpoch: -1 })
  })

  it('a stop in order before all logs were opened is no clean stop after a crash (KAFKA-10471)', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs)
    append(log, batch(['a']))
    directory.closeCleanly(77)
    // Nobody has touched the logs since they were in order.
    LogDirectory.open(fs, '/data', identity).closeCleanly()
    expect(LogDirectory.open(fs, '/data', identity)).toMatchObject({ cleanShutdown: true, previousBrokerEpoch: 77 })
    fs.crash()
    LogDirectory.open(fs, '/data', identity).closeCleanly()
    const next = LogDirectory.open(fs, '/data', identity)
    expect(next).toMatchObject({ cleanShutdown: false, previousBrokerEpoch: -1 })
    next.open('topic', topicId, 0, logConfig(), 1000)
    // The quorum's own log is nobody's to open here.
    fs.makeDirectory('/data/__cluster_metadata-0')
    fs.replaceFile('/data/__cluster_metadata-0/quorum-state', new Uint8Array(1))
    next.closeCleanly(78)
    expect(LogDirectory.open(fs, '/data', identity)).toMatchObject({ cleanShutdown: true, previousBrokerEpoch: 78 })
  })

  it('sets a directory of another topic aside and does not inherit its offsets', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs)
    for (let i = 0; i < 5; i++) append(log, batch(['old']))
    log.setHighWatermark(5)
    directory.closeCleanly()
    const next = LogDirectory.open(fs, '/data', identity)
    expect(next.onDisk()).toEqual([{ topic: 'topic', partition: 0, topicId }])
    const fresh = next.open('topic', otherId, 0, logConfig(), 1000)
    expect(fresh).toMatchObject({ logEndOffset: 0, highWatermark: 0, recoveryPoint: 0 })
    expect(fs.list('/data').filter((name) => name.endsWith('-stray'))).toHaveLength(1)
    expect(next.onDisk()).toEqual([{ topic: 'topic', partition: 0, topicId: otherId }])
  })

  it('deletes by renaming, and removes later', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs, { 'file.delete.delay.ms': 500 })
    append(log, batch(['a']))
    log.flush()
    const { slice } = log.read({ offset: 0, maxBytes: 1000, upTo: 1, minOneBatch: true })
    directory.writeCheckpoints()
    directory.delete(topicId, 0, 1000)
    expect(directory.get(topicId, 0)).toBeUndefined()
    expect(slice?.readInto(new Uint8Array(1000), 0)).toBe(0)
    expect(decodeOffsets(fs.readFile('/data/recovery-point-offset-checkpoint')!)).toEqual([])
    directory.removeDeleted(1400)
    expect(fs.list('/data').filter((name) => name.endsWith('-delete'))).toHaveLength(1)
    directory.removeDeleted(1500)
    expect(fs.list('/data').filter((name) => name.startsWith('topic-0'))).toEqual([])
    expect(directory.open('topic', otherId, 0, logConfig(), 2000).logEndOffset).toBe(0)
  })

  it("writes checkpoints in Kafka's form", () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs)
    for (let i = 0; i < 6; i++) append(log, batch([`${i}`]), { leaderEpoch: i >> 1 })
    log.setHighWatermark(5)
    log.advanceLogStart(3)
    log.flush()
    directory.writeCheckpoints()
    expect(textOf(fs, '/data/recovery-point-offset-checkpoint')).toBe('0\n1\ntopic 0 6\n')
    expect(textOf(fs, '/data/replication-offset-checkpoint')).toBe('0\n1\ntopic 0 5\n')
    expect(textOf(fs, '/data/log-start-offset-checkpoint')).toBe('0\n1\ntopic 0 3\n')
    expect(textOf(fs, '/data/topic-0/leader-epoch-checkpoint')).toBe('0\n2\n1 3\n2 4\n')
    expect(textOf(fs, '/data/topic-0/partition.metadata')).toBe(`version: 0\ntopic_id: ${topicId}`)
    fs.kill()
    expect(openLog(fs).log).toMatchObject({ logStartOffset: 3, highWatermark: 5, recoveryPoint: 6 })
  })

  it('writes checkpoints in the background, and drops what was overtaken', () => {
    const fs = new MemoryFileSystem()
    const { directory, log } = openLog(fs)
    append(log, batch(['a']), { leaderEpoch: 1 })
    log.setHighWatermark(1)
    expect(directory.writeCheckpointsLater()).toBe(true)
    expect(directory.writeCheckpointsLater()).toBe(false)
    expect(fs.readFile('/data/replication-offset-checkpoint')).toBeUndefined()
    append(log, batch(['b']), { leaderEpoch: 2 })
    fs.completeSyncs()
    expect(textOf(fs, '/data/replication-offset-checkpoint')).toBe('0\n1\ntopic 0 1\n')
    expect(textOf(fs, '/data/topic-0/leader-epoch-checkpoint')).toBe('0\n1\n1 0\n')
    // The epoch that came meanwhile is not on disk, and not forgotten.
    log.setHighWatermark(2)
    directory.writeCheckpointsLater()
    append(log, batch(['c']), { leaderEpoch: 3 })
    log.setHighWatermark(3)
    directory.writeCheckpoints()
    fs.completeSyncs()
    expect(textOf(fs, '/data/replication-offset-checkpoint')).toBe('0\n1\ntopic 0 3\n')
    expect(textOf(fs, '/data/topic-0/leader-epoch-checkpoint')).toBe('0\n3\n1 0\n2 1\n3 2\n')
  })

  it('says at the next time what the disk said of a checkpoint', () => {
    const fs = new MemoryFileSystem()
    const { directory, log } = openLog(fs)
    append(log, batch(['a']))
    fs.fault = (operation) => (operation === 'append' ? 'ENOSPC' : undefined)
    directory.writeCheckpointsLater()
    fs.completeSyncs()
    fs.fault = null
    expect(() => directory.writeCheckpointsLater()).toThrow('ENOSPC')
    fs.completeSyncs()
    expect(directory.writeCheckpointsLater()).toBe(true)
  })

  it('takes no torn checkpoint for a whole one', () => {
    const bytes = encodeEpochs([
      { epoch: 1, startOffset: 0 },
      { epoch: 12, startOffset: 345 },
    ])
    for (let length = 0; length < bytes.length; length++)
      expect(decodeEpochs(bytes.subarray(0, length))).toBeUndefined()
    expect(decodeEpochs(bytes)).toEqual([
      { epoch: 1, startOffset: 0 },
      { epoch: 12, startOffset: 345 },
    ])
  })

  it('derives lost leader epochs from the batches', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const { directory, log } = openLog(fs)
    for (let i = 0; i < 6; i++) append(log, batch([`${i}`]), { leaderEpoch: i >> 1 })
    directory.closeCleanly()
    const file = fs.open('/data/topic-0/leader-epoch-checkpoint')
    file.truncate(5)
    expect(openLog(fs).log.epochs.entries).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 1, startOffset: 2 },
      { epoch: 2, startOffset: 4 },
    ])
  })

  it('opens many empty logs without a sync each', () => {
    const fs = new MemoryFileSystem({ syncAtOnce: true })
    const directory = LogDirectory.open(fs, '/data', identity, { maxOpenFiles: 20 })
    const before = fs.syncs
    for (let partition = 0; partition < 150; partition++) directory.open('topic', topicId, partition, logConfig(), 1000)
    expect(fs.syncs).toBe(before)
    for (const log of directory.logs()) append(log, batch(['a']))
    for (const log of directory.logs()) expect(values(log)).toEqual(['a'])
  })
})
