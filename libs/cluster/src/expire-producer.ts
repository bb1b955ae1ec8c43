/** Finds the coordinator of a transactional.id, wherever it is just now, and tells it that the id's time is over. */
import { partitionFor } from '@troupe/coordinator/partitioning'
import type { EmbeddedBrokers } from './embedded-brokers.ts'
import { coordinatorOf, openTransactions, partitions, QuestionFailed } from './questions.ts'
import { until } from './until.ts'

const transactionTopic = '__transaction_state'

export async function expireProducer(
  brokers: EmbeddedBrokers,
  transactionalId: string,
): Promise<'aborted' | 'forgotten'> {
  const answer = await until(
    async () => {
      const coordinator = await coordinatorOf(brokers, 'transaction', transactionalId)
      if (coordinator < 0) return null
      const { length } = await partitions(brokers, transactionTopic)
      const partition = partitionFor(transactionalId, length)
      const answer = await brokers.hands(coordinator).expireProducer(partition, transactionalId)
      // It moves, or loads.
      return answer === null || answer.error !== 0 ? null : answer
    },
    { what: `a coordinator for ${transactionalId}` },
  )
  const { outcome } = answer
  if (outcome === undefined || outcome === 'unknown') {
    throw new QuestionFailed(`the coordinator has nothing to expire of ${transactionalId}`)
  }
  if (outcome === 'aborted') {
    await until(async () => (await openTransactions(brokers)).every((one) => one.transactionalId !== transactionalId), {
      what: `the transaction of ${transactionalId} is aborted`,
    })
  }
  return outcome
}
