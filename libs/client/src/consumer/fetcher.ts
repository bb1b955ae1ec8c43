/**
 * Fetches: one at a time for each leader, only partitions of which nothing lies ready.
 *
 * Each names the epoch of its leader and of the last record read, so that a leader that is none any more refuses, and
 * one whose log has parted from what was read says where (KIP-320, KIP-595). Source: `AbstractFetch`,
 * `FetchCollector`.
 */
import { KafkaError, errorName } from '@troupe/wire/errors'
import { zeroUuid } from '@troupe/wire/io'
import type { FetchResponse, FetchResponse_PartitionData } from '@troupe/wire/messages'
import { isInvalidMetadata } from '../errors.ts'
import { clientActorNames, type LeaderHint, type NetworkAnswer } from '../messages.ts'
import { policyOf, requestReset } from './positions.ts'
import { api, ask, fail, refreshMetadata, retryTime } from './requests.ts'
import { acceptResponse, finalRequest, loseSession, nextRequest, sessionOf } from './sessions.ts'
import type { Asked, FetchSession, PartitionState, SessionPartition, Step } from './state.ts'
import { partitionKey } from './topic-partition.ts'
import { checkedEpochs, isOfLeader, onDiverging } from './validation.ts'

export function sendFetches(step: Step): void {
  const { state, env } = step
  const buffered = new Set(state.fetched.map(({ key }) => key))
  const nodes = new Map<number, PartitionState[]>()
  let leaderless = false
  for (const partition of state.partitions.values()) {
    const { phase, paused, revoking, key, retryAt, position } = partition
    if (phase !== 'fetching' || paused || revoking || buffered.has(key) || env.now < retryAt) continue
    if (position!.leader < 0) {
      partition.retryAt = retryTime(step, 0)
      leaderless = true
      continue
    }
    const node = nodeOf(step, partition)
    if (state.fetching.has(node)) continue
    const group = nodes.get(node)
    if (group === undefined) nodes.set(node, [partition])
    else group.push(partition)
  }
  if (leaderless) refreshMetadata(step)
  for (const [node, partitions] of nodes) sendFetch(step, node, partitions)
}

/** KIP-392: the replica that the leader has named, for a while; else the leader. */
function nodeOf({ state, env }: Step, partition: PartitionState): number {
  const { preferred, position } = partition
  if (preferred === null) return position!.leader
  const isKnown = state.metadata!.brokers.some(({ id }) => id === preferred.node)
  if (isKnown && env.now < preferred.until) return preferred.node
  partition.preferred = null
  return position!.leader
}

function sendFetch(step: Step, node: number, partitions: readonly PartitionState[]): void {
  const { state } = step
  const { config } = state
  const wanted = partitions.map((each) => sessionPartition(step, each))
  const body = {
    maxWaitMs: config['fetch.max.wait.ms'],
    minBytes: config['fetch.min.bytes'],
    maxBytes: config['fetch.max.bytes'],
    isolationLevel: config['isolation.level'] === 'read_committed' ? 1 : 0,
    ...nextRequest(sessionOf(step, node), wanted),
    rackId: config['client.rack'],
  }
  // From version 13 on topics have no names (KIP-516).
  const options = wanted.some(({ topicId }) => topicId === zeroUuid) ? { maxVersion: 12 } : {}
  state.fetching.add(node)
  ask(step, node, api.fetch, body, { kind: 'fetch', node }, options)
}

function sessionPartition(
  step: Step,
  { key, topic, partition, position }: PartitionState,
): SessionPartition & { key: string } {
  const { leaderEpoch, lastFetchedEpoch } = checkedEpochs(step, position!)
  return {
    key,
    topic,
    partition,
    topicId: step.state.metadata!.topics.get(topic)!.id,
    currentLeaderEpoch: leaderEpoch,
    fetchOffset: position!.offset,
    lastFetchedEpoch,
    partitionMaxBytes: step.state.config['max.partition.fetch.bytes'],
  }
}

export function onFetched(
  step: Step,
  asked: Extract<Asked, { kind: 'fetch' }>,
  answer: NetworkAnswer<FetchResponse>,
): void {
  const { state } = step
  state.fetching.delete(asked.node)
  const session = sessionOf(step, asked.node)
  if (answer.kind !== 'response') {
    loseSession(session)
    for (const key of session.partitions.keys()) {
      const partition = state.partitions.get(key)
      if (partition?.preferred?.node === asked.node) partition.preferred = null
      backOff(step, partition)
    }
    return refreshMetadata(step)
  }
  if (!acceptResponse(session, answer.body)) {
    if (answer.body.errorCode === KafkaError.FETCH_SESSION_TOPIC_ID_ERROR) refreshMetadata(step)
    return
  }
  const names = new Map([...session.partitions.values()].map(({ topicId, topic }) => [topicId, topic]))
  let refresh = false
  const hints: LeaderHint[] = []
  for (const { topic: name, topicId, partitions } of answer.body.responses) {
    const topic = name === '' ? names.get(topicId) : name
    if (topic === undefined) continue
    for (const data of partitions) {
      const hint = leaderHint(topic, data)
      if (hint !== null) hints.push(hint)
      if (onPartition(step, topic, data, session)) refresh = true
    }
  }
  if (hints.length > 0) {
    const brokers = answer.body.nodeEndpoints.map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack }))
    const network = { broker: step.env.self.broker, actor: clientActorNames.network }
    step.out.send(network, { kind: 'leaderHints', leaders: hints, brokers } as never)
  }
  if (refresh) refreshMetadata(step)
}

