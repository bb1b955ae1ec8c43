/**
 * From a group or a transactional.id to the coordinator shard that decides about it.
 *
 * Coordination is by partition of an internal topic: its leader is the coordinator. Who is asked for something that he
 * does not coordinate says NOT_COORDINATOR, and the client looks again (GroupCoordinatorService, TransactionCoordinator).
 */
import { actorNames, isFailed, type Address, type Failed, type Message } from '@troupe/actor'
import { partitionFor } from '@troupe/coordinator/partitioning'
import type { GroupClient } from '@troupe/groups/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import type { RequestContext, Unasked } from './context.ts'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from './topic-names.ts'

export type CoordinatorKind = 'groups' | 'transactions'

const TOPICS: Record<CoordinatorKind, string> = { groups: OFFSETS_TOPIC, transactions: TRANSACTION_TOPIC }

export interface Seat {
  readonly topicId: string
  readonly partition: number
  /** −1 when there is none. */
  readonly leader: number
}

/** Null while the internal topic does not exist. */
export function seatOf(ctx: RequestContext, kind: CoordinatorKind, id: string): Seat | null {
  const topic = ctx.env.cluster.topic(TOPICS[kind])
  if (!topic || topic.partitions.length === 0) return null
  const partition = partitionFor(id, topic.partitions.length)
  return { topicId: topic.id, partition, leader: topic.partitions[partition].leader }
}

export function coordinatorAddress(ctx: RequestContext, kind: CoordinatorKind, id: string): Address | null {
  const seat = seatOf(ctx, kind, id)
  return seat && seat.leader >= 0 ? { broker: seat.leader, actor: actorNames[kind](seat.partition) } : null
}

/** Asks the shard of `id` on this broker; `answer` gets its response, `refused` why there is none. */
export function askCoordinator<M extends Message, Response>(
  ctx: RequestContext,
  kind: CoordinatorKind,
  id: string,
  message: Unasked<M>,
  answer: (response: Response) => void,
  refused: (error: ErrorCode) => void,
): void {
  const seat = seatOf(ctx, kind, id)
  if (!seat || seat.leader !== ctx.self) return refused(KafkaError.NOT_COORDINATOR)
  askShard<M, Response>(ctx, kind, seat.partition, message, answer, refused)
}

export function askShard<M extends Message, Response>(
  ctx: RequestContext,
  kind: CoordinatorKind,
  partition: number,
  message: Unasked<M>,
  answer: (response: Response) => void,
  refused: (error: ErrorCode) => void,
): void {
  ctx.askLocal<M, Response>(actorNames[kind](partition), message, (body) => {
    if (isFailed(body)) refused(shardFailure(body))
    else answer(body)
  })
}

function shardFailure({ reason }: Failed): ErrorCode {
  return reason === 'no-such-actor' ? KafkaError.NOT_COORDINATOR : KafkaError.COORDINATOR_NOT_AVAILABLE
}

/** Partitions of the internal topic that this broker coordinates. */
export function localShards(ctx: RequestContext, kind: CoordinatorKind): number[] {
  const topic = ctx.env.cluster.topic(TOPICS[kind])
  return (topic?.partitions ?? []).filter(({ leader }) => leader === ctx.self).map(({ partition }) => partition)
}

/** Ids by the shard on this broker that coordinates them; under −1 those of other brokers. */
export function byLocalShard(ctx: RequestContext, kind: CoordinatorKind, ids: Iterable<string>): Map<number, string[]> {
  const shards = new Map<number, string[]>()
  for (const id of ids) {
    const seat = seatOf(ctx, kind, id)
    const shard = seat && seat.leader === ctx.self ? seat.partition : -1
    const known = shards.get(shard)
    if (known) known.push(id)
    else shards.set(shard, [id])
  }
  return shards
}

/** As member lists show clients; Java writes an address with a slash in front. */
export function clientOf(ctx: RequestContext): GroupClient {
  const { remoteAddress } = ctx.connection
  return { clientId: ctx.clientId, clientHost: remoteAddress.startsWith('/') ? remoteAddress : `/${remoteAddress}` }
}
