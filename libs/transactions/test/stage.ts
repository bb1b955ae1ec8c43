/**
 * The stage of the transcripts: a transaction coordinator on a partition in memory, leaders that write markers, an
 * allocator of producer ids.
 *
 *   init id=a [timeout=] [version=] [pid= epoch=] [2pc] [keep]      add id=a pid= epoch= [version=] t:0,1 …
 *   offsets id=a pid= epoch= group=g     verify id=a pid= epoch= t:0     end id=a pid= epoch= commit|abort [version=]
 *   describe a b      list [states=A,B] [pids=1,2] [duration=] [pattern=]
 *
 *   given id=a state=… pid= epoch= [prev= next= tv= started= updated= timeout=] [t:0,1 …]   written as a record
 *   markers hold | markers write                    whether leaders answer by themselves
 *   answer t:0 [ERROR|broker-down]                  one leader answers
 *   again t:0 · late t:0                            the same answer once more · one to the question before
 *   ids hold | ids give | ids fail                  the allocator
 *   leader t:0=2      delete t      create t        metadata
 *   version 1         set property=value
 *
 * What happens, beside `append` and `reply` of the harness:   marker t:0@1 commit 1000/0 epoch=1 tv=2
 */
import type { Address, ClusterView, Message, PartitionView, TopicView } from '@troupe/actor'
import type { Coordinator } from '@troupe/coordinator'
import { coordinatorHarness, type Harness } from '@troupe/coordinator/harness'
import { parseStep, type Step } from '@troupe/coordinator/transcript'
import { KafkaError } from '@troupe/wire/errors'
import { transactionCoordinator } from '../src/coordinator.ts'
import { recordOf } from '../src/records.ts'
import type { TransactionShardState } from '../src/shard-state.ts'
import type { TransactionMetadata } from '../src/transaction-metadata.ts'
import { stateOfId, type TransactionState } from '../src/transaction-state.ts'

export const defaults: Record<string, unknown> = {
  'offsets.topic.num.partitions': 3,
  'transaction.max.timeout.ms': 900_000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 10_000,
  'transaction.remove.expired.transaction.cleanup.interval.ms': 3_600_000,
  'transactional.id.expiration.ms': 604_800_000,
  'transaction.two.phase.commit.enable': false,
  'add.partitions.to.txn.retry.backoff.max.ms': 100,
  'request.timeout.ms': 30_000,
}

interface Given extends Message {
  readonly kind: 'given'
  readonly metadata: TransactionMetadata
}

/** Writes any state as a record, so that a scenario can start anywhere. */
export const scripted: Coordinator<TransactionShardState, never> = {
  ...transactionCoordinator,
  decide(state, request: Message, env) {
    if (request.kind !== 'given') return transactionCoordinator.decide(state, request as never, env)
    const version = env.cluster.features.get('transaction.version') ?? 0
    return { records: [recordOf((request as Given).metadata, version)] }
  },
}

export interface TransactionStage {
  readonly harness: Harness<TransactionShardState>
  readonly step: (line: string) => string[]
}

