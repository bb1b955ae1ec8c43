/**
 * The stage of the group coordinator's transcripts. Steps beside the harness's own (`advance`, `hold`, `reload` …):
 *
 *   join g client=c [member=…] [instance=…] [v=9] [protocols=range,sticky] [topics=t1,t2] [session=…]
 *          [rebalance=…] [type=…]
 *   sync g member=… gen=1 [assign=member:text,…] [instance=…] [type=…] [protocol=…]
 *   heartbeat g member=… gen=1 [instance=…]
 *   leave g member=…[,…] [instance=…] [v=5]
 *   offset-commit g t/0=5[@epoch] … [member=…] [gen=1] [instance=…] [v=9] [meta=…] [retention=…] [id=<topic id>]
 *   txn-commit g t/0=5 … producer=7 [member=…] [gen=1]     end producer=7 commit|abort
 *   fetch g [t/0 …] [stable]          offset-delete g t/0 …      topics-deleted t …
 *   describe g [v=6]   list [states=…] [types=…]   delete g …    config <property>=<value>
 *
 * Random uuids are written #1, #2 … in the order in which they appear.
 */
import { coordinatorHarness, type Harness } from '@troupe/coordinator/harness'
import { parseStep, type Stage, type Step } from '@troupe/coordinator/transcript'
import { groupCoordinator, type GroupState } from '@troupe/groups'
import { Writer, zeroUuid } from '@troupe/wire/io'
import type { ClusterView, Safeguards, TopicView } from '@troupe/actor'

export interface GroupStage {
  readonly harness: Harness<GroupState>
  readonly stage: Stage
}

const text = new TextEncoder()

/** A consumer's subscription, version 0. */
export function subscription(topics: readonly string[]): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.stringArray(topics)
  writer.nullableBytesField(null)
  return writer.bytes()
}

const topicId = 'TTTTTTTTTTTTTTTTTTTTTQ'
const topic = { name: 't', id: topicId, internal: false, partitions: [] } as TopicView
const cluster: Partial<ClusterView> = {
  topic: (name) => (name === 't' ? topic : undefined),
  topicById: (id) => (id === topicId ? topic : undefined),
}

export function groupStage(
  options: { safeguards?: Partial<Safeguards>; seed?: number; showTimers?: boolean } = {},
): GroupStage {
  const config: Record<string, number> = {
    'group.initial.rebalance.delay.ms': 0,
    'offsets.retention.check.interval.ms': 1e9,
  }
  const harness = coordinatorHarness(groupCoordinator, {
    config,
    cluster,
    showTimers: false,
    now: 1_000_000,
    ...options,
  })
  const uuids: string[] = []
  const shorten = (line: string): string =>
    line
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g, (uuid) => {
        if (!uuids.includes(uuid)) uuids.push(uuid)
        return `#${uuids.indexOf(uuid) + 1}`
      })
      .replaceAll(` topicId=${zeroUuid}`, '')
      .replaceAll(topicId, 'id-of-t')
  const lengthen = (line: string): string =>
    line.replace(/#(\d+)/g, (_, n) => uuids[Number(n) - 1] ?? '#').replaceAll('id-of-t', topicId)
  const stage: Stage = (line) => {
    const done = harness.step(line)
    if (done !== null) return done.map(shorten)
    const step = parseStep(lengthen(line))
    if (step.verb === 'config') {
      for (const [name, value] of Object.entries(step.args)) config[name] = Number(value)
      return []
    }
    const tell = step.verb === 'topics-deleted'
    return (tell ? harness.deliver(request(step)) : harness.ask(request(step))).map(shorten)
  }
  return { harness, stage }
}

