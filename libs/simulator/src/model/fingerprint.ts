/**
 * The fingerprint of a world: of its cells, of what is on its way (order counts within a lane only), of the ghost.
 *
 * Under symmetry it is the smallest one over all renamings of interchangeable nodes. Digests of cells and flights are
 * kept with them, per renaming, so that a step costs the hashing of what it touched.
 */
import {
  beginDigest,
  endDigest,
  hashValue,
  put,
  putNumber,
  putOwnId,
  putText,
  rename,
  sum,
  type Renaming,
} from './digest.ts'
import type { Engine } from './engine.ts'
import { finish, mix } from './hash.ts'
import { addUp } from './symmetry.ts'
import { hashOf } from './text-hash.ts'
import type { Cell, CellDigest, Flight, World } from './world.ts'

/** The fingerprint under the canonical renaming, or the smallest one under the renamings at `candidates`. */
export function fingerprintOf(world: World, candidates?: readonly number[]): readonly [number, number] {
  const { symmetry } = world.engine
  const positions = candidates ?? symmetry.candidates(world, signatureOf)
  let high = 0
  let low = 0
  for (let at = 0; at < positions.length; at++) {
    underRenaming(world, positions[at]!, symmetry.renamings[positions[at]!]!)
    if (at === 0 || totalHigh < high || (totalHigh === high && totalLow < low)) {
      high = totalHigh
      low = totalLow
    }
  }
  return [high >>> 0, low >>> 0]
}

/** What can be said of a node without naming any: its cells, and what is on its way to and from it. */
function signatureOf(world: World, node: number): number {
  const { engine } = world
  const names = engine.symmetry.anonymous[node]!
  const own = engine.symmetry.renamings.length
  let total = 0
  for (const at of engine.cellsOf(node)) {
    const cell = world.cells[at]
    if (cell !== undefined) total = addUp(total, cellDigest(engine, shared(world, cell), own, names).high, 1)
  }
  for (const flight of world.flights) {
    if (flight.to === node) total = addUp(total, flightDigest(engine, flight, own, names).high, 2)
    if (flight.from === node) total = addUp(total, flightDigest(engine, flight, own + 1, names).high, 3)
  }
  return total
}

/** The common cell in place of an equal one, where there is a memory: its digests are known. */
function shared(world: World, cell: Cell): Cell {
  return cell.known === -1 && world.memory !== null ? world.memory.share(world, cell.index) : cell
}

let totalHigh = 0
let totalLow = 0
let ids: number[] = []

function add(value: number): void {
  totalHigh = mix(totalHigh, value)
  totalLow = Math.imul((totalLow ^ value) + 0x3c6ef372, 0x9e3779b1)
  totalLow ^= totalLow >>> 15
}

function addDigest(digest: CellDigest): void {
  add(digest.high)
  add(digest.low)
  for (let at = 0; at < digest.ids.length; at++) ids.push(digest.ids[at]!)
}

function underRenaming(world: World, index: number, nodes: Renaming): void {
  const { engine } = world
  totalHigh = 0x243f6a88
  totalLow = 0x13198a2e
  ids = []
  // A world in which an actor threw is never taken for one that looks the same.
  add(world.failure === null ? 0 : 1)
  add(world.now)
  for (const at of engine.cellOrder(index)) {
    const cell = world.cells[at]
    if (cell !== undefined) addDigest(cellDigest(engine, shared(world, cell), index, nodes))
  }
  addFlights(world, index, nodes)
  addDigest(ghostDigest(world, index, nodes))
  addIds()
  totalHigh = finish(totalHigh)
  totalLow = finish(totalLow)
}

/** Ids by order of first use. */
function addIds(): void {
  for (let at = 0; at < ids.length; at++) add(ids.indexOf(ids[at]!))
}

function cellDigest(engine: Engine, cell: Cell, index: number, nodes: Renaming): CellDigest {
  const known = (cell.digests ??= [])
  return (known[index] ??= digestCell(engine, cell, nodes))
}

