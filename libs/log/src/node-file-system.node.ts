/**
 * The file system of production: `node:fs`, synchronous calls against the page cache, descriptors kept open.
 *
 * Synchronous because that is several times faster at these sizes and makes an append atomic within a step; only
 * `syncLater` leaves the thread (fdatasync in libuv's pool), so that group commit is never on the path of the bytes.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { StorageError, type FileHandle, type FileSystem } from './file-system.ts'

const codes = new Set(['EIO', 'ENOSPC', 'ENOENT', 'EACCES'])

function storageError(error: unknown, path: string): StorageError {
  if (error instanceof StorageError) return error
  const { code, message } = error as NodeJS.ErrnoException
  // A quota that is used up is a full disk to us.
  const known = code === 'EDQUOT' ? 'ENOSPC' : code === 'EPERM' || code === 'EROFS' ? 'EACCES' : code
  return new StorageError(known && codes.has(known) ? (known as StorageError['code']) : 'OTHER', path, message)
}

function attempt<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw storageError(error, path)
  }
}

/**
 * How bytes are made durable, and descriptors closed. Node forbids fsync to threads that run under its permission
 * model, so the broker workers of the runtime bring their own.
 */
export interface SyncCalls {
  fsync(descriptor: number): void
  fdatasync(descriptor: number): void
  fdatasyncLater(descriptor: number, done: (error: Error | null) => void): void
  close(descriptor: number): void
}

const nodeSyncCalls: SyncCalls = {
  fsync: fs.fsyncSync,
  fdatasync: fs.fdatasyncSync,
  fdatasyncLater: fs.fdatasync,
  close: fs.closeSync,
}

export class NodeFileSystem implements FileSystem {
  readonly #sync: SyncCalls
  /** Files that are being replaced in the background, by path: which call is the latest. */
  readonly #replacing = new Map<string, symbol>()

  constructor(sync: SyncCalls = nodeSyncCalls) {
    this.#sync = sync
  }

