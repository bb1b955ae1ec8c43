/**
 * What a log remembers of one producer: its epoch, its last five batches, its open transaction.
 *
 * Five, because a client may have that many requests in flight and retries them all (KAFKA-5494). Source:
 * ProducerStateEntry.
 */

export const BATCHES_TO_RETAIN = 5

export class ProducerEntry {
  readonly producerId: number
  /** −1 until its first batch or marker. */
  epoch = -1
  coordinatorEpoch = -1
  /** Of its last batch or marker. */
  lastTimestamp = -1
  lastDataTimestamp = -1
  currentTxnFirstOffset = -1
  /** How many batches are remembered, and the slot of the oldest. */
  private count = 0
  private oldest = 0
  private readonly lastSequences = [0, 0, 0, 0, 0]
  private readonly lastOffsets = [0, 0, 0, 0, 0]
  private readonly offsetDeltas = [0, 0, 0, 0, 0]
  private readonly timestamps = [0, 0, 0, 0, 0]

  constructor(producerId: number) {
    this.producerId = producerId
  }

  clone(): ProducerEntry {
    const copy = new ProducerEntry(this.producerId)
    copy.epoch = this.epoch
    copy.coordinatorEpoch = this.coordinatorEpoch
    copy.lastTimestamp = this.lastTimestamp
    copy.lastDataTimestamp = this.lastDataTimestamp
    copy.currentTxnFirstOffset = this.currentTxnFirstOffset
    copy.count = this.count
    copy.oldest = this.oldest
    for (let slot = 0; slot < BATCHES_TO_RETAIN; slot++) {
      copy.lastSequences[slot] = this.lastSequences[slot]
      copy.lastOffsets[slot] = this.lastOffsets[slot]
      copy.offsetDeltas[slot] = this.offsetDeltas[slot]
      copy.timestamps[slot] = this.timestamps[slot]
    }
    return copy
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  get lastSequence(): number {
    return this.count === 0 ? -1 : this.lastSequences[this.newest]
  }

  get lastDataOffset(): number {
    return this.count === 0 ? -1 : this.lastOffsets[this.newest]
  }

  get lastOffsetDelta(): number {
    return this.count === 0 ? 0 : this.offsetDeltas[this.newest]
  }

  private get newest(): number {
    return (this.oldest + this.count - 1) % BATCHES_TO_RETAIN
  }

  setEpoch(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.count = 0
  }

  addBatch(epoch: number, lastSequence: number, lastOffset: number, offsetDelta: number, timestamp: number): void {
    this.setEpoch(epoch)
    if (this.count === BATCHES_TO_RETAIN) this.oldest = (this.oldest + 1) % BATCHES_TO_RETAIN
    else this.count += 1
    const slot = this.newest
    this.lastSequences[slot] = lastSequence
    this.lastOffsets[slot] = lastOffset
    this.offsetDeltas[slot] = offsetDelta
    this.timestamps[slot] = timestamp
    this.lastTimestamp = timestamp
    this.lastDataTimestamp = timestamp
  }

  /** From a snapshot it has one batch; `other`, if it ends with the same one, may have more of them. */
  recall(other: ProducerEntry | undefined): void {
    if (other === undefined || this.count !== 1 || other.epoch !== this.epoch) return
    if (other.lastSequence !== this.lastSequence || other.lastDataOffset !== this.lastDataOffset) return
    this.count = other.count
    this.oldest = other.oldest
    for (let slot = 0; slot < BATCHES_TO_RETAIN; slot++) {
      this.lastSequences[slot] = other.lastSequences[slot]
      this.lastOffsets[slot] = other.lastOffsets[slot]
      this.offsetDeltas[slot] = other.offsetDeltas[slot]
      this.timestamps[slot] = other.timestamps[slot]
    }
  }

  /** Slot of the remembered batch with exactly this range of sequences, −1 if there is none. */
  findDuplicate(epoch: number, firstSequence: number, lastSequence: number, amongFive = true): number {
    if (epoch !== this.epoch) return -1
    for (let i = amongFive ? 0 : Math.max(0, this.count - 1); i < this.count; i++) {
      const slot = (this.oldest + i) % BATCHES_TO_RETAIN
      if (this.lastSequences[slot] !== lastSequence) continue
      if (decrementSequence(lastSequence, this.offsetDeltas[slot]) === firstSequence) return slot
    }
    return -1
  }

  lastOffsetOf(slot: number): number {
    return this.lastOffsets[slot]
  }

  firstOffsetOf(slot: number): number {
    return this.lastOffsets[slot] - this.offsetDeltas[slot]
  }

  timestampOf(slot: number): number {
    return this.timestamps[slot]
  }
}

/** Sequences go round at 2^31. */
export function decrementSequence(sequence: number, by: number): number {
  const result = sequence - by
  return result < 0 ? result + 0x80000000 : result
}

export function inSequence(last: number, next: number): boolean {
  return next === last + 1 || (next === 0 && last === 0x7fffffff)
}
