/**
 * Record batches of magic 2, the unit of everything a broker stores and sends.
 *
 * Header fields are read in place; records are read and written only where the broker itself is the client.
 */
export * from './batch-build.ts'
export * from './batch-header.ts'
export * from './batch-read.ts'
export * from './batch-validate.ts'
export * from './control-record.ts'
