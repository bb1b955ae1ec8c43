/** Which topic names are legal, and which topics belong to the brokers. Source: Kafka's `Topic` class. */
const LEGAL = /^[a-zA-Z0-9._-]+$/
const MAX_LENGTH = 249

export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTION_TOPIC = '__transaction_state'
export const SHARE_STATE_TOPIC = '__share_group_state'

const INTERNAL = new Set([OFFSETS_TOPIC, TRANSACTION_TOPIC, SHARE_STATE_TOPIC])

export function isLegalTopicName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_LENGTH && name !== '.' && name !== '..' && LEGAL.test(name)
}

export function isInternalTopic(name: string): boolean {
  return INTERNAL.has(name)
}
