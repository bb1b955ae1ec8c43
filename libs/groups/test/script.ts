/** Random scripts for the comparison with Apache Kafka, played against our coordinator. */
import fc from 'fast-check'
import { coordinatorHarness } from '@troupe/coordinator/harness'
import { errorName, type ErrorCode } from '@troupe/wire/errors'
import type { GroupMetadataValue, OffsetCommitKey, OffsetCommitValue } from '@troupe/wire/generated/coordinator-records'
import { zeroUuid } from '@troupe/wire/io'
import type {
  DescribeGroupsResponse,
  JoinGroupResponse,
  LeaveGroupResponse,
  OffsetCommitResponse,
  OffsetFetchResponse_OffsetFetchResponseGroup,
  SyncGroupResponse,
} from '@troupe/wire/messages'
import { groupCoordinator } from '../src/index.ts'
import { scriptRequest } from './script-request.ts'

const CLIENTS = 5 // the last two are static

/** `next` is what a real client would do now; the rest is what happens to it. */
const kinds = [
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'next',
  'join',
  'join',
  'join',
  'rejoin',
  'sync',
  'sync',
  'sync',
  'sync',
  'heartbeat',
  'leave',
  'commit',
  'commit',
  'simple',
  'txn',
  'end',
  'delete',
  'forget',
  'expire',
  'advance',
  'advance',
  'advance',
  'crash',
  'zombie',
] as const
interface Action {
  readonly what: (typeof kinds)[number]
  readonly who: number
  readonly amount: number
}
const action: fc.Arbitrary<Action> = fc.record({
  what: fc.constantFrom(...kinds),
  who: fc.nat(CLIENTS - 1),
  amount: fc.nat(60),
})
export const script = fc.array(action, { minLength: 10, maxLength: 90 })

const decoder = new TextDecoder()
const text = (bytes: Uint8Array): string => decoder.decode(bytes)

interface Client {
  readonly instance: string
  member: string
  generation: number
  leads: boolean
  parked: boolean
  want: 'join' | 'sync' | 'heartbeat'
  ids: number[]
}

/** Plays a script against our coordinator; `lines` is what Kafka is to be asked, `said` what we said to each. */
export class Ours {
  readonly lines: string[] = []
  readonly said: string[][] = []
  private readonly harness = coordinatorHarness(groupCoordinator, {
    now: 1_000_000,
    showTimers: false,
    config: {
      'group.initial.rebalance.delay.ms': 1500,
      'group.max.size': 4,
      'group.min.session.timeout.ms': 1,
      'offsets.retention.check.interval.ms': 1e12,
    },
  })
  private readonly clients: Client[] = Array.from({ length: CLIENTS }, (_, i) => ({
    instance: i < CLIENTS - 2 ? '-' : `i${i}`,
    member: '',
    generation: 0,
    leads: false,
    parked: false,
    want: 'join',
    ids: [],
  }))
  private readonly ids = new Map<string, string>()
  private readonly names = new Map<string, string>()
  private readonly counts = new Map<string, number>()
  private readonly asked = new Map<number, string>()
  private readonly answered = new Set<number>()
  private records = 0
  private number = 0