function digestCell(engine: Engine, cell: Cell, nodes: Renaming): CellDigest {
  const { definition } = engine.seats[cell.index]!
  const { messages, disk } = engine.rules
  beginDigest(nodes, { node: cell.node, actor: cell.name })
  putNumber(rename(cell.node))
  putText(cell.name)
  put(cell.running ? 1 : 0)
  put(cell.incarnation)
  put(cell.draws)
  if (cell.running) hashValue(cell.state, engine.rules.of(definition.kind).root)
  hashValue(cell.disk, disk.root)
  const { timers, owed } = cell
  put(timers.length)
  sum(timers.length, (at) => {
    putText(timers[at]!.name)
    hashValue(timers[at]!.message, messages.root.field(timers[at]!.message.kind, 0))
  })
  put(owed.length)
  sum(owed.length, (at) => hashValue(owed[at]!.token, messages.root))
  return endDigest()
}

function ghostDigest(world: World, index: number, nodes: Renaming): CellDigest {
  if (world.ghostDigests === null && world.memory !== null) world.memory.shareGhost(world)
  const known = (world.ghostDigests ??= [])
  if (known[index] === undefined) {
    beginDigest(nodes, { node: -1, actor: '' })
    hashValue(world.ghostData, world.engine.rules.ghost.root)
    known[index] = endDigest()
  }
  return known[index]
}

let lanesHigh = 0
let lanesLow = 0
let lanesWithIds: CellDigest[] = []

/** Flights of one lane count in their order; of lanes, and of flights without one, the order means nothing. */
function addFlights(world: World, index: number, nodes: Renaming): void {
  const { flights, engine } = world
  lanesHigh = 0
  lanesLow = 0
  lanesWithIds = []
  for (let at = 0; at < flights.length; at++) {
    const flight = flights[at]!
    if (flight.lane === null) addLane(flightDigest(engine, flight, index, nodes))
    else if (isHead(flights, at)) addLane(laneDigest(world, at, index, nodes))
  }
  add(lanesHigh)
  add(lanesLow)
  if (lanesWithIds.length > 1) lanesWithIds.sort((one, other) => one.high - other.high || one.low - other.low)
  for (const lane of lanesWithIds) for (const id of lane.ids) ids.push(id)
}

function addLane(lane: CellDigest): void {
  lanesHigh = (lanesHigh + finish(mix(lane.high, lane.low))) | 0
  lanesLow = (lanesLow + finish(lane.low ^ 0x3c6ef372)) | 0
  if (lane.ids.length > 0) lanesWithIds.push(lane)
}

/** Is this the first flight of its lane? */
export function isHead(flights: readonly Flight[], at: number): boolean {
  const { from, to, lane } = flights[at]!
  for (let before = 0; before < at; before++) {
    const other = flights[before]!
    if (other.to === to && other.from === from && other.lane === lane) return false
  }
  return true
}

function laneDigest(world: World, head: number, index: number, nodes: Renaming): CellDigest {
  const { flights, engine } = world
  const { from, to, lane } = flights[head]!
  let digest = flightDigest(engine, flights[head]!, index, nodes)
  for (let at = head + 1; at < flights.length; at++) {
    const flight = flights[at]!
    if (flight.from !== from || flight.to !== to || flight.lane !== lane) continue
    digest = joined(digest, flightDigest(engine, flight, index, nodes))
  }
  return digest
}

function joined(before: CellDigest, next: CellDigest): CellDigest {
  const low = Math.imul(before.low ^ next.low, 0x9e3779b1)
  const allIds = next.ids.length === 0 ? before.ids : [...before.ids, ...next.ids]
  return { high: mix(before.high, next.high), low: low ^ (low >>> 15), ids: allIds }
}

function flightDigest(engine: Engine, flight: Flight, index: number, nodes: Renaming): CellDigest {
  const known = (flight.digests ??= [])
  return (known[index] ??= digestFlight(engine, flight, nodes))
}

function digestFlight(engine: Engine, flight: Flight, nodes: Renaming): CellDigest {
  const { from, to, actor, message, incarnation, lane } = flight
  beginDigest(nodes, { node: to, actor })
  putNumber(rename(from))
  putNumber(rename(to))
  put(hashOf(actor).high)
  put(incarnation)
  if (lane !== null) put(hashOf(lane).high)
  const place = engine.rules.messages.root.field(message.kind, 0)
  if (message.kind !== 'reply') hashValue(message, place)
  else {
    const { id, body } = message as unknown as { id: number; body: unknown }
    putText('reply')
    putOwnId(id)
    hashValue(body, place.field('body', 0))
  }
  return endDigest()
}
