/**
 * What every guard asks while it is ablated: it keeps its value, or gets the forced one. Also notes which values a
 * guard had, since forcing the value that it always has changes nothing.
 */
let forcedId = -1
let forcedTo = false
let seen = new Uint8Array(0)

const hadFalse = 1
const hadTrue = 2

/** What guard `id` comes to; stands around every guard in instrumented code. */
export function decide(id: number, value: boolean): boolean {
  seen[id]! |= value ? hadTrue : hadFalse
  return id === forcedId ? forcedTo : value
}

export function force(id: number, to: boolean): void {
  forcedId = id
  forcedTo = to
}

export function forceNothing(): void {
  forcedId = -1
}

export function forgetSeen(guards: number): void {
  seen = new Uint8Array(guards)
}

/** Per guard: 0 never asked, 1 only false, 2 only true, 3 both. */
export function whatWasSeen(): Uint8Array {
  return seen
}

/** Whether a guard that had these values would differ if it were forced. */
export function differs(values: number, to: boolean): boolean {
  return (values & (to ? hadFalse : hadTrue)) !== 0
}
