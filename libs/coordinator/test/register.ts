/** The smallest coordinator that uses everything the shard offers: named registers, kept as offset-commit records. */
import type { Message, ReplyToken } from '@troupe/actor'
import { coordinatorHarness, type Harness, type HarnessOptions } from '@troupe/coordinator/harness'
import { parseStep, runTranscript } from '@troupe/coordinator/transcript'
import type { Coordinator, CoordinatorRecord, Decision } from '@troupe/coordinator'
import type { OffsetCommitKey, OffsetCommitValue } from '@troupe/wire/generated/coordinator-records'

interface RegisterRequest extends Message {
  readonly kind: 'set' | 'get' | 'many' | 'wait' | 'later' | 'settled' | 'break'
  readonly replyTo: ReplyToken
  readonly name: string
  readonly value: number
  readonly text: string
  readonly producer: number
}

export interface Registers {
  values: Map<string, number>
  pending: Map<number, Map<string, number>>
  waiting: ReplyToken[]
}

const write = (name: string, offset: number, metadata = ''): CoordinatorRecord => ({
  key: { type: 'OffsetCommitKey', value: { group: name, topic: '', partition: 0 } },
  value:
    offset < 0
      ? null
      : {
          type: 'OffsetCommitValue',
          version: 3,
          value: { offset, leaderEpoch: -1, metadata, commitTimestamp: 0, expireTimestamp: -1, topicId: '' },
        },
})

export const registerCoordinator: Coordinator<Registers, RegisterRequest> = {
  kind: 'register',
  create: () => ({ values: new Map(), pending: new Map(), waiting: [] }),
  decide(state, request): Decision {
    const { kind, name, value, text, producer } = request
    switch (kind) {
      case 'set': {
        const replies = state.waiting.splice(0).map((token) => ({ token, body: { errorCode: 0, woken: value } }))
        return {
          records: [write(name, value, text)],
          response: { errorCode: 0 },
          replies,
          // oxlint-disable-next-line unicorn/no-thenable
          then: [{ ...request, kind: 'settled' } as Message],
          ...(producer > 0 ? { transaction: { producerId: producer, producerEpoch: 0, guard: 1 } } : {}),
        }
      }
      case 'many': {
        const records = Array.from({ length: value }, (_, i) => write(`${name}${i}`, i, text))
        return { records, response: { errorCode: 0 }, atomic: false }
      }
      case 'get':
        return { records: [], response: { errorCode: 0, value: state.values.get(name) } }
      case 'wait':
        state.waiting.push(request.replyTo)
        return { records: [] }
      case 'later':
        return {
          records: [],
          response: { errorCode: 0 },
          timers: [{ name: 'later', at: value, message: { ...request, kind: 'set', producer: 0 } as Message }],
        }
      case 'break':
        // What a bug looks like: the state is half-changed when it throws.
        state.values.set(name, -1)
        throw new TypeError(`${name} breaks`)
      case 'settled':
        return { records: [], sends: [{ to: { broker: 2, actor: 'audit' }, message: { kind: 'wrote' } }] }
    }
  },
  replay(state, { key, value }, producer) {
    const { group } = key.value as OffsetCommitKey
    if (value === null) state.values.delete(group)
    else {
      const target = producer === null ? state.values : pendingOf(state, producer.producerId)
      target.set(group, (value.value as OffsetCommitValue).offset)
    }
  },
  replayEndTxn(state, producerId, _epoch, commit) {
    if (commit) for (const [name, value] of pendingOf(state, producerId)) state.values.set(name, value)
    state.pending.delete(producerId)
  },
  onLoaded: () => ({ records: [] }),
  refuse: (_request, error) => ({ errorCode: error }),
  isRead: ({ kind }) => kind === 'get',
}

function pendingOf(state: Registers, producerId: number): Map<string, number> {
  let values = state.pending.get(producerId)
  if (values === undefined) state.pending.set(producerId, (values = new Map()))
  return values
}

/** set x=1 [producer=7] [size=100] · get x · break x · wait · later x=1 at=50 · many x=3 [size=…] · end producer=7 commit|abort */
export function registerStage(options: HarnessOptions = {}): {
  harness: Harness<Registers>
  stage: (step: string) => string[]
} {
  const harness = coordinatorHarness(registerCoordinator, options)
  const stage = (line: string): string[] => {
    const done = harness.step(line)
    if (done !== null) return done
    const { verb, words, args } = parseStep(line)
    const producer = Number(args.producer ?? 0)
    if (verb === 'end') {
      return harness.ask({
        kind: 'writeTxnMarker',
        producerId: producer,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        commit: words[0] === 'commit',
        transactionVersion: 2,
      })
    }
    const name = Object.keys(args)[0] ?? words[0] ?? ''
    const value = verb === 'later' ? Number(args.at) : Number(args[name] ?? 0)
    return harness.ask({ kind: verb, name, value, producer, text: 'x'.repeat(Number(args.size ?? 0)) })
  }
  return { harness, stage }
}

export { runTranscript }
