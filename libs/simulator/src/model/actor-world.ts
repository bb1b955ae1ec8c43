/**
 * `actorModel`: a `Model` made of production actors. A concrete model says which actors stand on which node, what may
 * happen beside deliveries and timers, and what must hold; everything else is here.
 *
 *   interface Ghost { acked: number[]; crashes: number }
 *
 *   export const tiny = actorModel<Ghost>({
 *     name: 'tiny',
 *     title: 'Two replicas, one producer',
 *     defaultBounds: { records: 2, crashes: 1 },
 *     cells: () => [
 *       ...[1, 2].map((node) => ({
 *         node, name: 'replica:t:0', definition: replicaActor, args,
 *         disk: () => new IdealStore(),                           // outlives a crash
 *         ports: (view) => ({ get logs() { return view.disk }, cluster, config }),
 *       })),
 *       { node: 101, name: 'producer', definition: producerStub },  // our own tiny actor; `c1` in labels
 *     ],
 *     ghost: () => ({ acked: [], crashes: 0 }),
 *     begin: (world) => world.deliver(1, 'replica:t:0', partitionUpdate(1)),
 *     choices: (bounds) => [{
 *       label: 'crash b1', type: 'fault',
 *       enabled: (world) => world.isUp(1) && world.ghost.crashes < bounds.crashes!,
 *       apply: (world) => { world.edit().crashes++; world.crash(1); world.start(1) },
 *     }],
 *     onEffect: (world, cell, effect) => { if (cell.node < 100 && isAck(effect)) world.edit().acked.push(offsetOf(effect)) },
 *     check: (world) => lost(world) ? { invariant: 'R1', detail: '…' } : null,
 *     fields: { replica: { omit: ['nextId', 'lastFetchTimeMs'], ids: ['inFlight.id'], nodes: ['isr', 'followers{}'] } },
 *     symmetry: () => [[1, 2]],
 *   })
 *
 * How it works, and what to keep in mind:
 * - Order on the network: first in first out per (from, to); `lane` gives a message a lane of its own (another
 *   connection), or none (it may overtake). Messages within a node are delivered in the same turn, unless `isSeparate`.
 * - A timer that is set may fire at any moment (`mayFire` forbids). `env.now` stands still at `world.now`, unless `now`
 *   says otherwise for a step: "when the `isr` timer fires, everybody is late".
 * - `world.ghost`, `world.state(…)`, `world.disk(…)` are for reading. Change the ghost through `world.edit()`, a cell
 *   through `world.own(index)`: what is shared between worlds is copied then.
 *   `edit` costs a copy and a hash for every world in which it is called: look first whether anything changes.
 * - A label names a choice in a schedule: `b1→b2 followerFetch`, `b2 timer fetch`, `crash b1`.
 * - `fields` (field-rules.ts) keeps worlds apart or together; too few omissions cost states, too many hide bugs.
 * - An actor that throws is a violation `actor-threw`; one whose `invariants` throw is `actor-invariant`.
 * - A search remembers steps: from the same cell, the same message at the same time comes to the same. So an actor must
 *   not depend on anything else; a port that reads `view.world` is noticed, one with a memory of its own is not.
 *   `verifyModel` finds such mistakes, `crossCheckSymmetry` fields with nodes that no rule names: call both in a test.
 * - Names of stub actors' kinds, ports and disks are the model's. A port is made once for all worlds: it reads `view`
 *   on every call and keeps nothing.
 */
import type { Safeguards } from '@troupe/actor'
import type { TraceEvent } from '../trace/format.ts'
import type { Action, Bounds, Model, Violation } from './contract.ts'
import type { ActorModelSpec } from './actor-spec.ts'
import { enabledActions, takeAction, type EngineAction } from './actions.ts'
import { Engine } from './engine.ts'
import type { World } from './world.ts'

export type { ActorModelSpec, CellSpec, CellView, Choice } from './actor-spec.ts'
export type { ClassRule, FieldRules } from './field-rules.ts'
export type { Cell, Flight, World } from './world.ts'

export interface ActorModel<Ghost extends object> extends Model<World<Ghost>> {
  readonly spec: ActorModelSpec<Ghost>
}

export interface ActorModelOptions {
  /** Fold worlds that differ in the names of nodes only. Default: as the spec's `symmetry` says. */
  readonly symmetry?: boolean
}

export function actorModel<Ghost extends object>(
  spec: ActorModelSpec<Ghost>,
  options: ActorModelOptions = {},
): ActorModel<Ghost> {
  return {
    spec,
    name: spec.name,
    title: spec.title,
    defaultBounds: spec.defaultBounds,
    initial: (safeguards: Safeguards, bounds: Bounds): World<Ghost> =>
      new Engine(
        spec,
        safeguards,
        { ...spec.defaultBounds, ...bounds },
        options.symmetry ?? true,
      ).initial() as World<Ghost>,
    enabled: (world: World<Ghost>): readonly Action[] => enabledActions(world),
    apply(world: World<Ghost>, action: Action, observe?: (event: Omit<TraceEvent, 'index' | 'at'>) => void): void {
      world.engine.observed(world, action, observe ?? null, () => takeAction(world, action as EngineAction))
    },
    remember(world: World<Ghost>): void {
      world.memory = world.engine.memory
    },
    clone: (world: World<Ghost>): World<Ghost> => world.clone(),
    fingerprint: (world: World<Ghost>): readonly [number, number] => world.engine.fingerprint(world),
    check: (world: World<Ghost>): Violation | null => world.failure ?? spec.check(world),
    witnesses: (world: World<Ghost>): readonly string[] => spec.witnesses?.(world) ?? [],
  }
}
