/**
 * A map from byte strings that knows its order. Keys come nearly in order (they begin with a time), so an insertion is
 * mostly an append.
 */
export class SortedMap<V> {
  private readonly values = new Map<string, V>()
  private readonly order: string[] = []

  get size(): number {
    return this.values.size
  }

  get(key: string): V | undefined {
    return this.values.get(key)
  }

  set(key: string, value: V): void {
    if (!this.values.has(key)) this.order.splice(this.position(key), 0, key)
    this.values.set(key, value)
  }

  delete(key: string): void {
    if (this.values.delete(key)) this.order.splice(this.position(key), 1)
  }

  first(): V | undefined {
    return this.order.length === 0 ? undefined : this.values.get(this.order[0]!)
  }

  /** As it is now; changes during the iteration are not seen. */
  entries(): [string, V][] {
    return this.order.map((key) => [key, this.values.get(key)!])
  }

  private position(key: string): number {
    let low = 0
    let high = this.order.length
    if (high > 0 && this.order[high - 1]! < key) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.order[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
