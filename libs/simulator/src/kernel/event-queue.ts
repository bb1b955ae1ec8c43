/**
 * What is going to happen, in order: by virtual time, then by a key that the scheduling policy draws, then as it came.
 *
 * A binary heap. Events that are taken back stay in it, marked, and are thrown away when they come up.
 */
export interface QueuedEvent {
  at: number
  key: number
  order: number
  /** Taken back. */
  gone: boolean
  run(): void
}

export class EventQueue {
  private readonly heap: QueuedEvent[] = []
  private order = 0
  private goneCount = 0

  /** Events that will happen. */
  get size(): number {
    return this.heap.length - this.goneCount
  }

  add(at: number, key: number, run: () => void): QueuedEvent {
    const event: QueuedEvent = { at, key, order: this.order++, gone: false, run }
    this.heap.push(event)
    this.rise(this.heap.length - 1)
    return event
  }

  /** Puts back an event that was taken, for a later time. Those put back for one time keep their order. */
  postpone(event: QueuedEvent, at: number): void {
    event.at = at
    event.key = 0
    event.order = this.order++
    event.gone = false
    this.heap.push(event)
    this.rise(this.heap.length - 1)
  }

  remove(event: QueuedEvent): void {
    if (event.gone) return
    event.gone = true
    // Timers that are set again and again would fill the heap.
    if (++this.goneCount > 1024 && this.goneCount > this.heap.length / 2) this.compact()
  }

  /** Time of the next event, Infinity when there is none. */
  nextAt(): number {
    this.dropGone()
    return this.heap.length === 0 ? Infinity : this.heap[0]!.at
  }

  /** The next event, marked as gone: taking it back later has no effect. */
  take(): QueuedEvent | null {
    this.dropGone()
    if (this.heap.length === 0) return null
    const event = this.pop()
    event.gone = true
    return event
  }

  private dropGone(): void {
    while (this.heap.length > 0 && this.heap[0]!.gone) {
      this.pop()
      this.goneCount--
    }
  }

  private pop(): QueuedEvent {
    const top = this.heap[0]!
    const last = this.heap.pop()!
    if (this.heap.length > 0) {
      this.heap[0] = last
      this.sink(0)
    }
    return top
  }

  private compact(): void {
    const kept = this.heap.filter((event) => !event.gone)
    this.heap.length = 0
    this.goneCount = 0
    for (const event of kept) {
      this.heap.push(event)
      this.rise(this.heap.length - 1)
    }
  }

  private rise(from: number): void {
    const { heap } = this
    let index = from
    const event = heap[index]!
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
  }

  private sink(from: number): void {
    const { heap } = this
    let index = from
    const event = heap[index]!
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, event)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = event
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  if (a.at !== b.at) return a.at < b.at
  if (a.key !== b.key) return a.key < b.key
  return a.order < b.order
}
