/**
 * All timers of a process's actors on one heap.
 *
 * Sessions are renewed far more often than they expire, so a timer that is replaced leaves the heap at once instead
 * of lying in it until its time.
 */
export interface Timer {
  readonly at: number
  readonly fire: () => void
}

interface Entry extends Timer {
  /** Breaks ties in the order in which the timers were set. */
  readonly order: number
  /** Place in the heap, −1 when it is not there. */
  index: number
}

export class TimerHeap {
  readonly #heap: Entry[] = []
  #order = 0

  add(at: number, fire: () => void): Timer {
    const entry: Entry = { at, fire, order: this.#order++, index: this.#heap.length }
    this.#heap.push(entry)
    this.#up(entry.index)
    return entry
  }

  remove(timer: Timer): void {
    const { index } = timer as Entry
    if (index < 0) return
    const last = this.#heap.pop()!
    if (last !== timer) {
      this.#place(last, index)
      this.#up(index)
      this.#down(last.index)
    }
    ;(timer as Entry).index = -1
  }

  /** Time of the earliest timer, Infinity if there is none. */
  next(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  /** Takes the earliest timer if its time has come. */
  takeDue(now: number): Timer | null {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return null
    this.remove(first)
    return first
  }

  get size(): number {
    return this.#heap.length
  }

  #up(index: number): void {
    const entry = this.#heap[index]!
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#heap[above]!
      if (!isBefore(entry, parent)) break
      this.#place(parent, index)
      index = above
    }
    this.#place(entry, index)
  }

  #down(index: number): void {
    const entry = this.#heap[index]!
    for (;;) {
      const left = 2 * index + 1
      if (left >= this.#heap.length) break
      const right = left + 1
      const below = right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!) ? right : left
      const child = this.#heap[below]!
      if (!isBefore(child, entry)) break
      this.#place(child, index)
      index = below
    }
    this.#place(entry, index)
  }

  #place(entry: Entry, index: number): void {
    this.#heap[index] = entry
    entry.index = index
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
