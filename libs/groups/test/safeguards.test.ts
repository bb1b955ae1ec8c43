/** Z30: each fence, switched off, lets through what it is there to stop. */
import { KafkaError } from '@troupe/wire/errors'
import { expect, test } from 'vitest'
import { groupStage } from './stage.ts'

interface Offsets {
  topics: { partitions: { committedOffset: number; errorCode: number }[] }[]
}

/** A zombie of generation 0 commits 3 after the member of generation 1 has committed 9. */
function zombie(verb: string, safeguards: object): number {
  const { harness, stage } = groupStage({ safeguards })
  const steps = [
    'join g client=a v=3',
    'advance 0',
    'sync g member=a-#1 gen=1 assign=a-#1:x',
    'offset-commit g t/0=9 member=a-#1 gen=1',
    `${verb} g t/0=3 member=a-#1 gen=0 producer=7`,
    'end producer=7 commit',
    'fetch g t/0',
  ]
  for (const step of steps) stage(step)
  return ([...harness.answers.values()].at(-1) as Offsets).topics[0].partitions[0].committedOffset
}

test('fenceOffsetCommit - a zombie moves the group back without it', () => {
  expect(zombie('offset-commit', {})).toBe(9)
  expect(zombie('offset-commit', { fenceOffsetCommit: false })).toBe(3)
})

test("fenceTxnOffsetCommit - a zombie's transaction moves the group back without it", () => {
  expect(zombie('txn-commit', {})).toBe(9)
  expect(zombie('txn-commit', { fenceTxnOffsetCommit: false })).toBe(3)
})

test('requireStableOffsets - without it an offset is handed out that a transaction is about to replace', () => {
  const errorWith = (safeguards: object): number => {
    const { harness, stage } = groupStage({ safeguards })
    for (const step of ['offset-commit g t/0=1', 'txn-commit g t/0=5 producer=7', 'fetch g t/0 stable']) stage(step)
    return ([...harness.answers.values()].at(-1) as Offsets).topics[0].partitions[0].errorCode
  }
  expect(errorWith({})).toBe(KafkaError.UNSTABLE_OFFSET_COMMIT)
  expect(errorWith({ requireStableOffsets: false })).toBe(KafkaError.NONE)
})
