/** The invariants that are checked after every event of a whole cluster's run. */
import type { Message } from '@troupe/actor'
import type { Cell, Host } from '../kernel/host.ts'
import type { Cluster } from './cluster.ts'
import type { Observer } from './observer.ts'
import { QuorumChecker } from './quorum-checker.ts'
import { ReplicationChecker } from './replication-checker.ts'
import type { Violations } from './violations.ts'

export function clusterCheckers(cluster: Cluster, violations: Violations): Observer[] {
  const { voters } = cluster.options
  return [
    new OwnInvariants(violations),
    new QuorumChecker(violations, voters),
    new ReplicationChecker(cluster, violations),
  ]
}

/** Each actor's own `invariants()`. */
class OwnInvariants implements Observer {
  private readonly violations: Violations

  constructor(violations: Violations) {
    this.violations = violations
  }

  stepped(host: Host, cell: Cell, message: Message): void {
    if (cell.definition.invariants === undefined) return
    try {
      cell.definition.invariants(cell.state)
    } catch (error) {
      this.violations.report('own-invariant', `${host.name} ${cell.name} after ${message.kind}: ${String(error)}`)
    }
  }
}
