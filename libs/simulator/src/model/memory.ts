/**
 * What an actor did before, it does again: a step that was taken once from the same state with the same message is not
 * taken again. In a search three replicas go through few states each, and through all their combinations.
 *
 * Equal cells become one cell, so worlds are small, and what is known of a cell (its digests, its steps) is known once.
 * A step whose ports looked at other parts of the world is not remembered.
 */
import type { Message } from '@troupe/actor'
import type { Engine } from './engine.ts'
import { exactDigest, exactDigestOfTree, put, putExact, putText, type ExactDigest } from './exact-digest.ts'
import type { Outcome } from './step.ts'
import { nobody, type Cell, type CellDigest, type Flight, type World } from './world.ts'

/** `Cell.known` of a cell that was not compared yet, and of one that there was no room for. */
const unasked = -1
const uncommon = -2

/** A message, wherever it waits; `key` is its number here, −1 before anybody asked. */
export interface Parcel {
  readonly message: Message
  key: number
}

// A key has 53 bits: 24 are left for the cell, 22 for the message, 7 for the time.
// Fewer cells than that are kept, of some kilobytes each; the others belong to their worlds.
const cellLimit = 2 ** 19
const messageLimit = 2 ** 22
const timeLimit = 2 ** 7
const outcomeLimit = 300_000
const sharedLimit = 1_000_000

export class Memory {
  readonly #engine: Engine
  readonly #cells = new Interner<Cell>()
  readonly #messages = new Interner<number>()
  readonly #flights = new Interner<Flight>()
  readonly #ghosts = new Interner<{ readonly data: unknown; readonly digests: CellDigest[] }>()
  readonly #times = new Map<number, number>()
  readonly #outcomes = new Map<number, Outcome>()
  /** For tests and reports. */
  hits = 0
  misses = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** The key of a step, −1 when it cannot be remembered. The world's cell is the common one afterwards. */
  keyOf(world: World, index: number, parcel: Parcel, timer: string, now: number): number {
    const cell = this.share(world, index)
    if (cell.known < 0) return -1
    if (parcel.key < 0) parcel.key = this.#numberOf(parcel.message, timer)
    const time = this.#timeOf(now)
    if (parcel.key >= messageLimit || time >= timeLimit) return -1
    return (cell.known * messageLimit + parcel.key) * timeLimit + time
  }

  recall(key: number): Outcome | undefined {
    const outcome = this.#outcomes.get(key)
    if (outcome === undefined) this.misses++
    else this.hits++
    return outcome
  }

  keep(key: number, outcome: Outcome): void {
    if (this.#outcomes.size >= outcomeLimit) this.#outcomes.clear()
    this.#outcomes.set(key, outcome)
  }

  /** Puts the one cell that all worlds share in place of an equal one. */
  share(world: World, index: number): Cell {
    const cell = world.cells[index]!
    if (cell.known !== unasked) return cell
    const digest = this.#digest(cell)
    const common = this.#cells.get(digest)
    if (common !== undefined) {
      world.cells[index] = common
      return common
    }
    if (this.#cells.size >= cellLimit) {
      cell.known = uncommon
      return cell
    }
    cell.known = this.#cells.size
    cell.owner = nobody
    this.#cells.set(digest, cell)
    return cell
  }

  /** The one flight that all worlds share. */
  shareFlight(flight: Flight): Flight {
    const { from, to, actor, message, incarnation, title, lane } = flight
    const { root } = this.#engine.rules.messages
    const digest = exactDigest(() => {
      put(from)
      put(to)
      putText(actor)
      put(incarnation)
      putText(title)
      putText(lane ?? '-')
      putExact(message, root.field(message.kind, 0))
    })
    const common = this.#flights.get(digest)
    if (common === undefined && this.#flights.size < sharedLimit) this.#flights.set(digest, flight)
    return common ?? flight
  }

  /** Puts the one ghost that all worlds share in place of an equal one. */
  shareGhost(world: World): void {
    const digest = exactDigestOfTree(world.ghostData, this.#engine.rules.ghost.root)
    let common = this.#ghosts.get(digest)
    if (common === undefined) {
      common = { data: world.ghostData, digests: [] }
      if (this.#ghosts.size < sharedLimit) this.#ghosts.set(digest, common)
    }
    world.ghostData = common.data
    world.ghostDigests = common.digests
    world.ghostOwner = nobody
  }

  #digest(cell: Cell): ExactDigest {
    const { rules, seats } = this.#engine
    const { messages, disk } = rules
    return exactDigest(() => {
      put(cell.index)
      put(cell.running ? 1 : 0)
      put(cell.incarnation)
      put(cell.draws)
      putExact(cell.args, rules.args.root)
      putExact(cell.state, rules.of(seats[cell.index]!.definition.kind).root)
      putExact(cell.disk, disk.root)
      for (const { name, at, message } of cell.timers) {
        putText(name)
        putExact(at, messages.root)
        putExact(message, messages.root)
      }
      put(cell.owed.length)
      for (const { token, kind } of cell.owed) {
        putText(kind)
        putExact(token, messages.root)
      }
    })
  }

  #numberOf(message: Message, timer: string): number {
    const { root } = this.#engine.rules.messages
    const digest = exactDigest(() => {
      putText(timer)
      putExact(message, root.field(message.kind, 0))
    })
    const known = this.#messages.get(digest)
    if (known !== undefined) return known
    const number = this.#messages.size
    this.#messages.set(digest, number)
    return number
  }

  #timeOf(now: number): number {
    let number = this.#times.get(now)
    if (number === undefined) this.#times.set(now, (number = this.#times.size))
    return number
  }
}

/** A map by 64 bits: 53 of them are the key, and all are compared. */
class Interner<Value> {
  readonly #entries = new Map<number, { readonly low: number; readonly value: Value }>()
  size = 0

  get({ high, low }: ExactDigest): Value | undefined {
    const entry = this.#entries.get(high * 2 ** 21 + (low >>> 11))
    return entry !== undefined && entry.low === low ? entry.value : undefined
  }

  set({ high, low }: ExactDigest, value: Value): void {
    this.size++
    this.#entries.set(high * 2 ** 21 + (low >>> 11), { low, value })
  }
}
