/**
 * Kafka's protocol as bytes: generated message codecs, record batches, compression, the error table.
 * The parts that everyone needs; messages, the API table and the record tables are modules of their own.
 */
export * from './errors.ts'
export * from './io.ts'
export type { ApiSpec } from './api-spec.ts'
