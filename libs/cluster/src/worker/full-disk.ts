/** A disk that a test can fill: what is there can be read, nothing more can be written. */
import { StorageError, type FileHandle } from '@troupe/log/file-system'
import { NodeFileSystem } from '@troupe/log/node-file-system.node'

let isFull = false

export function setDiskFull(full: boolean): void {
  isFull = full
}

function checkRoom(path: string): void {
  if (isFull) throw new StorageError('ENOSPC', path, 'no space left on device')
}

export class FillableFileSystem extends NodeFileSystem {
  override open(path: string, options?: { mustExist?: boolean }): FileHandle {
    const handle = super.open(path, options)
    const append = handle.append.bind(handle)
    const write = handle.write.bind(handle)
    handle.append = (buffers) => {
      checkRoom(path)
      append(buffers)
    }
    handle.write = (bytes, position) => {
      checkRoom(path)
      write(bytes, position)
    }
    return handle
  }

  override replaceFile(path: string, bytes: Uint8Array): void {
    checkRoom(path)
    super.replaceFile(path, bytes)
  }

  override replaceFileLater(path: string, bytes: Uint8Array, done: (error: StorageError | null) => void): void {
    if (isFull) process.nextTick(done, new StorageError('ENOSPC', path, 'no space left on device'))
    else super.replaceFileLater(path, bytes, done)
  }
}
