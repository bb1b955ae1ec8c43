/**
 * One world of a model: actors' states, messages in flight, timers that are set, and the model's own ghost data.
 *
 * A world is cheap to copy: cells, flights and ghost are shared between copies, and whoever changes one takes its own
 * copy first (`own`). A cell or ghost belongs to the world whose `token` it carries; copying a world gives both copies
 * new tokens, so that neither owns what they share.
 */
import type { Message, ReplyToken, Safeguards } from '@troupe/actor'
import type { Bounds, Violation } from './contract.ts'
import type { Engine } from './engine.ts'
import { crashNode, dropFlights, startNode, stopNode } from './faults.ts'
import type { Memory, Parcel } from './memory.ts'
import { deliverFromOutside, type Delivered } from './turn.ts'

/** A timer that is set. Never changed. */
export interface SetTimer extends Parcel {
  readonly name: string
  readonly at: number
}

/** A question that an actor has been asked and has not answered. Never changed. */
export interface OwedAnswer {
  readonly token: ReplyToken
  readonly kind: string
}

/** An actor in one world. Changed only by the world that owns it. */
export interface Cell {
  owner: number
  /** Position in `world.cells`, the same in all worlds of a model. */
  readonly index: number
  readonly node: number
  readonly name: string
  /** Of its start. Never changed. */
  args: unknown
  state: unknown
  disk: unknown
  running: boolean
  /** Lives so far; 0 before the first. */
  incarnation: number
  /** Numbers drawn in this life. */
  draws: number
  timers: readonly SetTimer[]
  owed: readonly OwedAnswer[]
  /** Digest under each renaming of nodes; made when it is asked for. */
  digests: CellDigest[] | null
  /** Number among the cells that all worlds share; negative for a cell of one world. See memory.ts. */
  known: number
}

/** See digest.ts: two hashes, and the request ids in the order in which they were met. */
export interface CellDigest {
  readonly high: number
  readonly low: number
  readonly ids: readonly number[]
}

/** A message on its way. Never changed. */
export interface Flight extends Parcel {
  readonly from: number
  readonly to: number
  readonly actor: string
  /** Life of the receiver that it is for; −1: any. */
  readonly incarnation: number
  /** Lane within (from, to): order is kept in it; null: none. */
  readonly lane: string | null
  /** For people: the message's kind, of an answer the question's. */
  readonly title: string
  digests: CellDigest[] | null
}

/** Who owns what all worlds share. */
export const nobody = 0
let lastToken = nobody

function newToken(): number {
  return ++lastToken
}

export class World<Ghost = unknown> {
  readonly engine: Engine
  token = newToken()
  cells: Cell[] = []
  flights: Flight[] = []
  /** What `env.now` shows where the model does not say otherwise. Part of the fingerprint. */
  now = 1_000_000
  /** The first thing that went wrong by itself: an actor threw, or its own invariants failed. */
  failure: Violation | null = null
  ghostData: Ghost
  ghostOwner: number
  ghostDigests: CellDigest[] | null = null
  /** null: every step is taken, as in a walk, which comes by few states twice. */
  memory: Memory | null = null

  constructor(engine: Engine, ghost: Ghost) {
    this.engine = engine
    this.ghostData = ghost
    this.ghostOwner = this.token
  }

  get bounds(): Bounds {
    return this.engine.bounds
  }

  get safeguards(): Safeguards {
    return this.engine.safeguards
  }

  /** The model's own data; not to be changed through this. */
  get ghost(): Readonly<Ghost> {
    return this.ghostData
  }

  /** The model's own data, to be changed. */
  edit(): Ghost {
    if (this.ghostOwner !== this.token) {
      this.ghostData = this.engine.copyGhost(this.ghostData)
      this.ghostOwner = this.token
    }
    this.ghostDigests = null
    return this.ghostData
  }

  clone(): World<Ghost> {
    const copy = new World<Ghost>(this.engine, this.ghostData)
    this.token = newToken()
    copy.ghostOwner = this.ghostOwner
    copy.ghostDigests = this.ghostDigests
    copy.cells = this.cells.slice()
    copy.flights = this.flights.slice()
    copy.now = this.now
    copy.failure = this.failure
    copy.memory = this.memory
    return copy
  }

  /** The cell of an actor, not to be changed; undefined when this model has none. */
  cell(node: number, name: string): Cell | undefined {
    const index = this.engine.indexOf(node, name)
    return index < 0 ? undefined : this.cells[index]
  }

  /** An actor's state, not to be changed; undefined when it is not running. */
  state<State>(node: number, name: string): State | undefined {
    return this.cell(node, name)?.state as State | undefined
  }

  /** An actor's disk, not to be changed. */
  disk<Disk>(node: number, name: string): Disk | undefined {
    return this.cell(node, name)?.disk as Disk | undefined
  }

  /** The cell, to be changed. The engine's steps do this by themselves; a model needs it to reach into a disk. */
  own(index: number): Cell {
    const shared = this.cells[index]!
    if (shared.owner === this.token) {
      shared.digests = null
      shared.known = -1
      return shared
    }
    const cell = this.engine.copyCell(shared, this.token)
    this.cells[index] = cell
    return cell
  }

  /** Does any actor of the node run? */
  isUp(node: number): boolean {
    return this.cells.some((cell) => cell.node === node && cell.running)
  }

  /** Delivers a message from outside at once, with everything that follows on that node: a client's call, metadata. */
  deliver(node: number, actor: string, message: Message): void {
    deliverFromOutside(this, node, actor, message)
  }

  /** Puts a message on its way, as if an actor of `from` had sent it. */
  send(from: number, to: { readonly broker: number; readonly actor: string }, message: Message): void {
    this.engine.launch(this, from, to.broker, to.actor, this.engine.copyMessage(message), -1, message.kind)
  }

  /**
   * Ends all actors of a node without a word. What was on its way to and from it is gone; whoever waits for its answer
   * gets `Failed`. `powerLoss`: each cell's disk also loses what `powerLoss` of its spec says.
   */
  crash(node: number, how: 'kill' | 'powerLoss' = 'kill'): void {
    crashNode(this, node, how)
  }

  /** Stops all actors of a node in good order (`definition.stop`). */
  stop(node: number): void {
    stopNode(this, node)
  }

  /** Starts the actors of a node that do not run, from their disks. */
  start(node: number): void {
    startNode(this, node)
  }

  /** Loses what is on its way and matches: a connection that breaks. No `Failed` is sent for it. */
  drop(matches: (flight: Flight) => boolean): void {
    dropFlights(this, matches)
  }

  fail(invariant: string, detail: string): void {
    this.failure ??= { invariant, detail }
  }

  /** For the trace of the running action: something that is not a delivery. */
  report(event: Delivered): void {
    this.engine.report(this, event)
  }
}