export function transactionStage(): TransactionStage {
  const config = { ...defaults }
  const features = new Map([['transaction.version', 2]])
  const topics = new Map<string, TopicView>([topic('t', 3), topic('u', 1), topic('__consumer_offsets', 4)])
  const cluster: Partial<ClusterView> = { topic: (name) => topics.get(name), features }
  const flags = { markers: 'write', ids: 'give' }
  const asked = new Map<string, number>()
  const answered = new Map<string, number>()
  const before = new Map<string, number>()
  const queue: object[] = []
  let lastProducerId = 999
  const askedIds: number[] = []
  const onSend = ({ broker, actor }: Address, message: Message): string | null => {
    if (message.kind === 'nextProducerId') {
      askedIds.push(message.replyTo!.id)
      if (flags.ids !== 'hold') giveIds()
      return 'ask for a producer id'
    }
    if (message.kind !== 'writeTxnMarker') return null
    const marker = message as unknown as Record<string, unknown>
    const name = nameOf(actor, topics)
    before.set(name, asked.get(name) ?? 0)
    asked.set(name, message.replyTo!.id)
    if (flags.markers === 'write') {
      queue.push({ kind: 'reply', id: message.replyTo!.id, body: { error: KafkaError.NONE } })
    }
    return (
      `marker ${name}@${broker} ${marker.commit ? 'commit' : 'abort'} ${marker.producerId}/${marker.producerEpoch}` +
      ` epoch=${marker.coordinatorEpoch} tv=${marker.transactionVersion}`
    )
  }
  const giveIds = (): void => {
    for (const id of askedIds.splice(0)) {
      const failed = flags.ids === 'fail'
      const body = failed
        ? { error: KafkaError.COORDINATOR_LOAD_IN_PROGRESS, producerId: -1 }
        : { error: KafkaError.NONE, producerId: ++lastProducerId }
      queue.push({ kind: 'reply', id, body })
    }
  }
  const harness = coordinatorHarness(scripted, { config, cluster, showTimers: false, onSend })
  const settle = (lines: string[]): string[] => {
    const said = [...lines]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) said.push(...harness.deliver(next))
    return said.map(brief)
  }
  const reply = (id: number, word = 'NONE'): string[] =>
    harness.deliver({
      kind: 'reply',
      id,
      body:
        word in KafkaError ? { error: KafkaError[word as keyof typeof KafkaError] } : { kind: 'failed', reason: word },
    })
  const own: Record<string, (step: Step) => string[]> = {
    markers: ({ words }) => {
      flags.markers = words[0]
      return []
    },
    ids: ({ words }) => {
      flags.ids = words[0]
      if (flags.ids !== 'hold') giveIds()
      return []
    },
    answer: ({ words: [name, word] }) => {
      const id = asked.get(name)
      if (id === undefined) return []
      answered.set(name, id)
      return reply(id, word)
    },
    again: ({ words: [name, word] }) => reply(answered.get(name)!, word),
    late: ({ words: [name, word] }) => reply(before.get(name)!, word),
    leader: ({ args }) => {
      for (const [name, leader] of Object.entries(args)) moveLeader(topics, name, Number(leader))
      return []
    },
    delete: ({ words }) => {
      for (const name of words) topics.delete(name)
      return []
    },
    create: ({ words }) => {
      for (const name of words) topics.set(...topic(name, 3))
      return []
    },
    version: ({ words }) => {
      features.set('transaction.version', Number(words[0]))
      return []
    },
    set: ({ args }) => {
      for (const [name, value] of Object.entries(args)) config[name] = JSON.parse(value)
      return []
    },
    given: (step) => harness.deliver({ kind: 'given', metadata: given(step) }),
  }
  const step = (line: string): string[] => {
    const parsed = parseStep(line)
    const done = harness.step(line)
    if (done !== null) return settle(done)
    if (Object.hasOwn(own, parsed.verb)) return settle(own[parsed.verb](parsed))
    return settle(harness.ask(request(parsed)))
  }
  return { harness, step }
}

export function topic(name: string, count: number): [string, TopicView] {
  const partitions = Array.from({ length: count }, (_, partition) => partitionView(partition, (partition % 3) + 1))
  return [name, { name, id: `id-of-${name}`, internal: name.startsWith('__'), partitions }]
}

function partitionView(partition: number, leader: number): PartitionView {
  return {
    partition,
    leader,
    replicas: [1, 2, 3],
    isr: [1, 2, 3],
    elr: [],
    lastKnownElr: [],
    addingReplicas: [],
    removingReplicas: [],
    leaderEpoch: 0,
    partitionEpoch: 0,
    leaderRecoveryState: 0,
  }
}

export function moveLeader(topics: Map<string, TopicView>, name: string, leader: number): void {
  const [topicName, partition] = name.split(':')
  const view = topics.get(topicName)!
  const partitions = view.partitions.map((each) => (each.partition === Number(partition) ? { ...each, leader } : each))
  topics.set(topicName, { ...view, partitions })
}

export function nameOf(actor: string, topics: Map<string, TopicView>): string {
  const [kind, id, partition] = actor.split(':')
  if (kind === 'groups') return `__consumer_offsets:${id}`
  return `${[...topics.values()].find((each) => each.id === id)?.name ?? id}:${partition}`
}

