/**
 * One turn of a node: a message is delivered, and everything that it causes on that node, first in first out, as in the
 * production host. An answer to a question of an earlier life is dropped.
 */
import type { Message } from '@troupe/actor'
import type { TraceEvent } from '../trace/format.ts'
import type { Parcel } from './memory.ts'
import { failLater, noOne, take } from './step.ts'
import type { World } from './world.ts'

export type Delivered = Omit<TraceEvent, 'index' | 'at' | 'strips' | 'choice'>

export interface Delivery extends Parcel {
  readonly node: number
  readonly actor: string
  /** Life of the receiver that it is for; −1: any. */
  readonly incarnation: number
  readonly from: number
  /** For people. */
  readonly title: string
}

/** More deliveries within one turn than this are taken for an endless loop. */
const turnLimit = 10_000

/** What waits within the running turn. One turn runs at a time; a model's hook may add to it. */
let queue: Delivery[] = []
let isRunning = false

export function deliverFromOutside(world: World, node: number, actor: string, message: Message): void {
  const copy = world.engine.copyMessage(message)
  enqueue({ node, actor, message: copy, incarnation: noOne, from: noOne, title: message.kind, key: -1 })
  runTurn(world)
}

export function enqueue(delivery: Delivery): void {
  queue.push(delivery)
}

export function runTurn(world: World): void {
  if (isRunning) return
  isRunning = true
  try {
    for (let at = 0; at < queue.length && world.failure === null; at++) {
      if (at === turnLimit) world.fail('endless-turn', `${turnLimit} deliveries within one turn`)
      else receive(world, queue[at]!)
    }
  } finally {
    isRunning = false
    if (queue.length > 0) queue = []
  }
}

function receive(world: World, delivery: Delivery): void {
  const { engine } = world
  const { node, actor, message, incarnation } = delivery
  const index = engine.indexOf(node, actor)
  const cell = index < 0 ? undefined : world.cells[index]
  if (cell === undefined || !cell.running) {
    if (message.replyTo !== undefined) failLater(world, node, message.replyTo, 'no-such-actor', message.kind)
    return
  }
  if (incarnation !== noOne && incarnation !== cell.incarnation) return
  if (engine.observer !== null) reportDelivery(world, delivery)
  take(world, index, delivery, null)
}

function reportDelivery(world: World, { node, actor, from, title, message }: Delivery): void {
  const { engine } = world
  const detail = engine.detail(message, world)
  const [at, sender] = [engine.nodeName(node), engine.nodeName(from)]
  engine.report(world, { type: 'message', node: at, actor, from: sender, kind: title, detail })
}

/** Fires a timer that is set: a turn of its own. */
export function fire(world: World, index: number, name: string): void {
  const { engine } = world
  const cell = world.cells[index]!
  const timer = cell.timers.find((set) => set.name === name)
  if (timer === undefined) return
  if (engine.observer !== null) {
    const node = engine.nodeName(cell.node)
    engine.report(world, { type: 'timer', node, actor: cell.name, from: '', kind: name, detail: '' })
  }
  // Without a memory nobody else copies what the actor may keep.
  const parcel = world.memory === null ? { message: engine.copyMessage(timer.message), key: -1 } : timer
  take(world, index, parcel, timer)
  runTurn(world)
}
