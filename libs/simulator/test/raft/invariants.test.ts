/** Each K rule once broken on purpose, and once kept. */
import { describe, expect, test } from 'vitest'
import { MetadataImage } from '@troupe/controller/image'
import { encodeEntries, type MetadataEntry } from '@troupe/controller/records'
import {
  afterStep,
  afterStop,
  forgetPast,
  logsMatch,
  newQuorumGhost,
  quorumWitnesses,
  viewOfStore,
  type BatchId,
  type QuorumLogView,
  type QuorumMember,
} from '../../src/invariants/raft.ts'
import { afterPublish, newMetadataGhost } from '../../src/invariants/metadata.ts'
import { IdealQuorumStore } from '../../src/model-ports/ideal-quorum-store.ts'

/** `1a 1b 2c`: three records of epochs 1, 1, 2 with contents a, b, c. */
function logOf(text: string, startOffset = 0): QuorumLogView {
  const batches = text
    .split(' ')
    .filter(Boolean)
    .map((word, i): BatchId => {
      const base = startOffset + i
      return { baseOffset: base, nextOffset: base + 1, epoch: Number(word[0]), crc: word.charCodeAt(1) }
    })
  return {
    startOffset,
    endOffset: startOffset + batches.length,
    batches: (from, to) => batches.filter(({ nextOffset }) => nextOffset > from && nextOffset <= to),
  }
}

const member = (id: number, log: string, rest: Partial<QuorumMember> = {}): QuorumMember => ({
  id,
  isVoter: true,
  phase: 'follower',
  epoch: 1,
  votedId: -1,
  directoryId: 'd',
  highWatermark: 0,
  log: logOf(log),
  ...rest,
})

describe('K1', () => {
  test('two leaders of one epoch, also when the first one has stopped', () => {
    const ghost = newQuorumGhost()
    expect(afterStep(ghost, member(1, '1a', { phase: 'leader' }))).toBeNull()
    afterStop(ghost, 1)
    expect(afterStep(ghost, member(2, '1a', { phase: 'leader' }))?.invariant).toBe('K1')
  })

  test('two leaders of different epochs are allowed, and seen', () => {
    const ghost = newQuorumGhost()
    const both = [member(1, '1a', { phase: 'leader' }), member(2, '1a 2b', { phase: 'leader', epoch: 2 })]
    for (const each of both) expect(afterStep(ghost, each)).toBeNull()
    expect(quorumWitnesses(ghost, both)).toContain('K1: two leaders, of different epochs')
  })
})

describe('K2', () => {
  const named = (...logs: string[]): { id: number; log: QuorumLogView }[] =>
    logs.map((log, i) => ({ id: i + 1, log: logOf(log) }))

  test('two batches at one offset in one epoch', () => {
    expect(logsMatch(named('1a 1b', '1a', '1a 1x'))?.detail).toContain('offset 1 of epoch 1')
  })

  test('equal batches behind different ones', () => {
    expect(logsMatch(named('1a 2c', '0x 2c'))?.detail).toContain('differ before it, at offset 0')
  })

  test('logs that part for good are allowed', () => {
    expect(logsMatch(named('1a 1b', '1a 2c 2d', '1a'))).toBeNull()
  })
})

describe('K3', () => {
  const committed = () => {
    const ghost = newQuorumGhost()
    afterStep(ghost, member(1, '1a 1b', { phase: 'leader', highWatermark: 2 }))
    return ghost
  }

  test('a leader without what is committed', () => {
    const violation = afterStep(committed(), member(2, '1a 2x', { phase: 'leader', epoch: 2 }))
    expect(violation).toEqual({ invariant: 'K3', detail: expect.stringContaining('lacks offset 1 of epoch 1') })
  })

  test('a leader whose log starts behind it has it in its snapshot', () => {
    const leader = { ...member(2, '', { phase: 'leader', epoch: 2 }), log: logOf('2x', 2) }
    expect(afterStep(committed(), leader)).toBeNull()
  })

  test('another batch is committed at the same offset', () => {
    const violation = afterStep(committed(), member(2, '1a 1x', { highWatermark: 2 }))
    expect(violation?.detail).toContain('2 commits offset 1 of epoch 1')
  })

  test('a leader commits without a record of its own epoch', () => {
    const ghost = newQuorumGhost()
    const leader = { phase: 'leader', epoch: 2 } as const
    afterStep(ghost, member(1, '1a 1b 2c', leader))
    expect(afterStep(ghost, member(1, '1a 1b 2c', { ...leader, highWatermark: 2 }))?.detail).toContain('of its own')
    expect(afterStep(newQuorumGhost(), member(1, '1a 1b 2c', { ...leader, highWatermark: 3 }))).toBeNull()
  })

  test('a high watermark falls while its member lives; a new life starts over', () => {
    const ghost = committed()
    afterStop(ghost, 1)
    expect(afterStep(ghost, member(1, '1a 1b'))).toBeNull()
    afterStep(ghost, member(1, '1a 1b', { highWatermark: 2 }))
    expect(afterStep(ghost, member(1, '1a 1b', { highWatermark: 1 }))?.detail).toContain('falls from 2 to 1')
  })
})

