/** What a client library is made to do, in the way its own documentation recommends for throughput. */
export interface BenchedClient {
  /** Sends records in arrays of `batchSize`, a few at a time; kept when all are acknowledged by all replicas. */
  produce(load: Load): Promise<void>
  /** Reads the topic from its beginning; kept when so many records were looked at one by one. Answers with their bytes. */
  consume(load: Load): Promise<number>
}

export interface Load {
  readonly bootstrap: string
  readonly topic: string
  readonly records: number
  readonly value: Buffer
  readonly batchSize: number
  /** Arrays that are on their way at the same time. */
  readonly inFlight: number
}

/** What a run of one client in a process of its own says. */
export interface Measured {
  readonly recordsPerSecond: number
  /** Of the process, from the first connection to the last acknowledgement. */
  readonly cpuSeconds: number
  /** Largest resident set. */
  readonly memoryMb: number
}

/** Keeps `inFlight` arrays on their way until all is sent. */
export async function pump(load: Load, send: (size: number, from: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < load.records) {
      const from = next
      next += Math.min(load.batchSize, load.records - from)
      await send(next - from, from)
    }
  }
  await Promise.all(Array.from({ length: load.inFlight }, lane))
}
