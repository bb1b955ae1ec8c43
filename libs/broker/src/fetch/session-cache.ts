/**
 * Fetch sessions (KIP-227): what a consumer fetches is remembered, so that its next request names only what changed and
 * the answer only what is new.
 *
 * One cache for all connections of the broker, bounded by `max.incremental.fetch.session.cache.slots`. A new session finds
 * room by evicting one that was not used for two minutes, else one of fewer partitions that had its two minutes.
 *
 * Source: Kafka's FetchSessionCacheShard, FetchSession, CachedPartition.
 */

/** Session id that means "none". */
export const NO_SESSION = 0
/** Epoch of a request that opens a session, and of one that closes it or wants none. */
export const INITIAL_EPOCH = 0
export const FINAL_EPOCH = -1

const EVICTION_MS = 120_000
const MAX_INT = 0x7fffffff

export function nextEpoch(epoch: number): number {
  if (epoch < 0) return FINAL_EPOCH
  return epoch === MAX_INT ? 1 : epoch + 1
}

/** A partition of a fetch, in the request's terms. */
export interface FetchPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  maxBytes: number
  fetchOffset: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
}

export interface CachedPartition extends FetchPartition {
  /** As the client was last told; −1 makes the next answer name the partition. */
  highWatermark: number
  logStartOffset: number
}

export interface FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly createdMs: number
  lastUsedMs: number
  /** That the next request must carry. */
  epoch: number
  /** In the order they are read: one that gave records goes to the end. */
  readonly partitions: Map<string, CachedPartition>
}

export function partitionKey(topic: string, topicId: string, partition: number, byId: boolean): string {
  return `${byId ? topicId : topic}:${partition}`
}

export class FetchSessionCache {
  private readonly slots: number
  /** Least recently used first. */
  private readonly sessions = new Map<number, FetchSession>()

  constructor(slots: number) {
    this.slots = slots
  }

  get size(): number {
    return this.sessions.size
  }

  get(id: number): FetchSession | undefined {
    return this.sessions.get(id)
  }

  remove(id: number): void {
    this.sessions.delete(id)
  }

  touch(session: FetchSession, now: number): void {
    session.lastUsedMs = now
    this.sessions.delete(session.id)
    this.sessions.set(session.id, session)
  }

  /** Null when there is no room: the client is then served without a session. */
  create(
    now: number,
    random: () => number,
    usesTopicIds: boolean,
    partitions: Map<string, CachedPartition>,
  ): FetchSession | null {
    if (this.sessions.size >= this.slots && !this.evict(now, partitions.size)) return null
    const session: FetchSession = {
      id: this.newId(random),
      usesTopicIds,
      createdMs: now,
      lastUsedMs: now,
      epoch: nextEpoch(INITIAL_EPOCH),
      partitions,
    }
    this.sessions.set(session.id, session)
    return session
  }

  private evict(now: number, size: number): boolean {
    const [oldest] = this.sessions.values()
    if (oldest === undefined) return false
    if (now - oldest.lastUsedMs > EVICTION_MS) {
      this.sessions.delete(oldest.id)
      return true
    }
    let smallest: FetchSession | null = null
    for (const session of this.sessions.values()) {
      if (now - session.createdMs <= EVICTION_MS) continue
      if (smallest === null || session.partitions.size < smallest.partitions.size) smallest = session
    }
    if (smallest === null || smallest.partitions.size >= size) return false
    this.sessions.delete(smallest.id)
    return true
  }

  private newId(random: () => number): number {
    let id = NO_SESSION
    while (id === NO_SESSION || this.sessions.has(id)) id = random() & MAX_INT
    return id
  }
}
