/**
 * Liveness without time: the world is healed (no fault, no client's whim, everything is delivered, timers fire in turn),
 * and what has not come to an end after a few rounds never will.
 *
 * Only perturbations have budgets, never healing: the model's `mayFire` must let everything fire while it heals.
 */
import type { Model } from '../model/contract.ts'

/** More than any protocol here takes: each round trip that waits for a timer costs one. */
const rounds = 24
/** Deliveries in one round; beyond that it goes round in circles. */
const limit = 2_000

/** Changes `world`, until it is done. False when it does not come to rest. */
export function heal<World>(model: Model<World>, world: World, isDone: () => boolean): boolean {
  for (let round = 0; round < rounds; round++) {
    if (!deliverAll(model, world)) return false
    if (isDone()) return true
    const timers = model.enabled(world).filter(({ type }) => type === 'timer')
    for (const { label } of timers) {
      const timer = model.enabled(world).find((action) => action.type === 'timer' && action.label === label)
      if (timer === undefined) continue
      model.apply(world, timer)
      if (!deliverAll(model, world)) return false
    }
  }
  return true
}

function deliverAll<World>(model: Model<World>, world: World): boolean {
  for (let count = 0; count < limit; count++) {
    const message = model.enabled(world).find(({ type }) => type === 'message')
    if (message === undefined) return true
    model.apply(world, message)
  }
  return false
}