  run({ what: planned, who, amount }: Action): void {
    const client = this.clients[who]
    const what = planned !== 'next' ? planned : client.parked ? 'advance' : client.want
    const id = this.lines.length + 1
    const own = [client.member, client.instance]
    const partition = amount % 2
    const generation = what === 'zombie' ? client.generation - 1 : client.generation
    switch (what) {
      case 'join':
      case 'rejoin': {
        if (client.parked) return
        client.parked = true
        client.ids.push(id)
        const protocols = ['range', 'range', 'range,sticky', 'sticky'][amount % 4]
        const member = what === 'join' || client.member !== '' ? client.member : 'nobody'
        return this.step([
          'join',
          id,
          'g',
          `c${id}`,
          member,
          client.instance,
          amount % 3 === 0 ? 3 : 9,
          protocols,
          `m${amount % 2}`,
          10007 + who * 1100,
          30011 + who * 1300,
        ])
      }
      case 'sync': {
        if (client.parked) return
        client.parked = true
        client.ids.push(id)
        const assignments = client.leads
          ? this.clients.filter(({ member }) => member !== '').map(({ member }) => `${member}:x${id}`)
          : []
        return this.step(['sync', id, 'g', ...own, generation, assignments.join(',')])
      }
      case 'heartbeat':
        client.ids.push(id)
        return this.step(['heartbeat', id, 'g', ...own, generation])
      case 'zombie':
        return this.step(['heartbeat', id, 'g', ...own, generation])
      case 'leave':
        return this.step(['leave', id, 'g', ...own])
      case 'commit':
        return this.step([
          'commit',
          id,
          'g',
          ...own,
          client.generation - (amount % 5 === 0 ? 1 : 0),
          8 + partition,
          partition,
          ++this.number,
        ])
      case 'simple':
        return this.step(['commit', id, 'g', '', '-', -1, 9, partition, ++this.number])
      case 'txn':
        return this.step([
          'txn',
          id,
          'g',
          ...(amount % 3 === 0 ? ['', '-', -1] : [...own, client.generation]),
          5,
          partition,
          ++this.number,
          who,
        ])
      case 'end':
        return this.step(['end', id, who, amount % 2 === 0 ? 'commit' : 'abort'])
      case 'delete':
      case 'forget':
        return this.step([what, id, 'g'])
      case 'expire':
        return this.step(['expire', id])
      case 'advance':
        return this.step(['advance', id, amount * 331])
      case 'crash':
        client.member = ''
        client.want = 'join'
        client.parked = false
        client.ids = []
    }
  }

  private step(fields: readonly (string | number)[]): void {
    this.lines.push(fields.join('\t'))
    const f = fields.map(String)
    const id = Number(f[1])
    this.asked.set(id, f[0])
    if (f[0] === 'advance') this.harness.step(`advance ${f[2]}`)
    else if (f[0] === 'expire') this.harness.deliver({ kind: 'expireOffsets' })
    else
      this.harness.ask(
        scriptRequest(f, (name) => this.id(name)),
        id,
      )
    const said: string[] = []
    // What was said in this step, then what it wrote: names are given in the order in which ids are seen.
    const news = [...this.harness.answers].filter(([each]) => !this.answered.has(each) && this.asked.has(each))
    for (const [each, body] of news) {
      this.answered.add(each)
      const line = this.say(each, this.asked.get(each)!, body)
      if (line !== null && (each === id || !isUnheard(line, f[0]))) said.push(line)
    }
    const records = this.harness.records()
    for (const { key, value } of records.slice(this.records)) {
      said.push(
        key.type === 'GroupMetadataKey'
          ? this.groupRecord(value === null ? null : (value.value as GroupMetadataValue), value?.version)
          : this.offsetRecord(
              key.value as OffsetCommitKey,
              value === null ? null : (value.value as OffsetCommitValue),
              value?.version,
            ),
      )
    }
    this.records = records.length
    said.push(this.look())
    this.said.push(said)
    this.learn()
  }

  private say(id: number, kind: string, body: unknown): string | null {
    const { errorCode } = body as { errorCode: ErrorCode }
    const start = `${kind} ${id} ${errorName(errorCode ?? 0)}`
    switch (kind) {
      case 'join': {
        const answer = body as JoinGroupResponse
        const name = this.name(answer.memberId)
        if (errorCode !== 0) return `${start} ${name}`
        const members = answer.members.map((member) => `${this.name(member.memberId)}=${text(member.metadata)}`)
        const leader = this.name(answer.leader)
        const { generationId, protocolName, skipAssignment } = answer
        return `${start} ${name} ${generationId} ${protocolName} ${leader} ${skipAssignment} ${members}`
      }
      case 'sync':
        return `${start} ${text((body as SyncGroupResponse).assignment)}`
      case 'leave':
        return `${kind} ${id} ${errorName((body as LeaveGroupResponse).members[0].errorCode as ErrorCode)}`
      case 'commit':
      case 'txn':
        return `${kind} ${id} ${errorName((body as OffsetCommitResponse).topics[0].partitions[0].errorCode as ErrorCode)}`
      case 'delete':
        return `${kind} ${id} ${errorName((body as { results: { errorCode: ErrorCode }[] }).results[0].errorCode)}`
      case 'forget': {
        const { topics } = body as OffsetCommitResponse
        return topics.length === 0
          ? start
          : `${kind} ${id} ${errorName(topics[0].partitions[0].errorCode as ErrorCode)}`
      }
      case 'end':
        return null
      default:
        return start
    }
  }

