/**
 * The trace of a run: one event per line (ndjson), written by the engines, read by the renderers and by people.
 *
 * The whole-cluster simulator and the model checker write the same format, so that a table, a sequence diagram or a
 * Jepsen history can be had from either.
 */

/** The first line of a trace file. */
export interface TraceHeader {
  readonly format: 'troupe-trace'
  readonly version: 1
  /** `cluster`, or the name of a model. */
  readonly model: string
  readonly seed: number | null
  /** Version of the code that wrote it, where it is known. */
  readonly commit: string | null
  /** Safeguards that were off. */
  readonly off: readonly string[]
  /** Every drawn option and bound. */
  readonly options: Readonly<Record<string, unknown>>
  /** What was found, null in a clean run. */
  readonly violation: ViolationReport | null
}

export interface ViolationReport {
  /** Id of protocol-bugs: `R1`, `T3`, … or the name of an anomaly (`lost-write`). */
  readonly invariant: string
  readonly detail: string
  /** Index of the event after which it was seen. */
  readonly event: number
}

/** One thing that happened: a delivered message, a timer, a fault, something a client did or heard. */
export interface TraceEvent {
  readonly index: number
  /** Virtual milliseconds since the start; in an untimed model the same as `index`. */
  readonly at: number
  readonly type: 'message' | 'timer' | 'fault' | 'client' | 'lost'
  /** Where it happened: `b1` (broker), `c1` (client), `net`. */
  readonly node: string
  /** Name of the actor there, '' for a fault. */
  readonly actor: string
  /** Node that sent the message, '' when nobody did. */
  readonly from: string
  /** The message's kind, the timer's name, the fault. */
  readonly kind: string
  /** The label under which a model's schedule names this choice; '' where there is none. */
  readonly choice: string
  /** A few plain fields, already short: `epoch=3 offset=17`. */
  readonly detail: string
  /** Partitions whose state this event changed, as they are afterwards. */
  readonly strips: readonly PartitionStrip[]
}

/** One partition at one moment: what the controller has decided, and where each replica is. */
export interface PartitionStrip {
  /** `topic-0`; `metadata` for the quorum's log. */
  readonly partition: string
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly number[]
  readonly replicas: readonly ReplicaStrip[]
}

export interface ReplicaStrip {
  readonly broker: number
  readonly up: boolean
  /** `leader`, `follower`, `none`, `offline`; for Raft its phase. */
  readonly role: string
  readonly leaderEpoch: number
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

export interface Trace {
  readonly header: TraceHeader
  readonly events: readonly TraceEvent[]
}
