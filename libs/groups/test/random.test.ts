/**
 * Clients that join, sync, commit, crash and come back in any order, over a log that stalls and refuses:
 *
 *  G6  durable state is the replay of the log's bytes
 *  G4  what OffsetFetch answers never goes back while the committed numbers only grow
 *  G5  an acknowledged commit is found by every later OffsetFetch
 *  L7  in the end every request has had its answer
 *
 * and the invariants of every group after every step (the harness checks them).
 */
import fc from 'fast-check'
import { parseStep } from '@troupe/coordinator/transcript'
import { KafkaError } from '@troupe/wire/errors'
import { expect, test } from 'vitest'
import type { GroupState } from '@troupe/groups'
import { groupStage, request } from './stage.ts'

const CLIENTS = 4
const actions = [
  'join',
  'join',
  'sync',
  'sync',
  'sync',
  'heartbeat',
  'leave',
  'commit',
  'commit',
  'commit',
  'simple',
  'txn',
  'txn',
  'end',
  'abort',
  'fetch',
  'fetch',
  'stable',
  'crash',
  'hold',
  'release',
  'release',
  'refuse',
  'reload',
  'lose',
  'wait',
  'expire',
] as const
const action = fc.record({ what: fc.constantFrom(...actions), who: fc.nat(CLIENTS - 1), amount: fc.nat(30) })
type Action = { what: (typeof actions)[number]; who: number; amount: number }

interface Client {
  instance: string | null
  memberId: string
  generation: number
  asked: number[]
}

interface Answered {
  errorCode?: number
  topics?: { partitions: { errorCode: number; committedOffset: number }[] }[]
}

/** What the runs came across: a test that never gets anywhere proves nothing. */
const seen = new Set<string>()

class World {
  readonly harness = groupStage({ showTimers: false }).harness
  readonly clients: Client[] = Array.from({ length: CLIENTS }, (_, i) => ({
    instance: i === 0 ? 'i0' : null,
    memberId: '',
    generation: -1,
    asked: [],
  }))
  private id = 0
  private number = 0
  /** Offsets whose commit was acknowledged, or may have happened. */
  private acknowledged = -1
  private fetched = -1
  private readonly commits = new Map<number, number>()
  private readonly transactions = new Map<number, number>()

  run({ what, who, amount }: Action): void {
    const client = this.clients[who]
    const instance = client.instance === null ? '' : ` instance=${client.instance}`
    const member = `member=${client.memberId}${instance}`
    switch (what) {
      case 'join':
        this.watch(
          client,
          this.ask(
            `join g client=c${who} ${client.memberId === '' ? instance : member} v=${amount % 2 === 0 ? 3 : 9} meta=m${amount % 3}`,
          ),
        )
        break
      case 'sync':
        this.watch(client, this.ask(`sync g ${member} gen=${client.generation} assign=${client.memberId}:x${amount}`))
        break
      case 'heartbeat':
        this.watch(client, this.ask(`heartbeat g ${member} gen=${client.generation}`))
        break
      case 'leave':
        this.ask(`leave g ${member}`)
        client.memberId = ''
        break
      case 'commit':
        this.commits.set(
          this.ask(`offset-commit g t/0=${++this.number} ${member} gen=${client.generation}`),
          this.number,
        )
        break
      case 'simple':
        this.commits.set(this.ask(`offset-commit g t/0=${++this.number}`), this.number)
        break
      case 'txn': {
        const id = this.ask(`txn-commit g t/0=${++this.number} producer=${who + 1} ${member} gen=${client.generation}`)
        if (this.errorOf(id) === KafkaError.NONE) this.transactions.set(who + 1, this.number)
        break
      }
      case 'end':
      case 'abort': {
        const id = this.ask(`end producer=${who + 1} ${what === 'end' ? 'commit' : 'abort'}`)
        const number = this.transactions.get(who + 1)
        if (what === 'end' && number !== undefined) this.commits.set(id, number)
        this.transactions.delete(who + 1)
        break
      }
      case 'fetch':
        this.fetch('')
        break
      case 'stable':
        this.fetch('stable')
        break
      case 'crash':
        client.memberId = ''
        client.generation = -1
        break
      case 'hold':
        this.harness.step('hold')
        break
      case 'release':
        this.harness.step('commit')
        break
      case 'refuse':
        this.harness.step(`refuse ${amount % 2 === 0 ? 'NOT_ENOUGH_REPLICAS' : 'REQUEST_TIMED_OUT'}`)
        break
      case 'reload':
      case 'lose':
        this.harness.step(what)
        break
      case 'wait':
        this.harness.step(`advance ${amount * 500}`)
        break
      case 'expire':
        this.harness.deliver({ kind: 'expireOffsets' })
    }
    this.learn()
    for (const { phase } of this.harness.shard.state?.groups.values() ?? []) seen.add(phase)
    this.compareWithLog()
  }

