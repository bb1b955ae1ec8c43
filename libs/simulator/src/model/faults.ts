/** Crashes, stops and starts of nodes, and what becomes of messages then. Rules as in the production host. */
import type { Message } from '@troupe/actor'
import { failLater, startCell } from './step.ts'
import { runTurn } from './turn.ts'
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
  seat.enter(world, cell, seat.nowOf(world, cell, null, 0))
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

export function dropFlights(world: World, matches: (flight: Flight) => boolean): void {
  world.flights = world.flights.filter((flight) => !matches(flight))
}
