/** `troupe/client`: Producer, Consumer and Admin with Promises, for Troupe and for Apache Kafka. */
export * from '@troupe/client'
