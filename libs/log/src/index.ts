/** A partition's log on disk, in Apache Kafka's formats. */
export * from './contract.ts'
export * from './file-system.ts'
export { LogDirectory, ForeignDirectoryError, type DirectoryIdentity, type DirectoryOptions } from './log-directory.ts'
export { MemoryFileSystem, type CrashOptions, type FileOperation } from './memory-file-system.ts'
export { PartitionLog, type LogSafeguards } from './partition-log.ts'
