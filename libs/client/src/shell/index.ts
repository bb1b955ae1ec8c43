/** Public entry of the client: `@troupe/client`. */
export type { Assignor } from '../consumer/assignors/assignor.ts'
export type { GroupMetadata, PartitionMetadata, RecordHeader } from '../messages.ts'
export type { Partitioner } from '../producer.ts'
export type { Serde } from '../serdes.ts'
export * as serdes from '../serdes.ts'
export { Admin, type AdminClientOptions } from './admin.ts'
export type { AdminOptions, PerItem } from './admin-calls.ts'
export type * from './admin-types.ts'
export { ClientNode, type ClientNodeOptions } from './client-node.ts'
export type { Connector } from './connector.ts'
export { Consumer, type CommitOptions, type ConsumerInterceptor, type ConsumerOptions } from './consumer.ts'
export { KafkaError, type ErrorFlags } from './errors.ts'
export type { Headers } from './headers.ts'
export type { Logger } from './logger.ts'
export type { OffsetAndMetadata, OffsetAndTimestamp, TopicPartition } from './offsets.ts'
export { LogTruncationError, type PollOptions } from './polling.ts'
export { portConnector } from './port-connector.ts'
export {
  Producer,
  type ProducerInterceptor,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
} from './producer.ts'
export type { AdminConfig, ConsumerConfig, ProducerConfig, Properties, Property } from './property.ts'
export type { ProvidedToken, TokenProvider } from './sasl-tokens.ts'
export type { RebalanceListener } from './subscription.ts'
export { tcpConnector } from './tcp-connector.ts'
export { traceProcessing } from './telemetry.ts'
export { RecordDeserializationError, type ConsumerRecord } from './unread.ts'
