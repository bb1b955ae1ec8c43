/** Records of the internal topics by their type: those of the metadata log and those of the coordinators. */
export * from './coordinator-record.ts'
export * from './metadata-record.ts'
export type { CoordinatorRecordCodec, RecordCodec } from './record-codec.ts'
