/** K1…K8 on the controllers and metadata images of a whole cluster, after every step of them. */
import type { ControllerActor } from '@troupe/controller/actor-state'
import type { BrokerEnv } from '@troupe/controller/broker/state'
import { afterPublish, newMetadataGhost } from '../invariants/metadata.ts'
import { afterStep, afterStop, newQuorumGhost, viewOfStore, type QuorumLogView } from '../invariants/raft.ts'
import type { Cell, Host } from '../kernel/host.ts'
import type { Violation } from '../model/contract.ts'
import type { Observer } from './observer.ts'
import type { Violations } from './violations.ts'

const imagesPerCheck = 4

export class QuorumChecker implements Observer {
  private readonly violations: Violations
  private readonly voters: readonly number[]
  private readonly ghost = newQuorumGhost()
  private readonly metadata = newMetadataGhost()
  private readonly logs = new Map<number, QuorumLogView>()
  /** Last life that was seen of each broker's controller, and the image offset that was checked. */
  private readonly lives = new Map<number, number>()
  private readonly published = new Map<number, number>()

  constructor(violations: Violations, voters: readonly number[]) {
    this.violations = violations
    this.voters = voters
  }

  stepped(host: Host, cell: Cell): void {
    if (cell.kind === 'controller') this.controllerStepped(host, cell)
    else if (cell.kind === 'broker') this.brokerStepped(host, cell)
  }

  private controllerStepped(host: Host, cell: Cell): void {
    const { raft } = cell.state as ControllerActor
    if (this.lives.get(host.id) !== cell.incarnation) {
      this.lives.set(host.id, cell.incarnation)
      this.logs.set(host.id, viewOfStore(raft.store))
      afterStop(this.ghost, host.id)
    }
    const { phase, epoch, votedId, highWatermark } = raft
    const isVoter = this.voters.includes(host.id)
    const log = this.logs.get(host.id)!
    const { directoryId } = raft.store
    const member = { id: host.id, isVoter, phase, epoch, votedId, highWatermark, directoryId, log }
    this.report(afterStep(this.ghost, member))
  }

  private brokerStepped(host: Host, cell: Cell): void {
    const { image } = cell.env as BrokerEnv
    if (this.published.get(host.id) === image.offset) return
    this.published.set(host.id, image.offset)
    // Every image costs as much as the whole metadata: each broker shows the same few.
    if (image.offset % imagesPerCheck !== 0) return
    this.report(afterPublish(this.metadata, host.id, image))
  }

  private report(violation: Violation | null): void {
    if (violation !== null) this.violations.report(violation.invariant, violation.detail)
  }
}
