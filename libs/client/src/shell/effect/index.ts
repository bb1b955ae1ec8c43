/**
 * The client as Effect sees it: `@troupe/client/effect`.
 *
 * `KafkaClient.layer(properties)` holds the connections; producer, consumer and admin are layers upon it, or are made in
 * a scope with serdes of one's own. Needs the `effect` package, which nothing else of the client does.
 *
 *     const copy = Effect.gen(function* () {
 *       const consumer = yield* Consumer
 *       const producer = yield* Producer
 *       yield* consumer.subscribe(['orders'])
 *       yield* consumer.records.pipe(
 *         Stream.runForEach(({ topic, partition, offset, value }) =>
 *           producer.transaction(
 *             Effect.gen(function* () {
 *               yield* producer.send({ topic: 'ledger', value })
 *               yield* producer.sendOffsets([{ topic, partition, offset: offset + 1 }], yield* consumer.groupMetadata)
 *             }),
 *           ),
 *         ),
 *       )
 *     }).pipe(Effect.catchTag('PRODUCER_FENCED', () => Effect.logInfo('somebody else has taken over')))
 */
export { Admin, type AdminService } from './admin.ts'
export { Consumer, makeConsumer, type ConsumerLayerOptions, type ConsumerService } from './consumer.ts'
export { failureOf, KafkaFailureOf, type FailureName, type KafkaFailure } from './failure.ts'
export { KafkaClient, type KafkaClientOptions, type KafkaClientService } from './kafka-client.ts'
export { makeProducer, Producer, type ProducerLayerOptions, type ProducerService } from './producer.ts'
