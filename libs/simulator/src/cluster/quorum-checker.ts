/** K1…K8 on the controllers and metadata images of a whole cluster, after every step of them. */
import { isFailed, type Message } from '@troupe/actor'
import type { ControllerActor } from '@troupe/controller/actor-state'
import type { BrokerEnv } from '@troupe/controller/broker/state'
import { afterPublish, newMetadataGhost } from '../invariants/metadata.ts'
import { afterStep, afterStop, afterVote, newQuorumGhost, viewOfStore, type QuorumLogView } from '../invariants/raft.ts'
import type { EffectLog } from '../kernel/effect-log.ts'
import type { Cell, Host } from '../kernel/host.ts'
import type { Violation } from '../model/contract.ts'
import type { Observer } from './observer.ts'
import type { Violations } from './violations.ts'

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

  stepped(host: Host, cell: Cell, message: Message, effects: EffectLog): void {
    if (cell.kind === 'controller') this.controllerStepped(host, cell, message, effects)
    else if (cell.kind === 'broker') this.brokerStepped(host, cell)
  }

  private controllerStepped(host: Host, cell: Cell, message: Message, effects: EffectLog): void {
    const { raft } = cell.state as ControllerActor
    if (this.lives.get(host.id) !== cell.incarnation) {
      this.lives.set(host.id, cell.incarnation)
      this.logs.set(host.id, viewOfStore(raft.store))
      afterStop(this.ghost, host.id)
    }
    const { phase, epoch, votedId, highWatermark } = raft
    const isVoter = this.voters.includes(host.id)
    const log = this.logs.get(host.id)!
    this.report(afterStep(this.ghost, { id: host.id, isVoter, phase, epoch, votedId, highWatermark, log }))
    if (message.kind === 'vote') this.voted(host.id, message, effects)
  }

  /** K5: a vote that is given away in an answer. */
  private voted(voter: number, message: Message, effects: EffectLog): void {
    const asked = (message as unknown as { body: VoteBody }).body.topics[0]?.partitions[0]
    if (asked === undefined || asked.preVote === true) return
    for (const effect of effects.list) {
      if (effect.kind !== 'reply' || isFailed(effect.body)) continue
      const given = (effect.body as VoteAnswer).topics?.[0]?.partitions[0]
      if (given?.voteGranted !== true) continue
      this.violations.witness('controller: vote granted')
      this.report(afterVote(this.ghost, voter, asked.replicaId, asked.replicaEpoch))
    }
  }

  private brokerStepped(host: Host, cell: Cell): void {
    const { image } = cell.env as BrokerEnv
    if (this.published.get(host.id) === image.offset) return
    this.published.set(host.id, image.offset)
    this.report(afterPublish(this.metadata, host.id, image))
  }

  private report(violation: Violation | null): void {
    if (violation !== null) this.violations.report(violation.invariant, violation.detail)
  }
}

interface VoteBody {
  readonly topics: readonly {
    readonly partitions: readonly { replicaId: number; replicaEpoch: number; preVote?: boolean }[]
  }[]
}

interface VoteAnswer {
  readonly topics?: readonly { readonly partitions: readonly { voteGranted: boolean }[] }[]
}
