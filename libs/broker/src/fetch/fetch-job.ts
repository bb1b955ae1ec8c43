/**
 * One Fetch at work: reads partitions in session order within the request's budget, and when that is too little waits
 * for any of them to change, without polling.
 *
 * ```
 *            enough, an error, no wait left
 *   reading ────────────────────────────────► answered
 *      ▲  │ too little                           ▲
 *      │  ▼                                      │ max wait over
 *      └─ watching ──────────────────────────────┘
 *    changed
 * ```
 *
 * Partitions are asked one after the other, because what one returns is what the next may not. After a change only
 * the changed ones are read again; the others' slices stay as they are.
 *
 * Source: Kafka's ReplicaManager.fetchMessages and DelayedFetch.
 */
import { isFailed, type Slice, type TopicView } from '@troupe/actor'
import type { Changed, Fetch, Fetched, Unwatch, Watch } from '@troupe/replication/messages'
import { KafkaError, type ErrorCode } from '@troupe/wire/errors'
import { replicaOn, type RequestContext } from '../context.ts'
import { findTopic, leaderHint, localError, replicaFailure, type LeaderHint } from '../partition-access.ts'
import type { FetchPartition } from './session-cache.ts'

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolation: 'read_uncommitted' | 'read_committed'
  readonly byId: boolean
}

/** What is known of one partition of the fetch. */
export interface PartitionRead {
  readonly asked: FetchPartition
  readonly topic: TopicView | null
  error: ErrorCode
  fetched: Fetched | null
  slice: Slice | null
  sizeInBytes: number
  /** To be read (again). */
  stale: boolean
  /** Token of the watch that is out, 0 if none. */
  watch: number
  /** Offset of the latest watch, −1 if there was none. */
  watched: number
}

export class FetchJob {
  readonly reads: PartitionRead[]
  private readonly ctx: RequestContext
  private readonly limits: FetchLimits
  private readonly done: (reads: readonly PartitionRead[]) => void
  private totalBytes = 0
  private waitOver: boolean
  private reading = false
  private timing = false
  private finished = false

  constructor(
    ctx: RequestContext,
    partitions: readonly FetchPartition[],
    limits: FetchLimits,
    done: (reads: readonly PartitionRead[]) => void,
  ) {
    this.ctx = ctx
    this.limits = limits
    this.done = done
    this.waitOver = limits.maxWaitMs <= 0
    this.reads = partitions.map((asked) => locate(ctx, asked, limits.byId))
  }

  start(): void {
    this.ctx.onAbandon = () => this.unwatchAll()
    if (this.reads.every(({ error }) => error !== KafkaError.NONE)) return this.finish()
    this.readFrom(0)
  }

  /** Reads what is stale, beginning with the partition at `index`. */
  private readFrom(index: number): void {
    const { reads } = this
    let next = index
    while (next < reads.length && !reads[next].stale) next++
    if (next === reads.length) {
      this.reading = false
      return this.afterReading()
    }
    this.reading = true
    const read = reads[next]
    read.stale = false
    this.totalBytes -= read.sizeInBytes
    read.slice = null
    read.sizeInBytes = 0
    const left = Math.max(0, this.limits.maxBytes - this.totalBytes)
    const { asked } = read
    this.ctx.ask<Fetch, Fetched>(
      replicaOn(this.ctx.self, read.topic!.id, asked.partition),
      {
        kind: 'fetch',
        offset: asked.fetchOffset,
        maxBytes: Math.min(asked.maxBytes, left),
        minOneBatch: this.totalBytes === 0,
        isolation: this.limits.isolation,
        // Kafka's Fetch takes every negative epoch for none; ListOffsets and OffsetForLeaderEpoch only -1.
        currentLeaderEpoch: Math.max(-1, asked.currentLeaderEpoch),
        lastFetchedEpoch: asked.lastFetchedEpoch,
      },
      (body) => {
        this.take(read, isFailed(body) ? null : body, isFailed(body) ? replicaFailure(body) : body.error)
        this.readFrom(next + 1)
      },
    )
  }

