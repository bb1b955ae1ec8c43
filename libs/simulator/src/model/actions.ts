/** What may happen next in a world, in a fixed order, and doing it. */
import type { Action } from './contract.ts'
import { isHead } from './fingerprint.ts'
import { enqueue, fire, runTurn } from './turn.ts'
import type { Flight, World } from './world.ts'

type Operation = 'deliver' | 'lose' | 'duplicate' | 'fire' | 'choose'

/** Says what to do by position, so that it serves every copy of the world it was made for. */
export class EngineAction implements Action {
  readonly type: Action['type']
  readonly operation: Operation
  /** Of the flight, the cell, or the choice. */
  readonly index: number
  readonly timer: string
  readonly #world: World
  readonly #flights: readonly Flight[]
  #label: string | null = null

  constructor(world: World, operation: Operation, type: Action['type'], index: number, timer = '') {
    this.type = type
    this.operation = operation
    this.index = index
    this.timer = timer
    this.#world = world
    this.#flights = world.flights
  }

  /** The node that a delivery is for; null for anything else. */
  get receiver(): number | null {
    return this.operation === 'deliver' ? this.#flights[this.index]!.to : null
  }

  /** Made when somebody asks: a search passes by a hundred choices for every one it shows. */
  get label(): string {
    return (this.#label ??= this.#makeLabel())
  }

  #makeLabel(): string {
    const { engine } = this.#world
    if (this.operation === 'choose') return engine.choices[this.index]!.label
    if (this.operation === 'fire') {
      const { node, name } = engine.seats[this.index]!.spec
      return words(engine.nodeName(node), engine.actorName(node, name), `timer ${this.timer}`)
    }
    const flight = flightLabel(this.#world, this.#flights, this.index)
    return this.operation === 'deliver' ? flight : `${this.operation} ${flight}`
  }
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ')
}

function flightLabel({ engine }: World, flights: readonly Flight[], index: number): string {
  const flight = flights[index]!
  const { from, to, actor, lane } = flight
  const link = from === to ? engine.nodeName(from) : `${engine.nodeName(from)}→${engine.nodeName(to)}`
  const isAlike = (other: Flight): boolean =>
    other.from === from &&
    other.to === to &&
    other.actor === actor &&
    other.title === flight.title &&
    other.lane === lane
  const before = flights.slice(0, index).filter(isAlike).length
  const number = before === 0 ? '' : `#${before + 1}`
  return words(link, engine.actorName(to, actor), flight.title, lane === null || lane === '' ? '' : `@${lane}`, number)
}

export function enabledActions(world: World): EngineAction[] {
  const actions: EngineAction[] = []
  if (world.failure !== null) return actions
  const { engine, flights, cells } = world
  const { mayDeliver, mayLose, mayDuplicate, mayFire } = engine.spec
  for (let index = 0; index < flights.length; index++) {
    const flight = flights[index]!
    if (flight.lane !== null && !isHead(flights, index)) continue
    if (mayDeliver !== undefined && !mayDeliver(world, flight)) continue
    actions.push(new EngineAction(world, 'deliver', 'message', index))
    if (mayLose?.(world, flight)) actions.push(new EngineAction(world, 'lose', 'fault', index))
    if (mayDuplicate?.(world, flight)) actions.push(new EngineAction(world, 'duplicate', 'fault', index))
  }
  for (const cell of cells) {
    for (const { name } of cell.timers) {
      if (mayFire !== undefined && !mayFire(world, cell, name)) continue
      actions.push(new EngineAction(world, 'fire', 'timer', cell.index, name))
    }
  }
  for (let index = 0; index < engine.choices.length; index++) {
    const choice = engine.choices[index]!
    if (choice.enabled(world)) actions.push(new EngineAction(world, 'choose', choice.type, index))
  }
  return actions
}

export function takeAction(world: World, { operation, index, timer }: EngineAction): void {
  const { engine } = world
  switch (operation) {
    case 'deliver':
      deliver(world, takeFlight(world, index))
      return
    case 'lose':
      engine.spec.lost?.(world, takeFlight(world, index))
      return
    case 'duplicate': {
      const flight = world.flights[index]!
      engine.spec.duplicated?.(world, flight)
      deliver(world, flight)
      return
    }
    case 'fire':
      engine.spec.fired?.(world, world.cells[index]!, timer)
      fire(world, index, timer)
      return
    case 'choose':
      engine.choices[index]!.apply(world)
      runTurn(world)
  }
}

function takeFlight(world: World, index: number): Flight {
  const flight = world.flights[index]!
  world.flights = world.flights.toSpliced(index, 1)
  return flight
}

/** The flight may be in other worlds too: without a memory, which copies for itself, the receiver gets a copy. */
function deliver(world: World, flight: Flight): void {
  const { to, actor, incarnation, from, title, key } = flight
  const { engine, memory } = world
  const message = memory === null ? engine.copyMessage(flight.message) : flight.message
  const delivery = { node: to, actor, message, incarnation, from, title, key }
  enqueue(delivery)
  runTurn(world)
  flight.key = delivery.key
}
