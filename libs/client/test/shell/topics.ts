/** Makes topics with the client's own node, so that these suites need nothing but what they test. */
import { clientActorNames, type AdminResult } from '@troupe/client/messages'
import type { NewTopic } from '@troupe/client/admin/topics'
import { ClientNode, KafkaError, type Connector } from '@troupe/client'

export async function createTopics(
  bootstrap: string,
  topics: readonly NewTopic[],
  connector?: Connector,
): Promise<void> {
  const node = new ClientNode({ properties: { 'bootstrap.servers': bootstrap }, ...(connector && { connector }) })
  try {
    const message = { kind: 'adminCall', operation: 'createTopics', args: { topics } }
    const { items } = await node.ask<AdminResult>(clientActorNames.admin, message)
    const failed = items.find(({ error }) => error !== 0)
    if (failed) throw new KafkaError('KafkaException', `${failed.key}: ${failed.error} ${failed.detail}`)
  } finally {
    node.close()
  }
}