describe('K5', () => {
  const vote = (ghost: ReturnType<typeof newQuorumGhost>, voter: number, votedId: number, directoryId = 'd') =>
    afterStep(ghost, member(voter, '', { phase: 'voted', epoch: 4, votedId, directoryId }))?.invariant

  test('two votes of one voter in one epoch', () => {
    const ghost = newQuorumGhost()
    for (const [voter, candidate] of [
      [3, 1],
      [3, 1],
      [2, 2],
    ])
      expect(vote(ghost, voter, candidate)).toBeUndefined()
    expect(vote(ghost, 3, 2, 'another disk')).toBeUndefined()
    expect(vote(ghost, 3, 2)).toBe('K5')
  })

  test('is forgotten only when the voter has a later epoch on its disk', () => {
    const ghost = newQuorumGhost()
    vote(ghost, 3, 1)
    forgetPast(ghost, () => 4, [3])
    expect(vote(ghost, 3, 2)).toBe('K5')
    forgetPast(ghost, () => 5, [3])
    expect(ghost.votes).toEqual([])
  })
})

describe('K8', () => {
  test('an observer stands for election, a voter observes', () => {
    const wrong = [member(1, '', { phase: 'candidate', isVoter: false }), member(1, '', { phase: 'observer' })]
    for (const each of wrong) expect(afterStep(newQuorumGhost(), each)?.invariant).toBe('K8')
  })

  test('a prospective raises its epoch', () => {
    const ghost = newQuorumGhost()
    afterStep(ghost, member(1, '', { phase: 'prospective' }))
    expect(afterStep(ghost, member(1, '', { phase: 'prospective', epoch: 2 }))?.invariant).toBe('K8')
  })
})

test('a store is seen as its batches', () => {
  const store = new IdealQuorumStore('cluster', 'directory')
  for (const epoch of [1, 1, 2]) store.append(encodeEntries([noOp, noOp], store.endOffset, epoch, 7))
  const view = viewOfStore(store)
  const shown = [...view.batches(0, 5)].map(({ baseOffset, nextOffset, epoch }) => [baseOffset, nextOffset, epoch])
  expect(shown).toEqual([
    [0, 2, 1],
    [2, 4, 1],
  ])
  expect([view.startOffset, view.endOffset]).toEqual([0, 6])
})

const noOp: MetadataEntry = { type: 'NoOpRecord', value: {} }

const registration = (brokerId: number, brokerEpoch: number, incarnation: string): MetadataEntry => ({
  type: 'RegisterBrokerRecord',
  value: {
    brokerId,
    brokerEpoch,
    incarnationId: `${incarnation}AAAAAAAAAAAAAAAAAAAAA`,
    endPoints: [],
    features: [],
    fenced: true,
    rack: null,
    logDirs: [],
  },
})

const partition = (leaderEpoch: number, partitionEpoch: number, isr = [1, 2]): MetadataEntry[] => [
  { type: 'TopicRecord', value: { name: 't', topicId: TOPIC } },
  {
    type: 'PartitionRecord',
    value: { partitionId: 0, topicId: TOPIC, replicas: [1, 2], isr, leader: isr[0], leaderEpoch, partitionEpoch },
  },
]
const TOPIC = 'dG9waWN0b3BpY3RvcGljdA'

function imageAt(offset: number, records: MetadataEntry[]): MetadataImage {
  const image = new MetadataImage('cluster')
  image.apply(records, offset, 1, 0)
  return image
}

describe('K6', () => {
  test('two images at one offset', () => {
    const ghost = newMetadataGhost()
    expect(afterPublish(ghost, 1, imageAt(5, [registration(1, 4, 'A'), registration(2, 5, 'A')]))).toBeNull()
    expect(afterPublish(ghost, 2, imageAt(5, [registration(2, 5, 'A'), registration(1, 4, 'A')]))).toBeNull()
    expect(afterPublish(ghost, 3, imageAt(5, [registration(1, 4, 'A')]))).toMatchObject({ invariant: 'K6' })
  })
})

describe('K7', () => {
  const broken = (first: MetadataEntry[], second: MetadataEntry[]): string | undefined => {
    const ghost = newMetadataGhost()
    expect(afterPublish(ghost, 1, imageAt(5, first))).toBeNull()
    const violation = afterPublish(ghost, 1, imageAt(6, second))
    if (violation !== null) expect(violation.invariant).toBe('K7')
    return violation?.detail
  }

  test('a broker epoch given twice', () => {
    expect(broken([registration(1, 4, 'A')], [registration(2, 4, 'A')])).toContain('given to 1 and to 2')
    expect(broken([registration(1, 4, 'A')], [registration(1, 4, 'B')])).toContain('given to 1 and to 1')
  })

  test('the epoch of a broker falls', () => {
    expect(broken([registration(1, 4, 'A')], [registration(1, 3, 'B')])).toContain('falls from 4 to 3')
    expect(broken([registration(1, 4, 'A')], [registration(1, 6, 'B')])).toBeUndefined()
  })

  test("a partition's epochs", () => {
    expect(broken(partition(3, 3), partition(2, 4))).toContain('leader epoch 3 is followed by 2')
    expect(broken(partition(3, 3), partition(3, 2))).toContain('partition epoch 3 is followed by 2')
    expect(broken(partition(3, 3), partition(3, 4, [2, 1]))).toContain('1 and 2 lead in epoch 3')
    expect(broken(partition(3, 3), partition(3, 3, [1]))).toContain('without a new partition epoch')
    expect(broken(partition(3, 3), partition(3, 4, [1]))).toBeUndefined()
  })
})