/** `t:0,1` → topic t, partitions 0 and 1. */
function topicsOf(words: readonly string[]): { name: string; partitions: number[] }[] {
  return words
    .filter((word) => word.includes(':'))
    .map((word) => {
      const [name, partitions] = word.split(':')
      return { name, partitions: partitions.split(',').map(Number) }
    })
}

class NoSuchStep extends Error {}

export function request({ verb, words, args }: Step): object {
  const number = (name: string, otherwise: number): number => Number(args[name] ?? otherwise)
  const transactionalId = args.id ?? ''
  const owner = { producerId: number('pid', -1), producerEpoch: number('epoch', -1) }
  switch (verb) {
    case 'init':
      return {
        kind: 'initProducerId',
        version: number('version', 5),
        clientHost: '/127.0.0.1',
        body: {
          transactionalId,
          ...owner,
          transactionTimeoutMs: number('timeout', 60_000),
          enable2Pc: words.includes('2pc'),
          keepPreparedTxn: words.includes('keep'),
        },
      }
    case 'add':
    case 'verify':
      return {
        kind: 'addPartitions',
        transactionalId,
        ...owner,
        version: number('version', 5),
        verifyOnly: verb === 'verify',
        topics: topicsOf(words),
      }
    case 'offsets':
      return {
        kind: 'addOffsets',
        version: number('version', 3),
        body: { transactionalId, ...owner, groupId: args.group },
      }
    case 'end':
      return {
        kind: 'endTxn',
        version: number('version', 5),
        body: { transactionalId, ...owner, committed: words[0] === 'commit' },
      }
    case 'describe':
      return { kind: 'describeTransactions', body: { transactionalIds: words } }
    case 'list':
      return {
        kind: 'listTransactions',
        body: {
          stateFilters: args.states?.split(',') ?? [],
          producerIdFilters: args.pids?.split(',').map(Number) ?? [],
          durationFilter: number('duration', -1),
          transactionalIdPattern: args.pattern ?? null,
        },
      }
    default:
      throw new NoSuchStep(verb)
  }
}

export function given({ words, args }: Step): TransactionMetadata {
  const number = (name: string, otherwise: number): number => Number(args[name] ?? otherwise)
  return {
    transactionalId: args.id,
    producerId: number('pid', 1),
    previousProducerId: number('prev', number('pid', 1)),
    nextProducerId: number('next', -1),
    producerEpoch: number('epoch', 0),
    lastProducerEpoch: -1,
    timeoutMs: number('timeout', 60_000),
    state: args.state as TransactionState,
    topics: topicsOf(words).map(({ name, partitions }) => ({ topic: name, partitions })),
    startedAt: number('started', args.state === 'EMPTY' ? -1 : 0),
    updatedAt: number('updated', 0),
    clientVersion: number('tv', 2),
  }
}

/** A record of the transaction log on one readable line. */
function brief(line: string): string {
  const record = /^append TransactionLog transactionalId=(\S+) = \{(.*)\}$/.exec(line)
  if (record === null) {
    return line.replace(/^append TransactionLog transactionalId=(\S+) tombstone$/, 'append $1 tombstone')
  }
  const [, id, body] = record
  const field = (name: string): string => new RegExp(`(?:^| )${name}=(\\S+)`).exec(body)?.[1] ?? ''
  const partitions = [...body.matchAll(/topic=(\S+) partitionIds=\[([\d ]*)\]/g)].map(
    ([, name, ids]) => ` ${name}:${ids.replaceAll(' ', ',')}`,
  )
  const optional = (label: string, name: string, absent: string): string =>
    field(name) === absent ? '' : ` ${label}=${field(name)}`
  return (
    `append ${id} ${stateOfId(Number(field('transactionStatus')))}` +
    ` ${field('producerId')}/${field('producerEpoch')}` +
    optional('prev', 'previousProducerId', field('producerId')) +
    optional('next', 'nextProducerId', '-1') +
    optional('tv', 'clientTransactionVersion', '') +
    optional('started', 'transactionStartTimestampMs', '-1') +
    partitions.join('')
  )
}
