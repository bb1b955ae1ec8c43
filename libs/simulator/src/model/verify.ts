/**
 * A check of the model itself, for its test: a search believes that worlds which share cells do not feel each other, that
 * the same choice leads to the same world, that labels tell choices apart, and that a remembered step is a taken one.
 *
 * Looks at the nearest worlds of the model, with every step taken anew, and returns what is wrong, [] if nothing.
 */
import type { Safeguards } from '@troupe/actor'
import type { ActorModel } from './actor-world.ts'
import type { Bounds } from './contract.ts'
import { exactDigest, put, putExact, putText } from './exact-digest.ts'
import { fingerprintOf } from './fingerprint.ts'
import { follow } from './replay.ts'
import { search } from './search.ts'
import type { World } from './world.ts'

export interface VerifyOptions {
  /** Worlds that are looked at. Default: 1000. */
  readonly worlds?: number
}

export function verifyModel<Ghost extends object>(
  model: ActorModel<Ghost>,
  safeguards: Safeguards,
  bounds: Bounds,
  { worlds = 1000 }: VerifyOptions = {},
): readonly string[] {
  const first = model.initial(safeguards, bounds)
  const remembering = model.clone(first)
  model.remember?.(remembering)
  const complaints = new Set<string>()
  const complain = (isWrong: boolean, what: string): void => void (isWrong && complaints.add(what))
  const seen = new Set([name(model, first)])
  const queue: { world: World<Ghost>; twin: World<Ghost>; path: readonly string[] }[] = []
  queue.push({ world: first, twin: remembering, path: [] })
  for (let at = 0; at < queue.length && at < worlds; at++) {
    const { world, twin, path } = queue[at]!
    const before = everything(world)
    const actions = model.enabled(world)
    complain(
      new Set(actions.map(({ label }) => label)).size < actions.length,
      `labels are not unique after ${path.join(', ')}`,
    )
    actions.forEach((action, index) => {
      const next = model.clone(world)
      model.apply(next, action)
      const again = model.clone(world)
      model.apply(again, action)
      const nextTwin = model.clone(twin)
      model.apply(nextTwin, model.enabled(twin)[index]!)
      const where = `${action.label}, after ${path.join(', ') || 'nothing'}`
      complain(everything(world) !== before, `changes what it shares with other worlds: ${where}`)
      complain(everything(next) !== everything(again), `leads to different worlds: ${where}`)
      complain(name(model, next) !== name(model, nextTwin), `leads elsewhere when steps are remembered: ${where}`)
      if (seen.has(name(model, next)) || model.check(next) !== null) return
      seen.add(name(model, next))
      queue.push({ world: next, twin: nextTwin, path: [...path, action.label] })
    })
    complain(
      name(model, follow(model, first, path).world) !== name(model, world),
      `does not replay: ${path.join(', ')}`,
    )
  }
  return [...complaints]
}

function name<Ghost extends object>(model: ActorModel<Ghost>, world: World<Ghost>): string {
  return model.fingerprint(world).join()
}

/**
 * Searches the model whole and folded: `orbits` of the whole must be as many as the folded search has `states`. For small
 * bounds. A field with nodes that no rule names makes `folded` too large; nothing can make it too small but a rule that
 * leaves out or renames too much, which `orbits` shows as well.
 */
export function crossCheckSymmetry<Ghost extends object>(
  model: ActorModel<Ghost>,
  safeguards: Safeguards,
  bounds: Bounds,
): { readonly whole: number; readonly orbits: number; readonly folded: number } {
  const folded = search(model, safeguards, bounds).states
  const orbits = new Set<string>()
  const fingerprint = (world: World<Ghost>): readonly [number, number] => {
    orbits.add(name(model, world))
    return fingerprintOf(world, [0])
  }
  const whole = search({ ...model, fingerprint }, safeguards, bounds).states
  return { whole, orbits: orbits.size, folded }
}

/** All that there is in a world, looked at anew. */
function everything(world: World): string {
  const { rules, seats } = world.engine
  const { high, low } = exactDigest(() => {
    for (const { index, running, incarnation, draws, state, disk, timers, owed } of world.cells) {
      putExact([running, incarnation, draws], rules.messages.root)
      putExact(state, rules.of(seats[index]!.definition.kind).root)
      putExact(disk, rules.disk.root)
      putExact([timers.map(({ name: timer, at, message }) => [timer, at, message]), owed], rules.messages.root)
    }
    for (const { from, to, actor, message, lane } of world.flights) {
      put(from)
      put(to)
      putText(`${actor} ${lane}`)
      putExact(message, rules.messages.root)
    }
    putExact(world.ghostData, rules.ghost.root)
    putExact(world.now, rules.messages.root)
  })
  return `${high},${low}`
}
