/** What all worlds of one model, one set of safeguards and one set of bounds share: seats, rules, names, counters. */
import type { Message, Safeguards, Slice } from '@troupe/actor'
import type { PartitionStrip, TraceEvent } from '../trace/format.ts'
import type { ActorModelSpec, AnyDefinition, CellSpec, Choice } from './actor-spec.ts'
import { cloneTogether, cloneTree, cloneWith } from './clone.ts'
import type { Action, Bounds } from './contract.ts'
import { EffectList } from '@troupe/actor/effect-list'
import { CompiledRules } from './field-plan.ts'
import type { ClassRule, FieldRules } from './field-rules.ts'
import { stopCellAt } from './faults.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { Renaming } from './digest.ts'
import { Memory } from './memory.ts'
import { Seat } from './seat.ts'
import { Symmetry } from './symmetry.ts'
import { hashOf } from './text-hash.ts'
import { startCell } from './step.ts'
import { runTurn, type Delivered } from './turn.ts'
import { World, type Cell, type Flight } from './world.ts'

// The ghost is the model's own: to the engine it is opaque.
// oxlint-disable-next-line no-explicit-any
type AnySpec = ActorModelSpec<any>
type Observer = (event: Omit<TraceEvent, 'index' | 'at'>) => void

export class Engine {
  readonly spec: AnySpec
  readonly safeguards: Safeguards
  readonly bounds: Bounds
  readonly choices: readonly Choice[]
  readonly seats: Seat[] = []
  readonly effects = new EffectList()
  readonly rules: RuleBook
  readonly symmetry: Symmetry
  readonly memory = new Memory(this)
  observer: ((event: Delivered) => void) | null = null
  readonly #byNode = new Map<number, Map<string, number>>()
  #orders: (readonly number[])[] = []

  constructor(spec: AnySpec, safeguards: Safeguards, bounds: Bounds, symmetry: boolean) {
    this.spec = spec
    this.safeguards = safeguards
    this.bounds = bounds
    this.choices = spec.choices?.(bounds) ?? []
    this.rules = new RuleBook(spec.fields ?? {}, spec.classes ?? [])
    this.symmetry = new Symmetry(symmetry ? (spec.symmetry?.(bounds) ?? []) : [])
    for (const cell of spec.cells(bounds)) this.#addSeat(cell)
  }

  initial(): World {
    const world = new World(this, this.spec.ghost(this.bounds))
    for (const seat of this.seats) world.cells.push(newCell(seat, world))
    for (const { spec, index } of this.seats) {
      if (spec.down !== true) startCell(world, world.cells[index]!)
    }
    runTurn(world)
    if (world.failure === null) this.spec.begin?.(world)
    return world
  }