  open(path: string, options?: { mustExist?: boolean }): FileHandle {
    const { O_RDWR, O_CREAT } = fs.constants
    return attempt(path, () => {
      const descriptor = fs.openSync(path, options?.mustExist ? O_RDWR : O_RDWR | O_CREAT, 0o644)
      return new NodeFileHandle(path, descriptor, fs.fstatSync(descriptor).size, this.#sync)
    })
  }

  exists(path: string): boolean {
    return fs.existsSync(path)
  }

  list(directory: string): string[] {
    try {
      return fs.readdirSync(directory).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw storageError(error, directory)
    }
  }

  makeDirectory(path: string): void {
    attempt(path, () => fs.mkdirSync(path, { recursive: true }))
  }

  rename(from: string, to: string): void {
    attempt(from, () => fs.renameSync(from, to))
  }

  unlink(path: string): void {
    attempt(path, () => fs.unlinkSync(path))
  }

  removeTree(path: string): void {
    attempt(path, () => fs.rmSync(path, { recursive: true, force: true }))
  }

  readFile(path: string): Uint8Array | undefined {
    try {
      return fs.readFileSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw storageError(error, path)
    }
  }

  replaceFile(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`
    // What is under way for this file is older.
    this.#replacing.delete(path)
    attempt(path, () => {
      const descriptor = fs.openSync(temporary, 'w', 0o644)
      try {
        writeWhole(descriptor, bytes)
        this.#sync.fsync(descriptor)
      } finally {
        fs.closeSync(descriptor)
      }
      fs.renameSync(temporary, path)
    })
    this.syncDirectory(dirname(path))
  }

  replaceFileLater(path: string, bytes: Uint8Array, done: (error: StorageError | null) => void): void {
    const temporary = `${path}.later.tmp`
    const turn = Symbol(path)
    const end = (error: unknown): void => {
      if (this.#replacing.get(path) === turn) this.#replacing.delete(path)
      done(error === null ? null : storageError(error, path))
    }
    const overtaken = (): boolean => this.#replacing.get(path) !== turn
    this.#replacing.set(path, turn)
    this.#writeLater(temporary, bytes, (error) => {
      if (error !== null || overtaken()) return end(overtaken() ? null : error)
      try {
        fs.renameSync(temporary, path)
      } catch (failure) {
        return end(failure)
      }
      this.#syncDirectoryLater(dirname(path), end)
    })
  }

  /** `done` is called later, also when it fails at once. */
  #writeLater(path: string, bytes: Uint8Array, done: (error: unknown) => void): void {
    let descriptor = -1
    try {
      // A file of its own: one that was overtaken may be being synced still.
      fs.rmSync(path, { force: true })
      descriptor = fs.openSync(path, 'w', 0o644)
      writeWhole(descriptor, bytes)
    } catch (error) {
      if (descriptor >= 0) fs.closeSync(descriptor)
      process.nextTick(done, error)
      return
    }
    this.#syncAndClose(descriptor, done)
  }

  #syncDirectoryLater(path: string, done: (error: unknown) => void): void {
    let descriptor: number
    try {
      descriptor = fs.openSync(path, 'r')
    } catch (error) {
      return done(error)
    }
    this.#syncAndClose(descriptor, done)
  }

  #syncAndClose(descriptor: number, done: (error: unknown) => void): void {
    this.#sync.fdatasyncLater(descriptor, (error) => {
      this.#sync.close(descriptor)
      done(error)
    })
  }

  syncDirectory(path: string): void {
    attempt(path, () => {
      const descriptor = fs.openSync(path, 'r')
      try {
        this.#sync.fsync(descriptor)
      } finally {
        fs.closeSync(descriptor)
      }
    })
  }

  syncLater(handles: readonly FileHandle[], done: (error: StorageError | null) => void): void {
    let open = handles.length
    let failure: StorageError | null = null
    if (open === 0) {
      process.nextTick(done, null)
      return
    }
    for (const handle of handles as readonly NodeFileHandle[]) {
      this.#sync.fdatasyncLater(handle.descriptor, (error) => {
        if (error) failure ??= storageError(error, handle.path)
        open -= 1
        if (open === 0) done(failure)
      })
    }
  }

  diskSpace(path: string): { totalBytes: number; usableBytes: number } {
    const { bsize, blocks, bavail } = attempt(path, () => fs.statfsSync(path))
    return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
  }
}

function writeWhole(descriptor: number, bytes: Uint8Array): void {
  let written = 0
  while (written < bytes.length) written += fs.writeSync(descriptor, bytes, written)
}

class NodeFileHandle implements FileHandle {
  readonly path: string
  readonly descriptor: number
  size: number
  readonly #sync: SyncCalls

  constructor(path: string, descriptor: number, size: number, sync: SyncCalls) {
    this.#sync = sync
    this.path = path
    this.descriptor = descriptor
    this.size = size
  }

  append(buffers: readonly Uint8Array[]): void {
    let at = this.size
    try {
      if (buffers.length === 1) at = this.#writeAll(buffers[0], at)
      else {
        const written = fs.writevSync(this.descriptor, buffers as Uint8Array[], at)
        at = this.#writeRest(buffers, written, at + written)
      }
    } catch (error) {
      throw storageError(error, this.path)
    }
    this.size = at
  }

  write(bytes: Uint8Array, position: number): void {
    try {
      const end = this.#writeAll(bytes, position)
      if (end > this.size) this.size = end
    } catch (error) {
      throw storageError(error, this.path)
    }
  }

  read(target: Uint8Array, at: number, length: number, position: number): number {
    let count = 0
    try {
      while (count < length) {
        const read = fs.readSync(this.descriptor, target, at + count, length - count, position + count)
        if (read === 0) break
        count += read
      }
    } catch (error) {
      throw storageError(error, this.path)
    }
    return count
  }

  truncate(size: number): void {
    if (size >= this.size) return
    attempt(this.path, () => fs.ftruncateSync(this.descriptor, size))
    this.size = size
  }

  sync(): void {
    attempt(this.path, () => this.#sync.fdatasync(this.descriptor))
  }

  close(): void {
    attempt(this.path, () => this.#sync.close(this.descriptor))
  }

  #writeAll(bytes: Uint8Array, position: number): number {
    let written = 0
    while (written < bytes.length) {
      written += fs.writeSync(this.descriptor, bytes, written, bytes.length - written, position + written)
    }
    return position + written
  }

  /** What a short writev left over. */
  #writeRest(buffers: readonly Uint8Array[], written: number, position: number): number {
    let skip = written
    let at = position
    for (const buffer of buffers) {
      if (skip >= buffer.length) {
        skip -= buffer.length
        continue
      }
      at = this.#writeAll(skip > 0 ? buffer.subarray(skip) : buffer, at)
      skip = 0
    }
    return at
  }
}
