/** The thread's clients, its place in the group, and what a rebalance does to its tasks. */
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import type { RebalanceEvent } from '@troupe/client/consumer'
import type { Topology } from '../topology.ts'
import { ask, become, failureOf, names, tell } from './ask.ts'
import { ASSIGNOR, pipelineAssignor } from './assignor.ts'
import { decodeAssignmentData, encodeMemberData } from './assignor-data.ts'
import { isExactlyOnce } from './config.ts'
import { fail } from './failing.ts'
import { startProducer } from './producing.ts'
import { recover } from './recovery.ts'
import type { Step } from './state.ts'
import { closeAllTasks, reconcileStandbys, reconcileTasks } from './tasks.ts'

/** When the topics are there. */
export function join(step: Step): void {
  startProducer(step)
  startConsumer(step)
}

export function startConsumer(step: Step): void {
  const { state, out } = step
  const { topology, consumer } = state.args
  const isolation = isExactlyOnce(state.config) ? ({ 'isolation.level': 'read_committed' } as const) : {}
  const properties = {
    'auto.offset.reset': 'earliest',
    'max.poll.records': 1000,
    ...consumer,
    ...isolation,
    'group.id': topology.applicationId,
    'enable.auto.commit': false,
    'allow.auto.create.topics': false,
    'partition.assignment.strategy': [ASSIGNOR],
  }
  const assignors = [pipelineAssignor(topology, state.config['num.standby.replicas'])]
  out.spawn(names.consumer(step), 'consumer', { properties, assignors })
  subscribe(step)
}

/** The consumer has crashed, and its place in the group with it. */
export function restartConsumer(step: Step): void {
  stopConsumer(step)
  recover(step, { cause: 'migrated', detail: 'consumer failed' })
  closeAllTasks(step)
  if (step.state.closing === null) startConsumer(step)
}

function stopConsumer(step: Step): void {
  const { state, out } = step
  out.stop(names.consumer(step))
  for (const [id, { kind }] of state.asked) if (ofConsumer.has(kind)) state.asked.delete(id)
  state.poll = 0
  state.asksLag = false
  state.joined = false
  state.owned.clear()
  state.revoking = []
}

const ofConsumer: ReadonlySet<string> = new Set(['poll', 'group', 'commit', 'committed', 'lag', 'unsubscribe'])

/** Again whenever the copies have changed: the next join tells the leader. */
export function subscribe(step: Step): void {
  const { state } = step
  const { topology, instance } = state.args
  const topics = [...new Set(topology.subtopologies.flatMap(({ sourceTopics }) => sourceTopics))].sort()
  const standbys = [...state.standbys.keys()].sort()
  const userData = encodeMemberData({ instance, fingerprint: fingerprintOf(topology), standbys })
  tell(step, names.consumer(step), { kind: 'subscribe', topics, userData })
  state.joined = true
}

/** The group has gone on without this thread: it begins anew, as nobody. */
export function rejoin(step: Step): void {
  const { state } = step
  state.owned.clear()
  state.revoking = []
  ask(step, names.consumer(step), { kind: 'unsubscribe' }, { kind: 'unsubscribe' })
  subscribe(step)
}

export function onRebalanced(step: Step, events: readonly RebalanceEvent[]): void {
  const { state } = step
  for (const { kind, partitions, userData } of events) {
    state.metrics.rebalances++
    if (kind === 'assigned') {
      const { standbys, error } = decodeAssignmentData(userData ?? null)
      if (error !== '') return fail(step, failureOf('TopologyException', error))
      const unknown = partitions.find(({ topic, partition }) => partition >= (state.counts.get(topic) ?? 0))
      if (unknown) return fail(step, failureOf('StreamsException', `partitions of ${unknown.topic} have been added`))
      for (const each of partitions) state.owned.set(partitionKey(each), each)
      if (state.closing === null) become(step, 'PARTITIONS_ASSIGNED')
      reconcileTasks(step)
      reconcileStandbys(step, standbys)
      subscribe(step)
    } else {
      for (const each of partitions) state.owned.delete(partitionKey(each))
      if (state.closing === null) become(step, 'PARTITIONS_REVOKED')
      if (kind === 'lost') recover(step, { cause: 'migrated', detail: 'partitions lost' })
      reconcileTasks(step)
    }
  }
}

/** Two topologies with the same one make the same tasks of the same topics and stores. */
export function fingerprintOf({ subtopologies }: Topology): string {
  const shape = subtopologies.map(({ id, nodes, sourceTopics, sinkTopics, stores }) => {
    return [id, nodes, sourceTopics, sinkTopics, stores]
  })
  const text = JSON.stringify(shape)
  let [a, b] = [0x811c9dc5, 0x01000193]
  for (let index = 0; index < text.length; index++) {
    a = Math.imul(a ^ text.charCodeAt(index), 0x01000193)
    b = Math.imul(b ^ text.charCodeAt(text.length - 1 - index), 0x85ebca6b)
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}
