/** A broker's disk: the file system that forgets, with background syncs that take their (virtual) time. */
import type { FileHandle, StorageError } from '@troupe/log/file-system'
import { MemoryFileSystem } from '@troupe/log/memory-file-system'

export class SimulatedDisk extends MemoryFileSystem {
  /** Asks for `completeSyncs` to be called later. */
  onSyncWanted: () => void = () => {}

  constructor() {
    super({ syncAtOnce: false })
  }

  override syncLater(handles: readonly FileHandle[], done: (error: StorageError | null) => void): void {
    super.syncLater(handles, done)
    this.onSyncWanted()
  }

  override replaceFileLater(path: string, bytes: Uint8Array, done: (error: StorageError | null) => void): void {
    super.replaceFileLater(path, bytes, done)
    this.onSyncWanted()
  }
}