export function request({ verb, words, args }: Step): object {
  const groupId = words[0]
  const client = { clientId: args.client ?? 'c', clientHost: '/127.0.0.1' }
  const memberId = args.member ?? ''
  const groupInstanceId = args.instance ?? null
  const make = (kind: string, version: number, body: object): object => ({
    kind,
    version: Number(args.v ?? version),
    client,
    body,
  })
  switch (verb) {
    case 'join': {
      const metadata = args.topics === undefined ? text.encode(args.meta ?? '') : subscription(args.topics.split(','))
      return make('joinGroup', 9, {
        groupId,
        memberId,
        groupInstanceId,
        protocolType: args.type ?? 'consumer',
        reason: null,
        sessionTimeoutMs: Number(args.session ?? 10_000),
        rebalanceTimeoutMs: Number(args.rebalance ?? 60_000),
        protocols: (args.protocols ?? 'range').split(',').map((name) => ({ name, metadata })),
      })
    }
    case 'sync':
      return make('syncGroup', 5, {
        groupId,
        memberId,
        groupInstanceId,
        generationId: Number(args.gen),
        protocolType: args.type ?? null,
        protocolName: args.protocol ?? null,
        assignments: (args.assign ?? '')
          .split(',')
          .filter(Boolean)
          .map((each) => {
            const [member, assignment] = each.split(':')
            return { memberId: member, assignment: text.encode(assignment) }
          }),
      })
    case 'heartbeat':
      return make('heartbeat', 4, { groupId, memberId, groupInstanceId, generationId: Number(args.gen) })
    case 'leave':
      return make('leaveGroup', 5, {
        groupId,
        memberId,
        members: memberId.split(',').map((id) => ({ memberId: id, groupInstanceId, reason: null })),
      })
    case 'offset-commit':
      return make('offsetCommit', 9, {
        groupId,
        memberId,
        groupInstanceId,
        generationIdOrMemberEpoch: Number(args.gen ?? -1),
        retentionTimeMs: Number(args.retention ?? -1),
        topics: topicsOf(args),
      })
    case 'txn-commit':
      return {
        guard: 1,
        ...make('txnOffsetCommit', 5, {
          transactionalId: 'tx',
          groupId,
          memberId,
          groupInstanceId,
          generationId: Number(args.gen ?? -1),
          producerId: Number(args.producer),
          producerEpoch: Number(args.epoch ?? 0),
          topics: topicsOf(args),
        }),
      }
    case 'end':
      return {
        kind: 'writeTxnMarker',
        producerId: Number(args.producer),
        producerEpoch: Number(args.epoch ?? 0),
        coordinatorEpoch: 0,
        commit: words[0] === 'commit',
        transactionVersion: 2,
      }
    case 'fetch':
      return {
        ...make('offsetFetch', 10, fetchBody(groupId, words.slice(1), args)),
        requireStable: words.includes('stable'),
      }
    case 'offset-delete':
      return make('offsetDelete', 0, {
        groupId,
        topics: words
          .slice(1)
          .map((word) => ({ name: word.split('/')[0], partitions: [{ partitionIndex: Number(word.split('/')[1]) }] })),
      })
    case 'topics-deleted':
      return { kind: 'topicsDeleted', topics: words }
    case 'describe':
      return make('describeGroups', 6, { groups: words, includeAuthorizedOperations: false })
    case 'list': {
      const filter = (value?: string): string[] => (value === undefined ? [] : value.split(','))
      return make('listGroups', 5, { statesFilter: filter(args.states), typesFilter: filter(args.types) })
    }
    case 'delete':
      return make('deleteGroups', 2, { groupsNames: words })
    default:
      return { kind: verb }
  }
}

/** `t/0=5@3`: topic, partition, offset, leader epoch. `id=…` names all topics by id instead. */
function topicsOf(args: Step['args']): object[] {
  return Object.entries(args)
    .filter(([name]) => name.includes('/'))
    .map(([name, value]) => {
      const [topic, partition] = name.split('/')
      const [offset, epoch] = value.split('@')
      return {
        name: args.id === undefined ? topic : '',
        topicId: args.id ?? zeroUuid,
        partitions: [
          {
            partitionIndex: Number(partition),
            committedOffset: Number(offset),
            committedLeaderEpoch: Number(epoch ?? -1),
            committedMetadata: args.meta ?? null,
          },
        ],
      }
    })
}

function fetchBody(groupId: string, words: readonly string[], args: Step['args']): object {
  const partitions = words.filter((word) => word.includes('/'))
  return {
    groupId,
    memberId: null,
    memberEpoch: -1,
    topics:
      partitions.length === 0
        ? null
        : partitions.map((word) => ({
            name: args.id === undefined ? word.split('/')[0] : '',
            topicId: args.id ?? zeroUuid,
            partitionIndexes: [Number(word.split('/')[1])],
          })),
  }
}
