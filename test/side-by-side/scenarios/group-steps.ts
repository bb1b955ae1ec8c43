/** What scenarios about groups do over and over. */
import { KafkaError } from '@troupe/wire/errors'
import { Writer } from '@troupe/wire/io'
import { utf8 } from '../harness/batches.ts'
import type { AskOptions, Message, Session } from '../harness/session.ts'

/** Subscriptions as consumers write them, version 0: the coordinator reads the topics out of them. */
function subscription(topics: readonly string[], userData: string): Uint8Array {
  const writer = new Writer()
  writer.int16(0)
  writer.int32(topics.length)
  for (const topic of topics) writer.string(topic)
  writer.bytesField(utf8(userData))
  return writer.bytes().slice()
}

export const protocols = (...names: string[]): object[] =>
  names.map((name) => ({ name, metadata: subscription(['gl'], `${name} of ${names.length}`) }))

export function joining(groupId: string, memberId: string, version: number, rest: object = {}): Message {
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 30_000 } : {}),
    memberId,
    protocolType: 'consumer',
    protocols: protocols('range', 'roundrobin'),
    ...rest,
  }
}

/** Joins, taking the member id it is told to take; returns the last answer. */
export async function join(
  s: Session,
  label: string,
  groupId: string,
  version: number,
  rest: object = {},
  options: AskOptions = {},
): Promise<Message> {
  const first = await s.ask(label, 'JoinGroup', version, joining(groupId, '', version, rest), options)
  return first.errorCode === KafkaError.MEMBER_ID_REQUIRED
    ? s.ask(`${label} with its id`, 'JoinGroup', version, joining(groupId, first.memberId, version, rest), options)
    : first
}

export async function alone(
  s: Session,
  groupId: string,
  version = 9,
): Promise<{ memberId: string; generationId: number }> {
  const { memberId, generationId } = await join(s, 'joins alone', groupId, version)
  await s.ask('syncs alone', 'SyncGroup', 5, {
    groupId,
    generationId,
    memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: utf8('all') }],
  })
  return { memberId, generationId }
}
