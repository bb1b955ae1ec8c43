/**
 * The small synchronous file-system port under the storage code.
 *
 * Production implements it with `node:fs` (libs/runtime), the simulator with a disk that tears, loses, fills up
 * and fails. All calls block and are atomic within an actor's step; only `sync` makes bytes survive power loss.
 * Every call may throw `StorageError`.
 */
export interface FileSystem {
  /** Opens for reading and appending. A missing file is created, unless `mustExist`. */
  open(path: string, options?: { mustExist?: boolean }): FileHandle
  exists(path: string): boolean
  /** Names in a directory, sorted; [] when it is missing. */
  list(directory: string): string[]
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  unlink(path: string): void
  removeTree(path: string): void
  readFile(path: string): Uint8Array | undefined
  /** Writes beside, syncs, renames, syncs the directory: after a crash the file is the old or the new one, whole. */
  replaceFile(path: string, bytes: Uint8Array): void
  /**
   * The same without waiting for the disk. Calls of one path take effect in their order: one that `replaceFile` or a
   * later call has overtaken is dropped, and calls back all the same.
   */
  replaceFileLater(path: string, bytes: Uint8Array, done: (error: StorageError | null) => void): void
  syncDirectory(path: string): void
  /** fsync off the path of the bytes (group commit). Calls back later, with the error if there was one. */
  syncLater(handles: readonly FileHandle[], done: (error: StorageError | null) => void): void
  /** Of the volume that holds `path`; absent where it cannot be known. */
  diskSpace?(path: string): { totalBytes: number; usableBytes: number }
}

export interface FileHandle {
  readonly path: string
  /** Bytes in the file, kept by the handle. */
  readonly size: number
  /** Appends all buffers in order. On an error the file may hold a part of them; `size` is what was there before. */
  append(buffers: readonly Uint8Array[]): void
  /** Positioned write inside or at the end of the file (index files). */
  write(bytes: Uint8Array, position: number): void
  /** Returns how many bytes were read; fewer than asked only at the end of the file. */
  read(target: Uint8Array, at: number, length: number, position: number): number
  truncate(size: number): void
  sync(): void
  close(): void
}

/** A failure of the disk. The log that meets one goes offline; Kafka's error for clients is KAFKA_STORAGE_ERROR. */
export class StorageError extends Error {
  readonly code: 'EIO' | 'ENOSPC' | 'ENOENT' | 'EACCES' | 'OTHER'
  readonly path: string
  constructor(code: StorageError['code'], path: string, detail: string) {
    super(`${code} ${path}: ${detail}`)
    this.code = code
    this.path = path
  }
}
