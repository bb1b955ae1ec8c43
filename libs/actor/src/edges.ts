/**
 * A state machine's legal transitions as data that is executed: `edges(from, to)` returns `to`, or throws.
 *
 * The table stands near the top of the file of its machine; documentation draws its diagram from `edges.table`.
 */
export interface Edges<Phase extends string> {
  (from: Phase, to: Phase): Phase
  readonly table: { readonly [From in Phase]: readonly Phase[] }
}

/** An actor that meets this is restarted by its supervisor: its state can't be trusted any more. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition'
}

export function defineEdges<Phase extends string>(table: { readonly [From in Phase]: readonly Phase[] }): Edges<Phase> {
  const check = (from: Phase, to: Phase): Phase => {
    if (!table[from].includes(to)) throw new IllegalTransition(`${from} → ${to}`)
    return to
  }
  return Object.assign(check, { table })
}
