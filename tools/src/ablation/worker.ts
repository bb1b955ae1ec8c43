/**
 * The process that mutants live in. It is told the guards first, loads the simulator with a switch at each of them, and
 * then runs target after target, each with one guard forced or none.
 */
import { registerHooks } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../repository.ts'
import type { Limits, Run, Target } from './contract.ts'
import type { Guard } from './guards.ts'
import { instrument } from './instrument.ts'
import { force, forceNothing, forgetSeen, whatWasSeen } from './switchboard.ts'

export type Request =
  | { readonly type: 'load'; readonly guards: readonly Guard[]; readonly limits: Limits; readonly targets: string }
  | { readonly type: 'run'; readonly target: number; readonly forced: { id: number; to: boolean } | null }

export type Answer =
  | { readonly type: 'loaded'; readonly targets: readonly string[] }
  | { readonly type: 'ran'; readonly run: Run; readonly ms: number; readonly seen: Uint8Array }
  /** The target itself threw: the mutant broke more than an actor. */
  | { readonly type: 'threw'; readonly error: string }

let targets: readonly Target[] = []
let guardCount = 0

process.on('message', (request: Request) => {
  void answer(request).then((result) => process.send!(result))
})

async function answer(request: Request): Promise<Answer> {
  try {
    return request.type === 'load' ? await load(request) : run(request)
  } catch (error) {
    return { type: 'threw', error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

async function load({ guards, limits, targets: module }: Extract<Request, { type: 'load' }>): Promise<Answer> {
  guardCount = guards.length
  forgetSeen(guardCount)
  putSwitches(Map.groupBy(guards, ({ file }) => file))
  const { makeTargets } = (await import(module)) as { makeTargets: (limits: Limits) => Target[] }
  targets = makeTargets(limits)
  return { type: 'loaded', targets: targets.map(({ name }) => name) }
}

function putSwitches(guards: ReadonlyMap<string, readonly Guard[]>): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith('file:')) return loaded
      const own = guards.get(relative(root, fileURLToPath(url)).replaceAll('\\', '/'))
      if (own === undefined) return loaded
      const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source!)
      return { ...loaded, source: instrument(text, own) }
    },
  })
}

function run({ target, forced }: Extract<Request, { type: 'run' }>): Answer {
  if (forced === null) forceNothing()
  else force(forced.id, forced.to)
  forgetSeen(guardCount)
  const began = performance.now()
  try {
    const result = targets[target]!.run()
    return { type: 'ran', run: result, ms: performance.now() - began, seen: whatWasSeen() }
  } finally {
    forceNothing()
  }
}
