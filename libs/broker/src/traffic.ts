/**
 * What the front counts for `/metrics`: plain numbers, a few additions for a partition or a request, nothing for a record.
 * They belong to the shell, so that a front that is restarted goes on counting.
 *
 * Source: Kafka's BrokerTopicStats, RequestMetrics (TotalTimeMs).
 */
export interface TopicTraffic {
  messagesIn: number
  bytesIn: number
  bytesOut: number
}

/** Times of requests: how many there were in each of these bounds (milliseconds), the last one without. */
export const timeBoundsMs = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000, 2500, 5000, 10000,
] as const
export const timeSlots = timeBoundsMs.length + 1
const apiKeys = 128

export class Traffic {
  readonly topics = new Map<string, TopicTraffic>()
  /** By API key: `timeSlots` counts each. */
  readonly times = new Uint32Array(apiKeys * timeSlots)
  readonly totalTimeMs = new Float64Array(apiKeys)

  topic(name: string): TopicTraffic {
    let traffic = this.topics.get(name)
    if (traffic === undefined) this.topics.set(name, (traffic = { messagesIn: 0, bytesIn: 0, bytesOut: 0 }))
    return traffic
  }

  answered(apiKey: number, ms: number): void {
    let slot = 0
    while (slot < timeBoundsMs.length && ms > timeBoundsMs[slot]) slot++
    this.times[apiKey * timeSlots + slot]++
    this.totalTimeMs[apiKey] += ms
  }
}
