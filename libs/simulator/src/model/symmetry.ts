/**
 * Nodes that are interchangeable: worlds that differ in their names only are one. The canonical names are those that sort
 * the nodes by what can be said of each without naming any (its signature); among nodes that look alike all orders are
 * tried, and the smallest fingerprint counts.
 */
import type { Renaming } from './digest.ts'
import { mix } from './hash.ts'
import type { World } from './world.ts'

/** Their orders are listed: 5040 for seven. */
const mostAlike = 7

export class Symmetry {
  readonly groups: readonly (readonly number[])[]
  /** All ways to rename nodes within their groups; the first one renames nothing. */
  readonly renamings: readonly Renaming[]
  /** For the signature of a node: itself, and all others alike. By node; undefined for one of no group. */
  readonly anonymous: readonly (Renaming | undefined)[]
  readonly #all: readonly number[]

  constructor(groups: readonly (readonly number[])[]) {
    this.groups = groups.filter(({ length }) => length > 1)
    const large = this.groups.find(({ length }) => length > mostAlike)
    if (large !== undefined)
      throw new RangeError(`${large.length} interchangeable nodes; at most ${mostAlike} can be compared in every order`)
    this.renamings = renamings(this.groups)
    this.#all = this.renamings.map((_, index) => index)
    const anonymous: Renaming[] = []
    for (const self of this.groups.flat()) anonymous[self] = anonymousFor(self, this.groups)
    this.anonymous = anonymous
  }

  /** Positions of the renamings that can be the canonical one. */
  candidates(world: World, signature: (world: World, node: number) => number): readonly number[] {
    if (this.groups.length === 0) return this.#all
    const signatures: number[] = []
    for (const group of this.groups) for (const node of group) signatures[node] = signature(world, node)
    return this.#all.filter((index) => this.#sorts(this.renamings[index]!, signatures))
  }

  #sorts(names: Renaming, signatures: readonly number[]): boolean {
    for (const group of this.groups) {
      for (let one = 0; one < group.length; one++) {
        for (let other = one + 1; other < group.length; other++) {
          const difference = signatures[group[one]!]! - signatures[group[other]!]!
          if (difference !== 0 && difference < 0 !== names[group[one]!]! < names[group[other]!]!) return false
        }
      }
    }
    return true
  }
}

const selfName = 1_000_000

function anonymousFor(self: number, groups: readonly (readonly number[])[]): Renaming {
  const names: number[] = []
  groups.forEach((group, at) => {
    for (const node of group) names[node] = node === self ? selfName : selfName + 1 + at
  })
  return names
}

export function renamings(groups: readonly (readonly number[])[]): Renaming[] {
  let all: Renaming[] = [[]]
  for (const group of groups) {
    const orders = permutations(group)
    all = all.flatMap((names) => orders.map((order) => renamed(names, group, order)))
  }
  return all
}

function renamed(names: Renaming, group: readonly number[], order: readonly number[]): Renaming {
  const next = [...names]
  group.forEach((node, at) => {
    next[node] = order[at]!
  })
  return next
}

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]]
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))
}

/** Adds up hashes whose order means nothing. */
export function addUp(total: number, hash: number, role: number): number {
  return (total + mix(hash, role)) | 0
}
