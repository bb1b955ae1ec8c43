/** Repartition topics hold records for the pipeline alone: what is consumed and committed is deleted now and then. */
import { partitionKey } from '@troupe/client/consumer/topic-partition'
import { ask, isAsking, names } from './ask.ts'
import type { Step } from './state.ts'

export function purgeIfDue(step: Step): void {
  const { state, env } = step
  const every = state.config['repartition.purge.interval.ms']
  if (every < 0 || env.now < state.purgeAt || state.closing !== null || isAsking(step, 'purge')) return
  state.purgeAt = env.now + every
  const { subtopologies } = state.args.topology
  const partitions = [...state.tasks.values()].flatMap(({ task, inputs, committed }) => {
    const { repartitionSources } = subtopologies.find(({ id }) => id === task.subtopology)!
    return inputs
      .filter(({ topic }) => repartitionSources.includes(topic))
      .flatMap(({ topic, partition }) => {
        const offset = committed.get(partitionKey({ topic, partition }))
        return offset === undefined ? [] : [{ topic, partition, before: offset }]
      })
  })
  if (partitions.length === 0) return
  ask(step, names.admin, { kind: 'adminCall', operation: 'deleteRecords', args: { partitions } }, { kind: 'purge' })
}