  private groupRecord(value: GroupMetadataValue | null, version?: number): string {
    if (value === null) return 'record group tombstone'
    const members = value.members.map(
      (member) =>
        `${this.name(member.memberId)}=${text(member.assignment)}/${member.sessionTimeout}/${member.rebalanceTimeout}`,
    )
    return (
      `record group v${version} ${value.generation} ${value.protocolType} ${value.protocol} ${this.name(value.leader ?? '')} ` +
      `${value.currentStateTimestamp} ${members}`
    )
  }

  private offsetRecord(
    { topic, partition }: OffsetCommitKey,
    value: OffsetCommitValue | null,
    version?: number,
  ): string {
    return `record offset ${topic}/${partition} ${value === null ? 'tombstone' : `v${version} ${value.offset}`}`
  }

  private look(): string {
    const ask = (message: object): unknown => {
      const id = 1_000_000 + this.harness.answers.size
      this.harness.ask({ client: {}, ...message }, id)
      return this.harness.answers.get(id)
    }
    const [group] = (ask({ kind: 'describeGroups', version: 6, body: { groups: ['g'] } }) as DescribeGroupsResponse)
      .groups
    const members = group.members.map((member) => ` ${this.name(member.memberId)}=${text(member.memberAssignment)}`)
    const fetched = ask({
      kind: 'offsetFetch',
      version: 10,
      requireStable: true,
      body: {
        groupId: 'g',
        memberId: null,
        memberEpoch: -1,
        topics: [{ name: 't', topicId: zeroUuid, partitionIndexes: [0, 1] }],
      },
    }) as OffsetFetchResponse_OffsetFetchResponseGroup
    const offsets = fetched.topics[0].partitions.map(
      ({ errorCode, committedOffset }) => ` ${errorCode === 0 ? committedOffset : errorName(errorCode as ErrorCode)}`,
    )
    return `group ${group.groupState} ${group.protocolType}/${group.protocolData}${members.join('')} |${offsets.join('')}`
  }

  private learn(): void {
    for (const client of this.clients) {
      for (const id of client.ids.splice(0)) {
        const body = this.harness.answers.get(id) as JoinGroupResponse | undefined
        if (body === undefined) {
          client.ids.push(id)
          continue
        }
        client.parked = false
        if (this.asked.get(id) !== 'join') {
          client.want = body.errorCode === 0 ? 'heartbeat' : 'join'
          if (errorName(body.errorCode as ErrorCode) === 'UNKNOWN_MEMBER_ID') client.member = ''
          continue
        }
        client.member = this.name(body.memberId) === 'nobody' ? '' : this.name(body.memberId)
        if (body.errorCode !== 0) continue
        client.want = body.skipAssignment ? 'heartbeat' : 'sync'
        client.generation = body.generationId
        client.leads = body.leader === body.memberId
      }
    }
  }

  private name(id: string): string {
    if (id.length < 38) return id
    let name = this.names.get(id)
    if (name === undefined) {
      const prefix = id.slice(0, -37)
      const count = (this.counts.get(prefix) ?? 0) + 1
      this.counts.set(prefix, count)
      name = prefix.startsWith('i') ? `${prefix}#${count}` : prefix
      this.names.set(id, name)
      this.ids.set(name, id)
    }
    return name
  }

  private id(name: string): string {
    return this.ids.get(name) ?? name
  }
}

/** Answers to requests that Kafka leaves without one, their clients having gone on. */
function isUnheard(line: string, step: string): boolean {
  return (
    /^join \d+ REBALANCE_IN_PROGRESS/.test(line) ||
    /^sync \d+ UNKNOWN_MEMBER_ID/.test(line) ||
    (step === 'sync' && /^sync \d+ REBALANCE_IN_PROGRESS/.test(line))
  )
}
