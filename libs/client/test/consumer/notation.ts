/** How the consumer's transcripts write requests, answers and what the application hears. */
import { errorName, KafkaError, type ErrorName } from '@troupe/wire/errors'
import { buildBatch, buildEndTxnMarker } from '@troupe/wire/record-batch'
import type { MetadataSnapshot, TopicMetadata } from '../../src/messages.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/consumer/protocol.ts'
import { encodeStickyUserData } from '../../src/consumer/assignors/user-data.ts'
import type { TopicPartition } from '../../src/consumer/topic-partition.ts'

// Bodies come as the codecs' types; here they are only read to be printed, or made to be read.
// oxlint-disable-next-line no-explicit-any
type Body = any
export type Words = ReadonlyMap<string, string>

export const apiNames: Readonly<Record<number, string>> = {
  1: 'Fetch',
  2: 'ListOffsets',
  8: 'OffsetCommit',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  11: 'JoinGroup',
  12: 'Heartbeat',
  13: 'LeaveGroup',
  14: 'SyncGroup',
  23: 'OffsetForLeaderEpoch',
}

const id = (topic: string): string => `00000000-0000-0000-0000-0000000000${topic.charCodeAt(0).toString(16)}`
const topicOf = (uuid: string): string => String.fromCharCode(Number.parseInt(uuid.slice(-2), 16))
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const maybeBytes = (text: string | undefined): Uint8Array | null => (text === undefined ? null : bytes(text))

/** `t-0,u-1` */
export function partitionsOf(text = ''): TopicPartition[] {
  return text
    .split(',')
    .filter((each) => each !== '')
    .map((each) => {
      const dash = each.lastIndexOf('-')
      return { topic: each.slice(0, dash), partition: Number(each.slice(dash + 1)) }
    })
}

export function listed(partitions: readonly TopicPartition[]): string {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(',')
}

/** `t-0=5@2`: an offset and the epoch of the record before it. */
export function offsetsOf(text: string): (TopicPartition & { offset: number; leaderEpoch: number })[] {
  return text.split(',').map((each) => {
    const [partition, place] = each.split('=')
    const [offset, epoch] = place.split('@')
    return { ...partitionsOf(partition)[0], offset: Number(offset), leaderEpoch: Number(epoch ?? -1) }
  })
}

export function place(offset: number, epoch: number): string {
  return epoch < 0 ? `${offset}` : `${offset}@${epoch}`
}

/** `t=1@3,2@3`: the leaders of a topic's partitions, each with its epoch; `t=-` is a topic that does not exist. */
export function metadataOf(words: readonly string[], version: number): MetadataSnapshot {
  const all = words.includes('all')
  const topics = words
    .filter((word) => word !== 'all')
    .map((word): [string, TopicMetadata] => {
      const [named, leaders] = word.split('=')
      const name = named.replace('!', '')
      const internal = named.startsWith('!')
      const missing = leaders === '-'
      const partitions = (missing ? [] : leaders.split(',')).map((each, partition) => {
        const [leader, leaderEpoch] = each.split('@').map(Number)
        return { partition, leader, leaderEpoch, replicas: [leader], isr: [leader], offlineReplicas: [], error: 0 }
      })
      const error = missing ? KafkaError.UNKNOWN_TOPIC_OR_PARTITION : 0
      return [name, { name, id: id(name), error, internal, partitions }]
    })
  const features = { epoch: -1, levels: new Map() }
  const brokers = [1, 2, 3].map((each) => ({ id: each, host: `h${each}`, port: 9092, rack: null }))
  return { version, clusterId: 'c', controllerId: 1, brokers, topics: new Map(topics), features, ...(all && { all }) }
}

export function showRequest(api: number, body: Body): string {
  switch (api) {
    case 10:
      return ''
    case 11:
      return show({
        member: body.memberId,
        instance: body.groupInstanceId,
        protocols: body.protocols.map(showProtocol).join(' '),
        reason: body.reason && `'${body.reason}'`,
      })
    case 14: {
      const assignments = body.assignments.map(
        (each: Body) =>
          `${each.memberId}:${listed(decodeAssignment(each.assignment).partitions)}${data(decodeAssignment(each.assignment).userData)}`,
      )
      return show({ member: body.memberId, gen: body.generationId, assign: assignments.join(' ') })
    }
    case 12:
      return show({ member: body.memberId, gen: body.generationId, instance: body.groupInstanceId })
    case 13:
      return show({ member: body.members[0].memberId })
    case 8:
      return show({
        member: body.memberId,
        gen: body.generationIdOrMemberEpoch,
        offsets: flat(body.topics, (each) => `=${place(each.committedOffset, each.committedLeaderEpoch)}`),
      })
    case 9:
      return body.groups[0].topics
        .flatMap(({ name, partitionIndexes }: Body) => partitionIndexes.map((each: number) => `${name}-${each}`))
        .concat(body.requireStable ? [] : ['unstable'])
        .join(',')
    case 2:
      return flat(body.topics, (each) => `:${showTime(each.timestamp)} leaderEpoch=${each.currentLeaderEpoch}`)
    case 23:
      return flat(body.topics, (each) => ` epoch=${each.leaderEpoch} leaderEpoch=${each.currentLeaderEpoch}`)
    case 1:
      return [
        body.sessionId === 0 ? '' : `session=${body.sessionId}/${body.sessionEpoch}`,
        flat(
          body.topics,
          (each) => ` ${place(each.fetchOffset, each.lastFetchedEpoch)} leaderEpoch=${each.currentLeaderEpoch}`,
        ),
        body.forgottenTopicsData.length > 0 ? `forget ${forgotten(body.forgottenTopicsData)}` : '',
      ]
        .filter((each) => each !== '')
        .join(' ')
  }
  throw new Error(`API ${api}`)
}