  private ask(line: string): number {
    const id = ++this.id
    this.harness.ask(request(parseStep(line)), id)
    return id
  }

  private watch(client: Client, id: number): void {
    client.asked.push(id)
  }

  /** Clients act on the answers they have had since. */
  private learn(): void {
    for (const client of this.clients) {
      for (const id of client.asked) {
        const body = this.harness.answers.get(id) as
          | { memberId?: string; generationId?: number; errorCode: number }
          | undefined
        if (body === undefined) continue
        if (body.errorCode === KafkaError.UNKNOWN_MEMBER_ID || body.errorCode === KafkaError.FENCED_INSTANCE_ID)
          client.memberId = ''
        else if (body.memberId) client.memberId = body.memberId
        if (body.errorCode === KafkaError.NONE && body.generationId !== undefined) client.generation = body.generationId
      }
      client.asked = client.asked.filter((id) => !this.harness.answers.has(id))
    }
    for (const [id, number] of this.commits) {
      if (!this.harness.answers.has(id)) continue
      if (this.errorOf(id) === KafkaError.NONE) {
        this.acknowledged = Math.max(this.acknowledged, number)
        seen.add('acknowledged commit')
      }
      this.commits.delete(id)
    }
  }

  /** −2: no answer yet. */
  private errorOf(id: number): number {
    const body = this.harness.answers.get(id) as Answered | undefined
    if (body === undefined) return -2
    return body.topics?.[0].partitions[0].errorCode ?? body.errorCode ?? (body as { error?: number }).error ?? -1
  }

  private fetch(stable: string): void {
    this.learn()
    const { acknowledged } = this
    const answer = this.harness.answers.get(this.ask(`fetch g t/0 ${stable}`)) as Answered | undefined
    if (answer?.topics?.[0] === undefined) return // held back, or the coordinator is loading
    const { committedOffset, errorCode } = answer.topics[0].partitions[0]
    if (errorCode === KafkaError.UNSTABLE_OFFSET_COMMIT) {
      seen.add('unstable offset')
      return
    }
    expect(committedOffset).toBeGreaterThanOrEqual(acknowledged)
    expect(committedOffset).toBeGreaterThanOrEqual(this.fetched)
    this.fetched = committedOffset
  }

  private compareWithLog(): void {
    const { shard } = this.harness
    // A marker that is not committed is in the log and not yet replayed.
    if (shard.phase !== 'active' || shard.queue.length > 0) return
    expect(durable(this.harness.state)).toEqual(durable(this.harness.replayed()))
  }

  finish(): void {
    this.harness.step('commit')
    for (let i = 0; i < 4; i++) this.harness.step('advance 400000')
    expect(this.harness.unanswered()).toBe(0)
    this.fetch('')
  }
}

/** What the log must hold: groups that have a record, and all offsets. */
function durable({ groups, offsets }: GroupState): object {
  return {
    groups: [...groups.values()]
      .filter(({ persisted }) => persisted !== null)
      .map(({ groupId, persisted }) => ({ groupId, persisted }))
      .sort((a, b) => (a.groupId < b.groupId ? -1 : 1)),
    offsets,
  }
}

test('any order of requests, stalls, refusals and reloads keeps the promises', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 120 }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
      world.finish()
    }),
    { numRuns: Number(process.env.RUNS ?? 300) },
  )
  expect([...seen].sort()).toEqual([
    'CompletingRebalance',
    'Empty',
    'PreparingRebalance',
    'Stable',
    'acknowledged commit',
    'unstable offset',
  ])
})