  #addSeat(spec: CellSpec): Seat {
    const seat = new Seat(spec, this.seats.length, this.safeguards, this.spec.random ?? 'stream')
    this.seats.push(seat)
    let names = this.#byNode.get(spec.node)
    if (names === undefined) this.#byNode.set(spec.node, (names = new Map()))
    if (names.has(spec.name)) throw new Error(`two cells are named ${spec.name} on node ${spec.node}`)
    names.set(spec.name, seat.index)
    this.#orders = []
    return seat
  }

  /** Position of an actor's cell, −1 without one. */
  indexOf(node: number, name: string): number {
    return this.#byNode.get(node)?.get(name) ?? -1
  }

  cellsOf(node: number): Iterable<number> {
    return this.#byNode.get(node)?.values() ?? []
  }

  /** Cells in the order of their nodes' new names. */
  cellOrder(renaming: number): readonly number[] {
    return (this.#orders[renaming] ??= this.#sortedCells(this.symmetry.renamings[renaming]!))
  }

  #sortedCells(names: Renaming): readonly number[] {
    const key = ({ node, spec }: Seat): [number, number] => [names[node] ?? node, hashOf(spec.name).high]
    return this.seats
      .toSorted((one, other) => key(one)[0] - key(other)[0] || key(one)[1] - key(other)[1])
      .map(({ index }) => index)
  }

  fingerprint(world: World): readonly [number, number] {
    return fingerprintOf(world)
  }

  copyGhost<Data>(ghost: Data): Data {
    return cloneTree(ghost, this.rules.ghost)
  }

  /** State and disk are copied together: a log that lies in both is one log afterwards. */
  copyCell(cell: Cell, owner: number): Cell {
    const { index, node, name, running, incarnation, draws, timers, owed, args } = cell
    const { kind } = this.seats[index]!.definition
    const [state, disk] = cloneTogether(cell.state, this.rules.of(kind), cell.disk, this.rules.disk)
    return {
      owner,
      index,
      node,
      name,
      args,
      state,
      disk,
      running,
      incarnation,
      draws,
      timers,
      owed,
      digests: null,
      known: -1,
    }
  }

  copyMessage(message: Message, isRemote = false): Message {
    const copy = cloneWith(message, this.rules.messages)
    if (isRemote) readSlices(copy)
    return copy
  }

  launch(
    world: World,
    from: number,
    to: number,
    actor: string,
    message: Message,
    incarnation: number,
    title: string,
  ): void {
    const flight = this.flight(from, to, actor, message, incarnation, title)
    world.flights.push(world.memory === null ? flight : world.memory.shareFlight(flight))
  }

  flight(from: number, to: number, actor: string, message: Message, incarnation: number, title: string): Flight {
    const lane = this.spec.lane === undefined ? '' : this.spec.lane(from, to, actor, message)
    return { from, to, actor, message, incarnation, lane, title, digests: null, key: -1 }
  }

  isSeparate(node: number, actor: string, message: Message): boolean {
    return this.spec.isSeparate?.(node, actor, message) ?? false
  }

  spawn(world: World, node: number, name: string, kind: string, args: unknown): void {
    const known = this.indexOf(node, name)
    if (known >= 0 && world.cells[known]?.running) return
    const template = this.spec.kinds?.[kind]
    if (template === undefined) return
    const seat = known >= 0 ? this.seats[known]! : this.#addSeat({ ...template, node, name, args })
    while (world.cells.length < this.seats.length) {
      world.cells.push(newCell(this.seats[world.cells.length]!, world))
    }
    const cell = world.own(seat.index)
    cell.args = args
    startCell(world, cell)
  }

  stopCell(world: World, node: number, name: string): void {
    const index = this.indexOf(node, name)
    if (index >= 0 && world.cells[index]?.running) stopCellAt(world, index)
  }

  nodeName(node: number): string {
    if (node < 0) return ''
    return this.spec.nodeName?.(node) ?? (node < 100 ? `b${node}` : `c${node - 100}`)
  }

  /** Which actor of its node, where that is in doubt. */
  actorName(node: number, name: string): string {
    const names = this.#byNode.get(node)
    if (names === undefined || names.size <= 1) return ''
    const { kind } = this.seats[names.get(name) ?? -1]?.definition ?? { kind: name }
    const alike = [...names.values()].filter((index) => this.seats[index]!.definition.kind === kind)
    return alike.length > 1 ? name : kind
  }

  detail(message: Message, world: World): string {
    return this.spec.detail?.(message, world) ?? ''
  }

  report(_world: World, event: Delivered): void {
    this.observer?.(event)
  }

  /** Runs an action; whoever observes hears of it, of what followed in the same turn, and of the strips it changed. */
  observed(world: World, action: Action, observer: Observer | null, run: () => void): void {
    if (observer === null) return run()
    const before = this.#strips(world)
    const heard: Delivered[] = []
    if (action.type === 'fault' || action.type === 'client') heard.push(this.#eventOf(action))
    this.observer = (event) => heard.push(event)
    try {
      run()
    } finally {
      this.observer = null
    }
    if (heard.length === 0) heard.push(this.#eventOf(action))
    const after = this.#strips(world).filter(
      (strip) => !before.some((old) => JSON.stringify(old) === JSON.stringify(strip)),
    )
    heard.forEach((event, at) => {
      const strips = at === heard.length - 1 ? after : []
      observer({ ...event, choice: at === 0 ? action.label : '', strips })
    })
  }

  #strips(world: World): readonly PartitionStrip[] {
    return structuredClone(this.spec.strips?.(world) ?? []) as readonly PartitionStrip[]
  }

  #eventOf({ label, type }: Action): Delivered {
    const node = this.choices.find((choice) => choice.label === label)?.node ?? 'net'
    const isLost = label.startsWith('lose ')
    return { type: isLost ? 'lost' : type, node, actor: '', from: '', kind: label, detail: '' }
  }
}

function newCell(seat: Seat, world: World): Cell {
  const { index, node, spec } = seat
  const { name, args } = spec
  const disk = spec.disk?.() ?? null
  const life = { running: false, incarnation: 0, draws: 0, timers: [], owed: [], digests: null, known: -1 }
  return { owner: world.token, index, node, name, args, state: undefined, disk, ...life }
}

/** As on the way to another broker: bytes in place of a slice of a file. */
function readSlices(message: Message): void {
  const holders = [message, (message as { body?: unknown }).body] as { records?: unknown }[]
  for (const holder of holders) {
    const slice = holder?.records as Slice | null | undefined
    if (typeof slice?.readInto !== 'function') continue
    const bytes = new Uint8Array(slice.sizeInBytes)
    holder.records = bytes.subarray(0, slice.readInto(bytes, 0))
  }
}

/** The compiled rules of a model, by what they are for. */
class RuleBook {
  readonly messages: CompiledRules
  readonly ghost: CompiledRules
  readonly disk: CompiledRules
  readonly args: CompiledRules
  readonly #fields: Readonly<Record<string, FieldRules>>
  readonly #classes: ReadonlyMap<unknown, ClassRule>
  readonly #byKind = new Map<string, CompiledRules>()

  constructor(fields: Readonly<Record<string, FieldRules>>, classes: readonly ClassRule<never>[]) {
    this.#fields = fields
    this.#classes = new Map(classes.map((rule) => [rule.type, rule as unknown as ClassRule]))
    this.messages = this.of('messages')
    this.ghost = this.of('ghost')
    this.disk = this.of('disk')
    // Never changed: told apart by identity.
    this.args = new CompiledRules('args', this.#classes, [{ constant: ['args'] }])
  }

  of(kind: AnyDefinition['kind']): CompiledRules {
    let rules = this.#byKind.get(kind)
    if (rules === undefined) {
      rules = new CompiledRules(kind, this.#classes, [this.#fields.all, this.#fields[kind]])
      this.#byKind.set(kind, rules)
    }
    return rules
  }
}