function showTime(timestamp: number): string {
  return timestamp === -1 ? 'latest' : timestamp === -2 ? 'earliest' : `from ${timestamp}`
}

function forgotten(topics: Body): string {
  return topics.flatMap(({ topic, partitions }: Body) => partitions.map((each: number) => `${topic}-${each}`)).join(',')
}

/** User data, where there is some. */
export function data(userData: Uint8Array | null | undefined): string {
  return userData ? `"${new TextDecoder().decode(userData)}"` : ''
}

function showProtocol({ name, metadata }: Body): string {
  const { topics, owned, generationId, userData } = decodeSubscription(metadata)
  const owns = owned.length > 0 ? ` owns ${listed(owned)}` : ''
  // What the sticky ones say is told by owned partitions and generation already.
  const said = name.startsWith('my-') ? data(userData) : ''
  return `${name}[${topics}${owns}${generationId >= 0 ? ` gen ${generationId}` : ''}${said}]`
}

function flat(topics: Body, text: (partition: Body) => string): string {
  return topics
    .flatMap(({ name, topic, partitions }: Body) =>
      partitions.map((each: Body) => `${name ?? topic}-${each.partition ?? each.partitionIndex}${text(each)}`),
    )
    .join(', ')
}

export function show(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== '' && value !== null && value !== undefined && value !== 0)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

const code = (words: Words): number => KafkaError[(words.get('error') ?? 'NONE') as ErrorName]
export const error = (number: number): string => (number === 0 ? '' : errorName(number))

/** The body of an answer, from what the scenario says and what was asked. */
export function responseTo(api: number, asked: Body, words: Words): Body {
  const errorCode = code(words)
  switch (api) {
    case 10: {
      const node = Number(words.get('node') ?? 9)
      return { coordinators: [{ key: 'g', nodeId: node, host: `h${node}`, port: 9092, errorCode, errorMessage: null }] }
    }
    case 11:
      return joined(errorCode, words)
    case 14:
      return {
        errorCode,
        protocolType: null,
        protocolName: null,
        assignment: encodeAssignment(partitionsOf(words.get('assign')), maybeBytes(words.get('data'))),
      }
    case 12:
      return { errorCode }
    case 13:
      return { errorCode, members: [] }
    case 8:
      return {
        topics: asked.topics.map((topic: Body) => ({
          name: topic.name,
          partitions: topic.partitions.map((each: Body) => ({ ...each, errorCode })),
        })),
      }
    case 9:
      return { groups: [{ groupId: 'g', errorCode: 0, topics: committed(asked.groups[0].topics, words, errorCode) }] }
    case 2:
      return places(asked.topics, words, (partitionIndex, offset, leaderEpoch) => ({
        partitionIndex,
        errorCode,
        timestamp: Number(words.get('timestamp') ?? -1),
        offset,
        leaderEpoch,
      }))
    case 23:
      return places(asked.topics, words, (partition, endOffset, leaderEpoch) => ({
        partition,
        errorCode,
        endOffset,
        leaderEpoch,
      }))
    case 1:
      return {
        errorCode: KafkaError[(words.get('refused') ?? 'NONE') as ErrorName],
        sessionId: Number(words.get('session') ?? 0),
        responses: news(asked.topics, words).map((each: Body) => fetched(each, words, errorCode)),
        nodeEndpoints: [],
      }
  }
  throw new Error(`API ${api}`)
}

