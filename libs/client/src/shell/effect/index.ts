/**
 * The client as Effect sees it: `@troupe/client/effect`.
 *
 * `KafkaClient.layer(properties)` holds the connections; producer, consumer and admin are layers upon it, or are made in
 * a scope with serdes of one's own. Needs the `effect` package, which nothing else of the client does.
 */
export { Admin, type AdminService } from './admin.ts'
export { Consumer, makeConsumer, type ConsumerLayerOptions, type ConsumerService } from './consumer.ts'
export { failureOf, KafkaFailureOf, type FailureName, type KafkaFailure } from './failure.ts'
export { KafkaClient, type KafkaClientOptions, type KafkaClientService } from './kafka-client.ts'
export { makeProducer, Producer, type ProducerLayerOptions, type ProducerService } from './producer.ts'
