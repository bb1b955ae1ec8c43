/**
 * What can go wrong, as plain data: one entry per misfortune, drawn before a run, so that shrinking can leave some out.
 *
 * | class     | variants                                                                                          |
 * | --------- | ------------------------------------------------------------------------------------------------- |
 * | process   | killed (page cache kept), power lost, stopped in order, paused; the actor kinds restarted alone    |
 * | network   | cut between two sides, one way, one isolated, a bridge; a link slowed; a client's connections lost |
 * | disk      | EIO, full, slow, replaced                                                                          |
 * | clock     | skew                                                                                               |
 * | cluster   | preferred leaders elected, a partition reassigned, a broker started again with other settings      |
 */
export type Fault = { readonly at: number; readonly forMs: number } & (
  | { readonly kind: 'kill'; readonly broker: number; readonly told: boolean }
  | { readonly kind: 'power-loss'; readonly broker: number; readonly told: boolean }
  | { readonly kind: 'stop'; readonly broker: number }
  | { readonly kind: 'pause'; readonly broker: number }
  | { readonly kind: 'pause-client'; readonly client: number }
  | { readonly kind: 'kill-client'; readonly client: number }
  | { readonly kind: 'cut'; readonly from: readonly number[]; readonly to: readonly number[]; readonly oneWay: boolean }
  | { readonly kind: 'slow-link'; readonly from: number; readonly to: number; readonly byMs: number }
  | { readonly kind: 'drop-connections'; readonly client: number; readonly broker: number }
  | { readonly kind: 'disk-error'; readonly broker: number; readonly operation: 'append' | 'sync' | 'read' }
  | { readonly kind: 'disk-full'; readonly broker: number }
  | { readonly kind: 'disk-slow'; readonly broker: number; readonly byMs: number }
  | { readonly kind: 'disk-replaced'; readonly broker: number; readonly told: boolean }
  | { readonly kind: 'skew'; readonly broker: number; readonly byMs: number }
  | { readonly kind: 'elect' }
  /** The `partition`-th one goes to the first of `brokers`, as many as it has replicas. */
  | { readonly kind: 'reassign'; readonly partition: number; readonly brokers: readonly number[] }
  | { readonly kind: 'settings'; readonly broker: number; readonly properties: Readonly<Record<string, string>> }
)

export type FaultKind = Fault['kind']

export const faultKinds = [
  'kill',
  'power-loss',
  'stop',
  'pause',
  'pause-client',
  'kill-client',
  'cut',
  'slow-link',
  'drop-connections',
  'disk-error',
  'disk-full',
  'disk-slow',
  'disk-replaced',
  'skew',
  'elect',
  'settings',
  'reassign',
] as const satisfies readonly FaultKind[]

/** For traces and lists: `power-loss b2 for 800 ms`. */
export function describeFault(fault: Fault): string {
  const { kind, forMs } = fault
  const rest = Object.entries(fault).filter(([name]) => !['kind', 'at', 'forMs'].includes(name))
  const details = rest.map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  return [kind, ...details, forMs > 0 ? `for ${forMs} ms` : ''].filter((part) => part !== '').join(' ')
}
