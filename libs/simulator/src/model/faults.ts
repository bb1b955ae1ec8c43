/** Crashes, stops and starts of nodes, and what becomes of messages then. Rules as in the production host. */
import type { Message } from '@troupe/actor'
import { applyEffects, checkOwn, failLater, runTurn } from './turn.ts'
import type { Cell, Flight, World } from './world.ts'

export function crashNode(world: World, node: number, how: 'kill' | 'powerLoss'): void {
  const { engine } = world
  const answers: (() => void)[] = []
  for (const { index, node: at, running } of world.cells) {
    if (at !== node || !running) continue
    const cell = world.own(index)
    const { owed } = cell
    unmake(cell)
    if (how === 'powerLoss') {
      const { powerLoss } = engine.seats[index]!.spec
      if (powerLoss !== undefined) cell.disk = powerLoss(cell.disk) ?? cell.disk
    }
    for (const { token, kind } of owed) answers.push(() => failLater(world, node, token, 'broker-down', kind))
  }
  const lost = world.flights.filter((flight) => flight.from === node || flight.to === node)
  world.flights = world.flights.filter((flight) => flight.from !== node && flight.to !== node)
  for (const flight of lost) answers.push(() => failQuestion(world, node, flight))
  for (const answer of answers) answer()
}

/** What was asked of the node, or answered by it, and is gone: the asker is told. */
function failQuestion(world: World, node: number, flight: Flight): void {
  const { message, from, to, actor, incarnation, title } = flight
  const token = message.replyTo
  if (token !== undefined && to === node) failLater(world, node, token, 'broker-down', message.kind)
  else if (message.kind === 'reply' && from === node && to !== node) {
    const { id } = message as Message & { id: number }
    const kind = title.replace(/'s (answer|failure)$/, '')
    failLater(world, node, { broker: to, actor, id, incarnation }, 'broker-down', kind)
  }
}

export function stopNode(world: World, node: number): void {
  for (const { index, node: at, running } of world.cells.toReversed()) {
    if (at !== node || !running) continue
    stopCellAt(world, index)
  }
  // With the node go its connections.
  crashNode(world, node, 'kill')
}

export function stopCellAt(world: World, index: number): void {
  const cell = world.own(index)
  const seat = world.engine.seats[index]!
  seat.enter(world, cell, null, 0)
  seat.definition.stop?.(cell.state, seat.env)
  const { owed } = cell
  unmake(cell)
  for (const { token, kind } of owed) failLater(world, cell.node, token, 'actor-crashed', kind)
}

function unmake(cell: Cell): void {
  cell.running = false
  cell.state = undefined
  cell.timers = []
  cell.owed = []
  cell.draws = 0
}

export function startNode(world: World, node: number): void {
  for (const { index, node: at, running } of world.cells) {
    if (at === node && !running) startCell(world, world.own(index))
  }
  runTurn(world)
}

/** What it sends waits for the turn: whom it is for may start next. */
export function startCell(world: World, cell: Cell): void {
  const { engine } = world
  const seat = engine.seats[cell.index]!
  cell.incarnation++
  cell.draws = 0
  engine.effects.list.length = 0
  seat.enter(world, cell, null, 0)
  try {
    cell.state = seat.definition.start(cell.args, seat.env, engine.effects)
  } catch (error) {
    engine.effects.list.length = 0
    world.fail('actor-threw', `${cell.name} on ${engine.nodeName(cell.node)}, during start: ${String(error)}`)
    return
  }
  cell.running = true
  applyEffects(world, cell, engine.effects.list.splice(0))
  checkOwn(world, cell)
}

export function dropFlights(world: World, matches: (flight: Flight) => boolean): void {
  world.flights = world.flights.filter((flight) => !matches(flight))
}
