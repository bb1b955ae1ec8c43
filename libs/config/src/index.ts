/** Kafka's properties: definitions, values, precedence. */
export * from './definitions.ts'
export * from './resolve.ts'
export type { BrokerProperties, GroupProperties, TopicProperties } from './generated/definitions.ts'