/** KIP-951. */
function leaderHint(
  topic: string,
  { errorCode, partitionIndex, currentLeader }: FetchResponse_PartitionData,
): LeaderHint | null {
  if (errorCode !== KafkaError.NOT_LEADER_OR_FOLLOWER && errorCode !== KafkaError.FENCED_LEADER_EPOCH) return null
  const { leaderId, leaderEpoch } = currentLeader
  return leaderId < 0 || leaderEpoch < 0 ? null : { topic, partition: partitionIndex, leader: leaderId, leaderEpoch }
}

function backOff(step: Step, partition: PartitionState | undefined): void {
  if (partition?.phase === 'fetching') partition.retryAt = retryTime(step, partition.failures++)
}

/** Whether the metadata may be out of date. */
function onPartition(step: Step, topic: string, data: FetchResponse_PartitionData, session: FetchSession): boolean {
  const key = partitionKey({ topic, partition: data.partitionIndex })
  const partition = step.state.partitions.get(key)
  const asked = session.partitions.get(key)
  // Given up, sought elsewhere or under validation meanwhile: the answer is of no use.
  if (partition === undefined || asked === undefined || partition.phase !== 'fetching') return false
  const { position } = partition
  if (position!.offset !== asked.fetchOffset || !isOfLeader(step, position!, asked.currentLeaderEpoch)) return false
  const offset = asked.fetchOffset
  if (data.errorCode !== KafkaError.NONE) return onRefused(step, partition, data.errorCode)
  partition.failures = 0
  const { divergingEpoch } = data
  if (divergingEpoch.endOffset >= 0) {
    onDiverging(step, partition, { leaderEpoch: divergingEpoch.epoch, endOffset: divergingEpoch.endOffset })
    return false
  }
  partition.highWatermark = data.highWatermark
  partition.lastStableOffset = data.lastStableOffset
  partition.logStartOffset = data.logStartOffset
  if (data.preferredReadReplica >= 0) {
    const until = step.env.now + step.state.config['metadata.max.age.ms']
    partition.preferred = { node: data.preferredReadReplica, until }
  }
  if (data.records !== null && data.records.length > 0) buffer(step, partition, data, offset)
  return false
}

function buffer(
  step: Step,
  { key, topic, partition, position }: PartitionState,
  data: FetchResponse_PartitionData,
  offset: number,
): void {
  const aborted = (data.abortedTransactions ?? [])
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
    .sort((a, b) => a.firstOffset - b.firstOffset)
  step.state.fetched.push({
    key,
    topic,
    partition,
    records: data.records!,
    at: 0,
    nextOffset: offset,
    leaderEpoch: checkedEpochs(step, position!).leaderEpoch,
    lastEpoch: position!.offsetEpoch,
    batch: [],
    batchAt: 0,
    batchEnd: 0,
    aborted,
    abortedAt: 0,
    aborting: new Set(),
  })
}

function onRefused(step: Step, partition: PartitionState, error: number): boolean {
  const { preferred } = partition
  partition.preferred = null
  // A follower that does not have it: its leader may.
  if (preferred !== null && error === KafkaError.OFFSET_OUT_OF_RANGE) return false
  if (error === KafkaError.OFFSET_OUT_OF_RANGE) {
    outOfRange(step, partition)
    return false
  }
  backOff(step, partition)
  switch (error) {
    case KafkaError.UNKNOWN_LEADER_EPOCH:
    case KafkaError.UNKNOWN_SERVER_ERROR:
      return false
    case KafkaError.OFFSET_NOT_AVAILABLE:
      return true
  }
  if (isInvalidMetadata(error)) return true
  fail(step, error, `Fetch of ${partition.key}: ${errorName(error)}`)
  return false
}

function outOfRange(step: Step, partition: PartitionState): void {
  const target = policyOf(step)
  const { offset } = partition.position!
  step.out.trace('offset-out-of-range', { partition: partition.key, offset })
  if (target !== null) return requestReset(partition, target)
  backOff(step, partition)
  fail(step, KafkaError.OFFSET_OUT_OF_RANGE, `position ${offset} is out of range for ${partition.key}`)
}

/** Nobody waits for the answers. */
export function closeSessions(step: Step): void {
  for (const [node, session] of step.state.sessions) {
    if (session.id === 0) continue
    ask(step, node, api.fetch, finalRequest(session), { kind: 'closeSession' })
  }
}
