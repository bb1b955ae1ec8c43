/** A few plain fields of the messages between replicas and the controller, for traces. */
import type { Message } from '@troupe/actor'

export function detail(message: Message): string {
  const { view, leaderEpoch, offset, lastFetchedEpoch, body, acks } = message as Message & Record<string, any>
  switch (message.kind) {
    case 'partition':
      return `leader=${view.leader} epoch=${view.leaderEpoch}/${view.partitionEpoch} isr=[${view.isr}]`
    case 'followerFetch':
      return `epoch=${leaderEpoch} offset=${offset} lastFetchedEpoch=${lastFetchedEpoch}`
    case 'produce':
      return `acks=${acks}`
    case 'controllerRequest': {
      const { newIsrWithEpochs, partitionEpoch } = body.topics[0].partitions[0]
      return `isr=[${newIsrWithEpochs.map(({ brokerId }: { brokerId: number }) => brokerId)}] partitionEpoch=${partitionEpoch}`
    }
    case 'reply':
      return answerDetail(body)
    default:
      return ''
  }
}

// The answers to all questions of replicas.
// oxlint-disable-next-line no-explicit-any
function answerDetail(body: any): string {
  if (body.kind === 'failed') return body.reason
  const part = body.topics?.[0]?.partitions?.[0]
  if (part !== undefined)
    return `error=${part.errorCode ?? 0} isr=[${part.isr ?? ''}] partitionEpoch=${part.partitionEpoch ?? -1}`
  const { error, records: bytes, divergingEpoch, highWatermark } = body
  const what = divergingEpoch
    ? `diverging=${divergingEpoch.epoch}/${divergingEpoch.endOffset}`
    : bytes
      ? 'records'
      : 'nothing'
  return `error=${error ?? 0} ${what} highWatermark=${highWatermark}`
}