  private take(read: PartitionRead, fetched: Fetched | null, error: ErrorCode): void {
    read.error = error
    read.fetched = fetched
    read.slice = error === KafkaError.NONE ? (fetched?.slice ?? null) : null
    read.sizeInBytes = read.slice?.sizeInBytes ?? 0
    this.totalBytes += read.sizeInBytes
  }

  private afterReading(): void {
    if (this.waitOver || this.totalBytes >= this.limits.minBytes || this.reads.some(mustAnswer)) return this.finish()
    // A change that was announced while other partitions were read.
    if (this.reads.some(({ stale }) => stale)) return this.readFrom(0)
    this.wait()
  }

  private wait(): void {
    if (!this.timing) {
      this.timing = true
      this.ctx.timer(this.limits.maxWaitMs, () => this.onWaitOver())
    }
    for (const read of this.reads) {
      if (read.watch === 0 && read.error === KafkaError.NONE) this.watch(read)
    }
  }

  private watch(read: PartitionRead): void {
    const { highWatermark, lastStableOffset } = read.fetched!
    const visible = this.limits.isolation === 'read_committed' ? lastStableOffset : highWatermark
    const offset = Math.max(visible, read.asked.fetchOffset)
    // Called although nothing had changed (a leadership lost and won again): once more would be a busy loop.
    if (offset === read.watched) return
    read.watched = offset
    read.watch = this.ctx.ask<Watch, Changed>(
      replicaOn(this.ctx.self, read.topic!.id, read.asked.partition),
      { kind: 'watch', offset, isolation: this.limits.isolation },
      () => {
        read.watch = 0
        read.stale = true
        if (!this.reading) this.readFrom(0)
      },
    )
  }

  private onWaitOver(): void {
    this.waitOver = true
    if (!this.reading) this.finish()
  }

  private finish(): void {
    if (this.finished) return
    this.finished = true
    this.unwatchAll()
    this.ctx.onAbandon = null
    const { traffic } = this.ctx.env
    if (traffic !== undefined) {
      for (const { topic, sizeInBytes } of this.reads) {
        if (sizeInBytes > 0) traffic.topic(topic!.name).bytesOut += sizeInBytes
      }
    }
    this.done(this.reads)
  }

  private unwatchAll(): void {
    const { self } = this.ctx.env
    for (const read of this.reads) {
      if (read.watch === 0) continue
      const token = { broker: self.broker, actor: self.actor, id: read.watch }
      this.ctx.forget(read.watch)
      read.watch = 0
      const message: Unwatch = { kind: 'unwatch', token }
      this.ctx.tell(replicaOn(self.broker, read.topic!.id, read.asked.partition), message)
    }
  }
}

/** Kafka answers at once when a replica has an error or a diverging epoch; topics nobody knows do not hurry it. */
function mustAnswer({ error, fetched }: PartitionRead): boolean {
  if (error === KafkaError.UNKNOWN_TOPIC_OR_PARTITION || error === KafkaError.UNKNOWN_TOPIC_ID) return false
  return error !== KafkaError.NONE || (fetched !== null && fetched.divergingEpoch !== null)
}

function locate(ctx: RequestContext, asked: FetchPartition, byId: boolean): PartitionRead {
  const found = findTopic(ctx, asked.topic, asked.topicId, byId)
  const topic = typeof found === 'number' ? null : found
  const error = typeof found === 'number' ? found : localError(ctx, found, asked.partition)
  return {
    asked,
    topic,
    error,
    fetched: null,
    slice: null,
    sizeInBytes: 0,
    stale: error === KafkaError.NONE,
    watch: 0,
    watched: -1,
  }
}

/** KIP-951. */
export function fetchHint(read: PartitionRead): LeaderHint {
  return leaderHint(read.topic ?? undefined, read.asked.partition, read.fetched ?? undefined)
}