/** `members=m1:t;m2:t,u:t-0,t-1:4:said`, for the leader: topics, what it owns since which generation, user data. */
function joined(errorCode: number, words: Words): Body {
  const member = words.get('member') ?? ''
  const members = (words.get('members') ?? '').split(';').filter((each) => each !== '')
  return {
    errorCode,
    memberId: member,
    generationId: Number(words.get('gen') ?? -1),
    protocolType: 'consumer',
    protocolName: words.get('protocol') ?? 'range',
    leader: members.length > 0 ? member : 'other',
    skipAssignment: words.has('skip'),
    members: members.map((each) => {
      const [memberId, topics, owns = '', gen = '-1', said] = each.split(':')
      const owned = partitionsOf(owns)
      const generationId = Number(gen)
      const userData =
        words.get('protocol') === 'sticky'
          ? encodeStickyUserData({ partitions: owned, generationId })
          : maybeBytes(said)
      const metadata = encodeSubscription({ topics: topics.split(','), userData, owned, generationId })
      return { memberId, groupInstanceId: null, metadata }
    }),
  }
}

function committed(topics: Body, words: Words, errorCode: number): Body {
  return topics.map(({ name, partitionIndexes }: Body) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex: number) => {
      const [offset, epoch] = (words.get(`${name}-${partitionIndex}`) ?? '-1').split('@')
      return {
        partitionIndex,
        committedOffset: Number(offset),
        committedLeaderEpoch: Number(epoch ?? -1),
        metadata: '',
        errorCode,
      }
    }),
  }))
}

function places(topics: Body, words: Words, make: (partition: number, offset: number, epoch: number) => Body): Body {
  return {
    topics: topics.map(({ name, topic, partitions }: Body) => ({
      name,
      topic,
      partitions: partitions.map((each: Body) => {
        const partition = each.partition ?? each.partitionIndex
        const [offset, epoch] = (words.get(`${name ?? topic}-${partition}`) ?? '-1').split('@')
        return make(partition, Number(offset), Number(epoch ?? -1))
      }),
    })),
  }
}

/**
 * Topics come back by id, as from version 13 on. `t-0=5:a,b@2+7:x@2/p3`: batches; `/p3` makes one part of a
 * transaction.
 */
/** What the answer tells of: what was asked for, and what a session remembers. */
function news(asked: Body, words: Words): Body {
  if (words.has('refused')) return []
  const named = partitionsOf([...words.keys()].filter((word) => /^\w-\d+$/.test(word)).join())
  const known = (topicId: string, partition: number): boolean =>
    asked.some(
      (topic: Body) => topic.topicId === topicId && topic.partitions.some((each: Body) => each.partition === partition),
    )
  const remembered = named.filter(({ topic, partition }) => !known(id(topic), partition))
  return [...asked, ...remembered.map(({ topic, partition }) => ({ topicId: id(topic), partitions: [{ partition }] }))]
}

function fetched({ topicId, partitions }: Body, words: Words, errorCode: number): Body {
  const topic = topicOf(topicId)
  return {
    topic: '',
    topicId,
    partitions: partitions.map(({ partition }: Body) => {
      const key = `${topic}-${partition}`
      const [divergingEnd, divergingEpoch] = (words.get(`${key}:diverging`) ?? '-1@-1').split('@').map(Number)
      const aborted = (words.get(`${key}:aborted`) ?? '').split(',').filter((each) => each !== '')
      const [leaderId, leaderEpoch] = (words.get(`${key}:leader`) ?? '-1@-1').split('@').map(Number)
      return {
        partitionIndex: partition,
        errorCode,
        highWatermark: 100,
        lastStableOffset: 100,
        logStartOffset: 0,
        divergingEpoch: { epoch: divergingEpoch, endOffset: divergingEnd },
        currentLeader: { leaderId, leaderEpoch },
        abortedTransactions: aborted.map((each) => {
          const [producerId, firstOffset] = each.split('@').map(Number)
          return { producerId, firstOffset }
        }),
        preferredReadReplica: Number(words.get(`${key}:near`) ?? -1),
        records: batches(words.get(key) ?? ''),
      }
    }),
  }
}

function batches(text: string): Uint8Array {
  const parts = text
    .split('+')
    .filter((each) => each !== '')
    .map(batch)
  const all = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0))
  let at = 0
  for (const each of parts) {
    all.set(each, at)
    at += each.length
  }
  return all
}

function batch(text: string): Uint8Array {
  const [, offset, kind, content, epoch, producer] = text.match(/^(\d+)([:!])([^@]*)@(\d+)(?:\/p(\d+))?$/)!
  const shared = {
    baseOffset: Number(offset),
    partitionLeaderEpoch: Number(epoch),
    producerId: Number(producer ?? -1),
    producerEpoch: 0,
  }
  if (kind === '!')
    return buildEndTxnMarker({ ...shared, coordinatorEpoch: 0, commit: content === 'commit', timestamp: 0 })
  const records = content.split(',').map((value) => ({ key: null, value: bytes(value) }))
  return buildBatch({ ...shared, records, isTransactional: producer !== undefined })
}
