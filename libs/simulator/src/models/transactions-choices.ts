/** What may happen to the world of transactions beside deliveries and timers; each has its bound. */
import { actorNames, type Message } from '@troupe/actor'
import type { IdealLog } from '../model-ports/ideal-log.ts'
import type { Choice } from '../model/actor-world.ts'
import type { Bounds } from '../model/contract.ts'
import {
  clusterOf,
  COORDINATOR,
  dataTopic,
  partitionUpdate,
  times,
  TOPIC,
  topicIds,
  TRANSACTIONS,
} from './transactions-parts.ts'
import type { Step } from './transactions-producer.ts'
import { endOf, type StateReplica } from './transactions-state.ts'
import {
  CLIENTS,
  isOpen,
  leadersOf,
  READER,
  STATE_REPLICA,
  stateLogOf,
  stateOf,
  type TransactionsGhost,
  type TransactionsWorld,
} from './transactions-world.ts'

type Limited = 'retries' | 'aborts' | 'reloads' | 'failures' | 'fetches' | 'elections' | 'crashes' | 'losses'
type AChoice = Choice<TransactionsGhost>

function limited(name: Limited, { ghost, bounds }: TransactionsWorld): boolean {
  return ghost[name] < bounds[name] && !ghost.healing
}

export function choices(bounds: Bounds): AChoice[] {
  const clients = CLIENTS.slice(0, bounds.producers).flatMap((node, at) => clientChoices(node, `c${at + 1}`, bounds))
  const second = bounds.producers > 1 ? [secondProducer] : []
  const leaders = leadersOf(bounds).flatMap(leaderChoices)
  return [
    ...clients,
    ...second,
    electedAgain,
    movedWithLoss,
    failing('refused'),
    failing('in doubt'),
    ...leaders,
    ...fetches(bounds),
  ]
}

function clientChoices(node: number, name: string, bounds: Bounds): AChoice[] {
  const steps: Step[] = ['init', 'add', 'end', ...leadersOf(bounds).map((_, partition) => `p${partition}`)]
  const again = steps.map((step): AChoice => ({
    label: `${name} asks again: ${step}`,
    type: 'client',
    enabled: (world) => limited('retries', world) && stateOf(world, node)?.waiting.has(step) === true,
    apply: (world) => {
      world.edit().retries++
      world.deliver(node, 'producer', { kind: 'giveUp', step } as Message)
    },
  }))
  const abort: AChoice = {
    label: `${name} aborts`,
    type: 'client',
    enabled: (world) => limited('aborts', world) && isOpen(stateOf(world, node)),
    apply: (world) => {
      world.edit().aborts++
      world.deliver(node, 'producer', { kind: 'abort' })
    },
  }
  return [...again, abort]
}

const secondProducer: AChoice = {
  label: 'c2 starts',
  type: 'client',
  enabled: (world) => !world.isUp(CLIENTS[1]) && !world.ghost.healing,
  apply: (world) => world.start(CLIENTS[1]),
}

const electedAgain: AChoice = {
  label: 'b1 is elected again',
  type: 'fault',
  enabled: (world) => limited('reloads', world),
  apply: (world) => {
    world.edit().reloads++
    electCoordinator(world)
  },
}

function electCoordinator(world: TransactionsWorld): void {
  const leaderEpoch = world.ghost.reloads + world.ghost.losses + 1
  world.deliver(COORDINATOR, TRANSACTIONS, { kind: 'elected', leaderEpoch } as Message)
}

/** To another broker, in truth; to its clients and to the leaders that is all the same. */
const movedWithLoss: AChoice = {
  label: 'b1 is elected again, without what is not committed',
  type: 'fault',
  enabled: (world) => limited('losses', world) && stateLogOf(world).committed < endOf(stateLogOf(world)),
  apply: (world) => {
    world.edit().losses++
    const log = stateLogOf(world, true)
    log.batches = log.batches.filter(({ nextOffset }) => nextOffset <= log.committed)
    const replica = world.own(world.cell(COORDINATOR, STATE_REPLICA)!.index)
    ;(replica.state as StateReplica).waiting = []
    electCoordinator(world)
  },
}

const failing = (next: 'refused' | 'in doubt'): AChoice => ({
  label: `b1's next append is ${next}`,
  type: 'fault',
  enabled: (world) => limited('failures', world) && stateLogOf(world).next === 'written',
  apply: (world) => {
    world.edit().failures++
    stateLogOf(world, true).next = next
  },
})

/** A leader is told that it leads in a new epoch, or it dies and does so afterwards; its log loses nothing. */
function leaderChoices(node: number, partition: number): AChoice[] {
  const actor = actorNames.replica(topicIds.data, partition)
  const elect = (world: TransactionsWorld): void => {
    const ghost = world.edit()
    const leaderEpoch = (ghost.leaderEpochs[node] ?? 0) + 1
    ghost.leaderEpochs = { ...ghost.leaderEpochs, [node]: leaderEpoch }
    const cluster = clusterOf([dataTopic(leadersOf(world.bounds))])
    const update = partitionUpdate(cluster, TOPIC, partition)
    const view = { ...update.view, leaderEpoch, partitionEpoch: leaderEpoch }
    world.deliver(node, actor, { ...update, view } as Message)
  }
  const elected: AChoice = {
    label: `b${node} leads in a new epoch`,
    type: 'fault',
    enabled: (world) => limited('elections', world),
    apply: (world) => {
      world.edit().elections++
      elect(world)
    },
  }
  const dies: AChoice = {
    label: `b${node} dies and comes back`,
    type: 'fault',
    enabled: (world) => limited('crashes', world),
    apply: (world) => {
      world.edit().crashes++
      world.crash(node)
      const log = world.own(world.cell(node, actor)!.index).disk as IdealLog
      log.recover(false, Infinity, times.message)
      world.start(node)
      elect(world)
    },
  }
  return [elected, dies]
}

function fetches(bounds: Bounds): AChoice[] {
  if (bounds.fetches === 0) return []
  return leadersOf(bounds).map((leader, partition) => ({
    label: `c9 fetches ${TOPIC}-${partition}`,
    type: 'client',
    enabled: (world) => limited('fetches', world),
    apply: (world) => {
      world.edit().fetches++
      world.deliver(READER, 'reader', { kind: 'read', leader, partition } as Message)
    },
  }))
}
